import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { expectProblem } from '../support/problems.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { card, cards } from '../support/samples.ts'
import { stopSchemaWatch } from '../support/stop-schema-watch.ts'
import { TestVault } from '../support/test-vault.ts'

/** An attacker who can write to the database invents an approval, or uses one again. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const purpose = 'enforce-rights'

let vault: TestVault
let token: string
let asker: string
let approver: string

beforeAll(async () => {
  vault = await TestVault.start()
  await stopSchemaWatch(vault)
  const careful = conditionalRole({ approval: true, break_glass: true })
  await vault.commands.applyRoles(OPERATOR, roleFile({ careful }))
  asker = await vault.staffToken('careful', { name: 'Ann' })
  approver = await vault.staffToken('privacy-officer', { name: 'Olga' })
})
beforeEach(async () => {
  token = (await vault.tokenize({ card })).card!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const sql = <Row = unknown>(text: string, values: unknown[] = []) => vault.database.sql<Row>(text, values)
const reveal = (more: object = {}) =>
  vault.call('POST', `/v1/tokens/${token}/reveal`, {
    token: asker,
    body: { purpose, fields: ['number'], reason: 'Chargeback', ...more },
  })
const decide = async (id: string, verdict: string) =>
  expect((await vault.call('POST', `/v1/approvals/${id}/${verdict}`, { token: approver })).status).toBe(200)
const released = () => vault.events({ type: 'record.reveal', token })

async function request(more: object = {}): Promise<string> {
  const refused = await reveal(more)
  expectProblem(refused, 403, 'approval-required')
  return refused.body.approval
}
async function approved(more: object = {}): Promise<string> {
  const id = await request(more)
  await decide(id, 'approve')
  return id
}
async function used(): Promise<string> {
  const id = await approved()
  expect((await reveal()).body.data).toEqual({ number: cards.visa })
  return id
}
async function reviewed(): Promise<string> {
  expect((await reveal({ break_glass: true })).status).toBe(200)
  const id = (await released())[0]!.approval as string
  await decide(id, 'review')
  return id
}
async function refused(): Promise<string> {
  const id = await request()
  await decide(id, 'refuse')
  return id
}

/** Nothing leaves, however often it is asked for, and that is an alert. */
async function expectNothing(id: string, more: object = {}): Promise<void> {
  const before = await released()
  const lines = vault.logLines.length
  for (let times = 0; times < 2; times++) expectProblem(await reveal(more), 403, 'approval-required')
  await vi.waitUntil(() =>
    vault.logLines.slice(lines).some((line) => line.includes('"approval-changed"') && line.includes(id)),
  )
  expect(await released()).toEqual(before)
}

describe('what is called approved in the database', () => {
  it.each<[string, () => Promise<string>, string]>([
    ['and waits', () => request(), ''],
    ['and was refused', refused, ''],
    ['and was reviewed', reviewed, ''],
    ['and was used', used, ''],
    ['and was used, with its use deleted', used, 'DELETE FROM approval_uses WHERE approval = $1'],
    [
      'and was used, with its use moved',
      used,
      "UPDATE approval_uses SET approval = 'apr_' || md5(approval) WHERE approval = $1",
    ],
  ])('%s, lets nothing out', async (_what, make, also) => {
    const id = await make()
    await sql("UPDATE approvals SET state = 'approved' WHERE id = $1", [id])
    if (also !== '') await sql(also, [id])
    await expectNothing(id)
  })

  it('and was used releases nothing in the process that used it, even if all traces of the use are removed', async () => {
    const id = await used()
    await sql("UPDATE approvals SET state = 'approved' WHERE id = $1", [id])
    await sql('DELETE FROM approval_uses WHERE approval = $1', [id])
    await sql("DELETE FROM readable.audit_events WHERE token = $1 AND type = 'record.reveal'", [token])
    await expectNothing(id)
  })

  it('with the MAC of another approval, lets nothing out', async () => {
    const other = await approved({ ticket: 'CASE-1' })
    const id = await request()
    await sql(
      `UPDATE approvals a SET (state, mac, decided_by, decided_at, expires_at) =
         (SELECT state, mac, decided_by, decided_at, expires_at FROM approvals WHERE id = $2) WHERE id = $1`,
      [id, other],
    )
    await expectNothing(id)
  })

  it.each([
    ['never ends', "expires_at = 'infinity'"],
    ['ends in a year that only PostgreSQL has', "expires_at = '290000-01-01'"],
    ['lasts a second longer', "expires_at = expires_at + interval '1 second'"],
    ['was decided by another', "decided_by = 'staff:otto'"],
    ['was decided by no person', 'decided_by = NULL'],
    ['was decided at another time', "decided_at = decided_at - interval '1 second'"],
    ['was decided at no time', "decided_at = '-infinity'"],
    ['has no MAC', 'mac = NULL'],
    ['has an empty MAC', "mac = ''"],
  ])('and %s, lets nothing out', async (_what, change) => {
    const id = await approved()
    await sql(`UPDATE approvals SET ${change} WHERE id = $1`, [id])
    await expectNothing(id)
    for (const path of ['?state=approved', '?state=pending', `/${id}`]) {
      const seen = await vault.call('GET', `/v1/approvals${path}`, { token: approver })
      expect(seen.status, seen.text).toBe(200)
    }
    // Nor does it block one that the vault has given.
    await approved()
    expect((await reveal()).status).toBe(200)
  })
})

describe('a request that was changed before a person decides', () => {
  const look = (path: string) => vault.call('GET', `/v1/approvals${path}`, { token: approver })
  const tryTo = (id: string, verdict: string) =>
    vault.call('POST', `/v1/approvals/${id}/${verdict}`, { token: approver })
  const breakGlass = async () => {
    expect((await reveal({ break_glass: true })).status).toBe(200)
    return (await released())[0]!.approval as string
  }

  it.each<[string, string, (() => Promise<string>)?]>([
    ['by the caller', "caller = 'staff:otto'"],
    ['by the role', "role = 'privacy-officer'"],
    [
      'by the record',
      "token = (SELECT token FROM readable.records WHERE token <> a.token AND token LIKE 'card%' LIMIT 1)",
    ],
    ['by the version of the record', 'record_version = record_version + 1'],
    ['by the fields', "fields = '{number,holder_name}'"],
    ['by the purpose', "purpose = 'process-payment'"],
    ['by the ticket', "ticket = 'CASE-2'"],
    ['by the authority', "authority = 'police'"],
    ['by the time', "requested_at = requested_at + interval '1 minute'"],
    ['by its end', "expires_at = expires_at + interval '1 minute'"],
    ['by an end that never comes', "expires_at = 'infinity'"],
    ['without its MAC', 'request_mac = NULL'],
    ['under the MAC of another', 'request_mac = (SELECT request_mac FROM approvals o WHERE o.id <> a.id LIMIT 1)'],
    ['after a release without waiting', "state = 'pending'", breakGlass],
  ])('%s is not shown, and cannot be approved', async (_what, change, make = () => request()) => {
    await request({ fields: ['exp_year'] })
    const id = await make()
    await sql(`UPDATE approvals a SET ${change} WHERE id = $1`, [id])
    const lines = vault.logLines.length
    expectProblem(await look(`/${id}`), 409, 'approval-changed')
    expect((await look('?limit=100')).body.approvals.map((one: { id: string }) => one.id)).not.toContain(id)
    for (const verdict of ['approve', 'refuse']) expectProblem(await tryTo(id, verdict), 409, 'approval-changed')
    await vi.waitUntil(() =>
      vault.logLines.slice(lines).some((line) => line.includes('"approval-changed"') && line.includes(id)),
    )
    // It blocks nothing, and is made again.
    expect(await request()).not.toBe(id)
  })

  it('between the look and the decision is not approved', async () => {
    const id = await request()
    expect((await look(`/${id}`)).body).toMatchObject({ caller: 'staff:ann', reason: 'Chargeback' })
    await sql("UPDATE approvals SET caller = 'staff:otto' WHERE id = $1", [id])
    expectProblem(await tryTo(id, 'approve'), 409, 'approval-changed')
  })

  it('after the glass was broken is not reviewed', async () => {
    const id = await breakGlass()
    await sql("UPDATE approvals SET caller = 'staff:otto' WHERE id = $1", [id])
    expectProblem(await look(`/${id}`), 409, 'approval-changed')
    expectProblem(await tryTo(id, 'review'), 409, 'approval-changed')
  })

  it('keeps its MAC when the keys of MACs are replaced, and one that was changed gets none', async () => {
    const [good, bad] = [await request(), await request({ fields: ['exp_year'] })]
    await sql("UPDATE approvals SET purpose = 'process-payment' WHERE id = $1", [bad])
    const [key] = await sql<{ id: string }>("SELECT id FROM keys WHERE purpose = 'access-mac' AND state = 'active'")
    await vault.commands.compromiseKey(OPERATOR, key!.id)
    expect((await look(`/${good}`)).status).toBe(200)
    expectProblem(await look(`/${bad}`), 409, 'approval-changed')
    await decide(good, 'approve')
    expect((await reveal()).body.data).toEqual({ number: cards.visa })
  })
})

describe('the ticket that was approved is the one that is released', () => {
  it('when another one is asked for', async () => {
    const id = await approved({ ticket: 'CASE-1' })
    for (const more of [{ ticket: 'CASE-999' }, {}]) expect(await request(more)).not.toBe(id)
    expect((await reveal({ ticket: 'CASE-1' })).status).toBe(200)
    expect(await released()).toEqual([expect.objectContaining({ ticket: 'CASE-1', approval: id })])
  })

  it('when the row names another one', async () => {
    const id = await approved({ ticket: 'CASE-1' })
    await sql("UPDATE approvals SET ticket = 'CASE-999' WHERE id = $1", [id])
    await expectNothing(id, { ticket: 'CASE-999' })
  })
})

describe('a use', () => {
  it('is there to stay, as far as the role of the server goes', async () => {
    const id = await used()
    const server = openDatabase({ url: vault.database.serverUrl, maxConnections: 1 })
    try {
      for (const [at, text] of [
        'DELETE FROM approval_uses',
        'TRUNCATE approval_uses',
        "UPDATE approval_uses SET approval = 'apr_0'",
        "INSERT INTO approval_uses (approval, event, used_at) VALUES ('apr_0', 'evt_0', 'epoch')",
      ].entries()) {
        await expect(server.query({ name: `attack-${at}`, text }), text).rejects.toMatchObject({ sqlState: '42501' })
      }
      await server.query({ name: 'sweep', text: 'SELECT sweep_approval_uses()' })
    } finally {
      await server.close()
    }
    const [event] = await released()
    expect(await sql('SELECT approval, event FROM approval_uses WHERE approval = $1', [id])).toEqual([
      { approval: id, event: event!.id },
    ])
  })

  it('that a trigger swallows lets nothing out; one that a trigger takes back lets out nothing more', async () => {
    const trigger = (when: string, body: string) =>
      sql(`CREATE OR REPLACE FUNCTION undo_use() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ${body} END $$;
           CREATE OR REPLACE TRIGGER undo_use ${when} INSERT ON approval_uses FOR EACH ROW EXECUTE FUNCTION undo_use()`)
    try {
      const id = await approved()
      await trigger('BEFORE', 'RETURN NULL;')
      expectProblem(await reveal(), 403, 'approval-required')
      expect(await released()).toEqual([])
      await sql('DROP TRIGGER undo_use ON approval_uses')
      await trigger(
        'AFTER',
        `DELETE FROM approval_uses WHERE approval = NEW.approval;
         UPDATE approvals SET state = 'approved' WHERE id = NEW.approval; RETURN NULL;`,
      )
      await sql('ALTER FUNCTION undo_use SECURITY DEFINER')
      const answers = await Promise.all([reveal(), reveal(), reveal()])
      expect(answers.map(({ status }) => status).sort()).toEqual([200, 403, 403])
      await expectNothing(id)
    } finally {
      await sql('DROP FUNCTION undo_use CASCADE')
    }
  })

  it('commits with the event of its release, or not at all', async () => {
    await approved()
    await sql(`CREATE FUNCTION refuse_event() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF name_of('type', NEW.type) = 'record.reveal' THEN RAISE EXCEPTION 'audit_events is closed'; END IF; RETURN NEW; END $$;
               CREATE TRIGGER refuse_event BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION refuse_event()`)
    try {
      expectProblem(await reveal(), 503, 'audit-unavailable')
    } finally {
      await sql('DROP FUNCTION refuse_event CASCADE')
    }
    expect((await reveal()).body.data).toEqual({ number: cards.visa })
    expectProblem(await reveal(), 403, 'approval-required')
  })
})
