import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { card } from '../support/samples.ts'
import { stopSchemaWatch } from '../support/stop-schema-watch.ts'
import { TestVault } from '../support/test-vault.ts'

/** The owner of the database swallows or rewrites the events of releases, to hide them. */
let vault: TestVault
let staff: string
let token: string

beforeAll(async () => {
  vault = await TestVault.start({ config: { keepsLog: true } })
  await stopSchemaWatch(vault)
  staff = await vault.staffToken('fraud')
  token = (await vault.tokenize({ card })).card!.token!
})
afterAll(() => vault.stop())

const sql = (text: string) => vault.database.sql(text)
const reveal = () =>
  vault.call('POST', `/v1/tokens/${token}/reveal`, { token: staff, body: { purpose: 'enforce-rights' } })
const alerts = (code: string) => vault.logLines.map((line) => JSON.parse(line)).filter(({ alert }) => alert === code)

const FUNCTION = (body: string) =>
  `CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN ${body} END $$`
const OTHER_CALLER = `regexp_replace(NEW.body, '"caller":\\{"id":"[^"]*"', '"caller":{"id":"staff:somebody else"')`
const ofReveals = (body: string) => `IF name_of('type', NEW.type) = 'record.reveal' THEN ${body} END IF;`

const meddlings: Record<string, string[]> = {
  'a trigger that swallows them': [
    FUNCTION(`${ofReveals('RETURN NULL;')} RETURN NEW;`),
    'CREATE TRIGGER meddle BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION meddle()',
  ],
  'a trigger that names another caller': [
    FUNCTION(`${ofReveals(`NEW.body := ${OTHER_CALLER};`)} RETURN NEW;`),
    'CREATE TRIGGER meddle BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION meddle()',
  ],
  'a trigger that hides the record beside the body': [
    FUNCTION(`${ofReveals('NEW.token := NULL;')} RETURN NEW;`),
    'CREATE TRIGGER meddle BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION meddle()',
  ],
  'a trigger that removes them afterwards': [
    FUNCTION(`${ofReveals('DELETE FROM audit_events WHERE id = NEW.id;')} RETURN NULL;`),
    'CREATE TRIGGER meddle AFTER INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION meddle()',
  ],
  'a trigger that rewrites them at the commit': [
    FUNCTION(`${ofReveals(`UPDATE audit_events SET body = ${OTHER_CALLER} WHERE id = NEW.id;`)} RETURN NULL;`),
    `DO $$ DECLARE part regclass; BEGIN
       FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'audit_events'::regclass LOOP
         EXECUTE format('CREATE CONSTRAINT TRIGGER meddle AFTER INSERT ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION meddle()', part);
       END LOOP; END $$`,
  ],
  'a deferred trigger of another table': [
    `CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
       DELETE FROM readable.audit_events WHERE id = NEW.event; RETURN NULL; END $$`,
    'CREATE CONSTRAINT TRIGGER meddle AFTER INSERT ON reveal_reasons DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION meddle()',
  ],
  'a rule that does nothing instead': [
    "CREATE RULE meddle AS ON INSERT TO audit_events WHERE name_of('type', NEW.type) = 'record.reveal' DO INSTEAD NOTHING",
  ],
  'a rule that removes them too': [
    "CREATE RULE meddle AS ON INSERT TO audit_events DO ALSO DELETE FROM audit_events WHERE name_of('type', type) = 'record.reveal'",
  ],
  'a view in place of the table': [
    'ALTER TABLE audit_events RENAME TO real_events',
    'CREATE VIEW audit_events AS SELECT * FROM real_events',
    'GRANT SELECT, INSERT ON audit_events TO strongroom_runtime',
    FUNCTION(
      `INSERT INTO real_events (id, type, purpose, caller, token, site, body, mac)
       VALUES (NEW.id, NEW.type, NEW.purpose, NEW.caller, NEW.token, NEW.site, ${OTHER_CALLER}, NEW.mac); RETURN NEW;`,
    ),
    'CREATE TRIGGER meddle INSTEAD OF INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION meddle()',
  ],
  'a policy that keeps them out': [
    'ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY',
    'CREATE POLICY meddle ON audit_events FOR SELECT USING (true)',
    "CREATE POLICY meddle_too ON audit_events FOR INSERT WITH CHECK (name_of('type', type) <> 'record.reveal')",
  ],
  'a policy that hides them': [
    'ALTER TABLE audit_events ENABLE ROW LEVEL SECURITY',
    "CREATE POLICY meddle ON audit_events FOR SELECT USING (name_of('type', type) <> 'record.reveal')",
    'CREATE POLICY meddle_too ON audit_events FOR INSERT WITH CHECK (true)',
  ],
}

const UNDO = `
  DO $$ BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = 'audit_events'::regclass) = 'v' THEN
      DROP VIEW audit_events; ALTER TABLE real_events RENAME TO audit_events;
    END IF;
  END $$;
  DROP POLICY IF EXISTS meddle ON audit_events; DROP POLICY IF EXISTS meddle_too ON audit_events;
  ALTER TABLE audit_events DISABLE ROW LEVEL SECURITY;
  DROP RULE IF EXISTS meddle ON audit_events;
  DROP FUNCTION IF EXISTS meddle() CASCADE`

describe('nothing leaves behind', () => {
  afterEach(() => sql(UNDO))

  it.each(Object.entries(meddlings))('%s', async (_, statements) => {
    const before = alerts('audit-missing').length
    const reasoned = { purpose: 'enforce-rights', reason: 'chargeback' }
    const ask = () => vault.call('POST', `/v1/tokens/${token}/reveal`, { token: staff, body: reasoned })
    for (const statement of statements) await sql(statement)
    const answer = await ask()
    expect(answer.status, answer.text).toBe(503)
    expect(answer.body.code).toBe('audit-unavailable')
    expect(answer.text).not.toContain(card.number)
    // What PostgreSQL itself refuses was never stored, and is not reported as missing.
    const isRefused = statements.some((statement) => /WITH CHECK \(name_of|DO ALSO/.test(statement))
    expect(alerts('audit-missing').length > before).toBe(!isRefused)
    await sql(UNDO)
    // Nothing has left, so the next release is allowed.
    const patience = { timeout: 20_000, interval: 200 }
    const released = await vi.waitFor(async () => {
      const again = await ask()
      expect(again.status).toBe(200)
      return again.body.event as string
    }, patience)
    // What has left and is hidden before it is in the log would be gone: releases would stop for good.
    const inLog = () => vault.database.sql('SELECT FROM readable.audit_leaves WHERE event = $1', [released])
    await vi.waitFor(async () => expect(await inLog()).toHaveLength(1), patience)
  })
})

it('a rule that has turned writing into nothing in every session has no effect when it is gone', async () => {
  const other = await vault.staffToken('fraud', { name: 'another one' })
  const refused = () => vault.call('GET', '/v1/tokens/nonsense', { token: other })
  const statuses = async () =>
    new Set((await Promise.all(Array.from({ length: 12 }, refused))).map(({ status }) => status))
  await sql('CREATE RULE meddle AS ON INSERT TO audit_events DO INSTEAD NOTHING')
  for (let round = 0; round < 4; round++) expect(await statuses()).toEqual(new Set([503]))
  await sql(UNDO)
  await vi.waitFor(async () => expect(await statuses()).not.toContain(503), { timeout: 20_000, interval: 500 })
  for (let round = 0; round < 3; round++) expect(await statuses()).not.toContain(503)
})

it('a change is taken back with the event that was swallowed', async () => {
  await sql(FUNCTION(`IF name_of('type', NEW.type) = 'record.erase' THEN RETURN NULL; END IF; RETURN NEW;`))
  await sql('CREATE TRIGGER meddle BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION meddle()')
  const officer = await vault.staffToken('privacy-officer')
  const erase = () => vault.call('DELETE', `/v1/tokens/${token}`, { token: officer })
  expect((await erase()).status).toBe(503)
  await sql(UNDO)
  expect((await reveal()).status).toBe(200)
})
