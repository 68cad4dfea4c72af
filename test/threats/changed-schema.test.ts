import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { findSchema } from '../../src/schema/accept-schema.ts'
import { expectProblem } from '../support/problems.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** The owner of the database has triggers, rules, views and functions change or swallow what the vault writes. */
const PATIENCE = { timeout: 20_000, interval: 100 }
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

let vault: TestVault
let staff: string
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  await vault.database.sql(`
    CREATE SCHEMA elsewhere;
    CREATE TABLE elsewhere.orders (id text PRIMARY KEY);
    CREATE FUNCTION elsewhere.takes(text) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN true; END $$;
    CREATE DOMAIN elsewhere.taken AS text CHECK (elsewhere.takes(VALUE));
    CREATE FUNCTION elsewhere.swallow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    CREATE FUNCTION elsewhere.differs(text, varchar) RETURNS boolean LANGUAGE sql RETURN $1 <> $2::text`)
  staff = await vault.staffToken('support')
  token = (await vault.tokenize({ contact })).contact!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const sql = (text: string) => vault.database.sql(text)
const look = () => vault.strongroom.background.tasks.get('watch-database-schema')!.run()
const read = () => vault.call('GET', `/v1/tokens/${token}`, { token: staff })
const ready = () => vault.call('GET', '/readyz')
const alerts = () =>
  vault.logLines.map((line) => JSON.parse(line)).filter(({ alert }) => alert === 'schema-changed') as {
    hash: string
    differences: string
  }[]
const findings = async () => {
  const database = openDatabase({ url: vault.database.serverUrl, maxConnections: 1 })
  return findSchema(database).finally(() => database.close())
}
/** Whoever asks has it looked at: no minute has to go by. */
const readyAgain = () => vi.waitFor(async () => expect((await ready()).status).toBe(200), PATIENCE)

const VIEW = `
  CREATE VIEW settings AS SELECT * FROM real_settings;
  GRANT SELECT, INSERT, UPDATE ON settings TO strongroom_runtime;`

/** What is done, how it is undone, and what is said of it. */
const changes: [name: string, change: string, undo: string, said: string][] = [
  [
    'a trigger before',
    'CREATE TRIGGER swallow BEFORE INSERT ON reveal_reasons FOR EACH ROW EXECUTE FUNCTION elsewhere.swallow()',
    'DROP TRIGGER swallow ON reveal_reasons',
    'trigger swallow on reveal_reasons was added',
  ],
  [
    'a trigger after',
    'CREATE TRIGGER undo AFTER INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION elsewhere.swallow()',
    'DROP TRIGGER undo ON audit_events',
    'trigger undo on audit_events was added',
  ],
  [
    'a deferred trigger',
    `CREATE CONSTRAINT TRIGGER late AFTER INSERT ON records DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW EXECUTE FUNCTION elsewhere.swallow()`,
    'DROP TRIGGER late ON records',
    'trigger late on records was added',
  ],
  [
    'a trigger on one partition',
    'CREATE TRIGGER swallow BEFORE INSERT ON audit_events_early FOR EACH ROW EXECUTE FUNCTION elsewhere.swallow()',
    'DROP TRIGGER swallow ON audit_events_early',
    'trigger swallow on audit_events_early was added',
  ],
  [
    'a trigger that is turned off on one table',
    'ALTER TABLE clients DISABLE TRIGGER access_version',
    'ALTER TABLE clients ENABLE ALWAYS TRIGGER access_version',
    'trigger access_version on clients was changed',
  ],
  [
    'a trigger that is gone',
    'DROP TRIGGER access_version_truncated ON partners',
    `CREATE TRIGGER access_version_truncated AFTER TRUNCATE ON partners EXECUTE FUNCTION change_access_version();
     ALTER TABLE partners ENABLE ALWAYS TRIGGER access_version_truncated`,
    'trigger access_version_truncated on partners is missing',
  ],
  [
    'a rule',
    'CREATE RULE swallow AS ON INSERT TO audit_events DO INSTEAD NOTHING',
    'DROP RULE swallow ON audit_events',
    'rule swallow on audit_events was added',
  ],
  [
    'a view in place of a table, with a trigger instead of writing',
    `ALTER TABLE settings RENAME TO real_settings; ${VIEW}
     CREATE TRIGGER swallow INSTEAD OF INSERT ON settings FOR EACH ROW EXECUTE FUNCTION elsewhere.swallow()`,
    'DROP VIEW settings; ALTER TABLE real_settings RENAME TO settings',
    'table settings was changed; trigger swallow on settings was added',
  ],
  [
    'a policy',
    `ALTER TABLE disabled_staff ENABLE ROW LEVEL SECURITY;
     CREATE POLICY hide ON disabled_staff USING (false)`,
    'DROP POLICY hide ON disabled_staff; ALTER TABLE disabled_staff DISABLE ROW LEVEL SECURITY',
    'policy hide on disabled_staff was added; table disabled_staff was changed',
  ],
  [
    'rows hidden without a policy',
    'ALTER TABLE disabled_staff ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE disabled_staff DISABLE ROW LEVEL SECURITY',
    'table disabled_staff was changed',
  ],
  [
    'a function that does something else',
    'ALTER FUNCTION audit_prepare_partitions() SET search_path = elsewhere, pg_catalog',
    'ALTER FUNCTION audit_prepare_partitions() SET search_path = pg_catalog, public, pg_temp',
    'function audit_prepare_partitions() was changed',
  ],
  [
    "a function that fits better than PostgreSQL's own",
    'CREATE FUNCTION length(varchar) RETURNS integer LANGUAGE sql AS $$ SELECT 32 $$',
    'DROP FUNCTION length(varchar)',
    'function length(character varying) was added',
  ],
  [
    "an operator that fits better than PostgreSQL's own",
    'CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = varchar, FUNCTION = elsewhere.differs)',
    'DROP OPERATOR public.= (text, varchar)',
    'operator = (text, character varying) was added',
  ],
  [
    'a default that puts events where the log never looks',
    'ALTER TABLE audit_events ALTER position SET DEFAULT -1',
    "ALTER TABLE audit_events ALTER position SET DEFAULT nextval('audit_positions')",
    'default of audit_events.position was changed',
  ],
  [
    'a sequence that goes backwards',
    'ALTER SEQUENCE audit_positions INCREMENT BY -1',
    'ALTER SEQUENCE audit_positions INCREMENT BY 1',
    'sequence audit_positions was changed',
  ],
  [
    'another table whose rows are read with those of one',
    'CREATE TABLE elsewhere.more () INHERITS (clients)',
    'DROP TABLE elsewhere.more',
    'table elsewhere.more was added',
  ],
  [
    'rights of the role',
    'GRANT DELETE ON records TO strongroom_runtime',
    'REVOKE DELETE ON records FROM strongroom_runtime',
    'right to delete records was added',
  ],
  [
    'rights of everyone',
    'GRANT UPDATE (body) ON audit_events TO PUBLIC',
    'REVOKE UPDATE (body) ON audit_events FROM PUBLIC',
    'right to update body of audit_events was added',
  ],
  [
    'rights that are taken away',
    'REVOKE DELETE ON disabled_staff FROM strongroom_runtime',
    'GRANT DELETE ON disabled_staff TO strongroom_runtime',
    'right to delete disabled_staff is missing',
  ],
  [
    'a check that runs a function',
    'ALTER TABLE records ADD CONSTRAINT looked CHECK (elsewhere.takes(site)) NOT VALID',
    'ALTER TABLE records DROP CONSTRAINT looked',
    'check looked on records was added',
  ],
  [
    "a check that runs a function of PostgreSQL's own with an effect",
    "ALTER TABLE records ADD CONSTRAINT looked CHECK (set_config('a.site', site, true) IS NOT NULL) NOT VALID",
    'ALTER TABLE records DROP CONSTRAINT looked',
    'check looked on records was added',
  ],
  [
    'a shipped check that runs a function besides',
    `ALTER TABLE records DROP CONSTRAINT records_version_check,
       ADD CONSTRAINT records_version_check CHECK (version > 0 AND elsewhere.takes(site))`,
    `ALTER TABLE records DROP CONSTRAINT records_version_check, ADD CONSTRAINT records_version_check CHECK (version > 0)`,
    'check records_version_check on records was added',
  ],
  [
    'a foreign key that takes rows away',
    'ALTER TABLE record_versions ADD CONSTRAINT owned FOREIGN KEY (site) REFERENCES elsewhere.orders ON DELETE CASCADE NOT VALID',
    'ALTER TABLE record_versions DROP CONSTRAINT owned',
    'foreign key owned on public.record_versions was added',
  ],
  [
    'a foreign key of another table that acts when a row goes',
    `CREATE TABLE elsewhere.notes (client text REFERENCES clients ON DELETE SET NULL ON UPDATE CASCADE)`,
    'DROP TABLE elsewhere.notes',
    'foreign key notes_client_fkey on elsewhere.notes was added',
  ],
  [
    'a column whose type is a domain that runs a function',
    'ALTER TABLE settings ADD COLUMN note elsewhere.taken',
    'ALTER TABLE settings DROP COLUMN note',
    'type elsewhere.taken of settings.note was added',
  ],
  [
    'a type that stores less',
    'ALTER TABLE disabled_staff ALTER disabled_at TYPE timestamptz(0)',
    'ALTER TABLE disabled_staff ALTER disabled_at TYPE timestamptz',
    'column disabled_staff.disabled_at was changed',
  ],
  [
    'a generated column',
    'ALTER TABLE disabled_staff ADD COLUMN upper text GENERATED ALWAYS AS (lower(id)) STORED',
    'ALTER TABLE disabled_staff DROP COLUMN upper',
    'default of disabled_staff.upper was added',
  ],
  [
    'an index over what a function says',
    'CREATE INDEX looked ON settings (elsewhere.takes(value))',
    'DROP INDEX looked',
    'code of index public.looked was added',
  ],
  [
    'rights on a partition',
    'GRANT UPDATE ON audit_events_early TO strongroom_runtime',
    'REVOKE UPDATE ON audit_events_early FROM strongroom_runtime',
    'right to update audit_events_early was added',
  ],
]

describe('service is refused, with an alert, until it is undone', () => {
  it.each(changes)('after %s', async (_name, change, undo, said) => {
    const before = alerts().length
    await sql(change)
    try {
      await look()
      expectProblem(await read(), 503, 'schema-changed')
      expectProblem(await vault.call('GET', '/v1/audit/checkpoint', { token: staff }), 503, 'schema-changed')
      expectProblem(await ready(), 503, 'schema-changed')
      expect((await vault.call('GET', '/healthz')).status).toBe(200)
      await look()
      const { differences, hash } = await findings()
      expect(differences.join('; ')).toBe(said)
      expect(alerts().slice(before)).toEqual([expect.objectContaining({ hash, differences: said })])
    } finally {
      await sql(undo)
    }
    await look()
    expect((await read()).status).toBe(200)
    // The log may have been out of reach behind the change, and an event shows that it is there again.
    await expect.poll(async () => (await ready()).status, { timeout: 20_000 }).toBe(200)
    expect(await findings()).toMatchObject({ differences: [], others: [] })
  })

  it('after the same once more, which is another alert', async () => {
    const [, change, undo] = changes[0]!
    const before = alerts().length
    for (const _time of [1, 2]) {
      await sql(change)
      await look()
      await sql(undo)
      await look()
    }
    expect(alerts().length - before).toBe(2)
  })
})

describe('an operator', () => {
  const [, change, undo] = changes[0]!
  const accept = (hash: string) => vault.strongroom.commands.acceptSchema(OPERATOR, hash)

  it('accepts the schema as it is, by its hash, which is an event; nothing else is accepted with it', async () => {
    await expect(accept('0'.repeat(64))).rejects.toThrow('there is nothing to accept')
    await sql(change)
    await look()
    const { hash } = await findings()
    await expect(accept('0'.repeat(64))).rejects.toThrow(`its hash is ${hash}`)
    expectProblem(await ready(), 503, 'schema-changed')
    expect((await accept(hash)).differences).toEqual(['trigger swallow on reveal_reasons was added'])
    await readyAgain()
    expect((await read()).status).toBe(200)
    expect(await vault.events({ type: 'schema.accept' })).toEqual([
      expect.objectContaining({ caller: OPERATOR, outcome: 'success', schema: hash, count: 1 }),
    ])

    const [, further, back] = changes[1]!
    await sql(further)
    await look()
    expectProblem(await read(), 503, 'schema-changed')
    await sql(back)
    await readyAgain()

    // Under the same name something else.
    await sql(`${undo}; ${change.replace('BEFORE INSERT', 'BEFORE INSERT OR UPDATE')}`)
    await look()
    expectProblem(await read(), 503, 'schema-changed')
    await sql(undo)
    await readyAgain()
  })

  it('is the only one who accepts: a mark that somebody writes into the manifest is believed by no server', async () => {
    await sql(changes[1]![1])
    const { hash } = await findings()
    const [row] = await vault.database.sql<{ manifest: string }>('SELECT manifest FROM key_registry')
    await sql(
      `UPDATE key_registry SET manifest = replace(manifest, '"marks":[', '"marks":["accepted-schema ${hash}",')`,
    )
    await look()
    expect((await read()).status).toBe(503)
    expect((await ready()).status).toBe(503)
    await vault.database.sql('UPDATE key_registry SET manifest = $1', [row!.manifest])
    await vi.waitFor(async () => expectProblem(await ready(), 503, 'schema-changed'), PATIENCE)
    await sql(changes[1]![2])
    await readyAgain()
  })
})
