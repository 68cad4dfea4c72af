import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { expectProblem } from '../support/problems.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { card, cards } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * The owner of the database puts the rows of an approval back to the moment before it was used, and hides the event of its
 * release. The log was signed over the events, so a server that has just started does not release again either.
 */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const purpose = 'enforce-rights'

let vault: TestVault
/** Another process, which has released nothing. */
let restarted: TestVault
let asker: string
let approver: string
let token: string

beforeAll(async () => {
  vault = await TestVault.start({ config: { keepsLog: true } })
  await vault.commands.applyRoles(OPERATOR, roleFile({ careful: conditionalRole({ approval: true }) }))
  restarted = await TestVault.start({ sharedDatabase: vault.database })
  asker = await vault.staffToken('careful', { name: 'Ann' })
  approver = await vault.staffToken('privacy-officer', { name: 'Olga' })
})
beforeEach(async () => {
  token = (await vault.tokenize({ card })).card!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await restarted?.stop()
  await vault.stop()
})

const sql = <Row = unknown>(text: string, values: unknown[] = []) => vault.database.sql<Row>(text, values)
const reveal = (server: TestVault) =>
  server.call('POST', `/v1/tokens/${token}/reveal`, {
    token: asker,
    body: { purpose, fields: ['number'], reason: 'Chargeback' },
  })

async function approved(): Promise<string> {
  const refused = await reveal(vault)
  expectProblem(refused, 403, 'approval-required')
  const id = refused.body.approval
  expect((await vault.call('POST', `/v1/approvals/${id}/approve`, { token: approver })).status).toBe(200)
  return id
}

/** Released once, with its event in the log. */
async function used(): Promise<{ id: string; event: string }> {
  const id = await approved()
  const answer = await reveal(vault)
  expect(answer.body.data).toEqual({ number: cards.visa })
  const event = answer.body.event as string
  await vi.waitFor(
    async () => expect(await sql('SELECT FROM readable.audit_leaves WHERE event = $1', [event])).toHaveLength(1),
    {
      timeout: 20_000,
    },
  )
  return { id, event }
}

const alerts = (id: string) =>
  restarted.logLines.filter((line) => line.includes('"approval-changed"') && line.includes(id))

/** The approval as it was before its use, as far as its own rows go. */
const RESET = [
  "UPDATE approvals SET state = 'approved' WHERE id = $1 AND $2::text IS NOT NULL",
  'DELETE FROM approval_uses WHERE approval = $1 AND event = $2',
]
const EVENT = 'WHERE id = $2 AND $1::text IS NOT NULL'
const HIDDEN_BODY = `body = replace(body, '"approval":"' || $1 || '",', '') ${EVENT}`
const MOVED = "'evt_0' || left(md5($2), 25)"

it.each<[string, string[]]>([
  ['as it is', []],
  ['with the type of its event changed', [`UPDATE readable.audit_events SET type = 'record.read' ${EVENT}`]],
  [
    'with the record of its event changed',
    [`UPDATE readable.audit_events SET token = 'card_${'0'.repeat(26)}' ${EVENT}`],
  ],
  ['with the body of its event changed', [`UPDATE readable.audit_events SET ${HIDDEN_BODY}`]],
  ['with its event deleted', [`DELETE FROM readable.audit_events ${EVENT}`]],
  ['with its event under another id', [`UPDATE readable.audit_events SET id = ${MOVED} ${EVENT}`]],
  [
    'with its event and leaf under the id of an earlier time, and its body changed',
    [
      `UPDATE readable.audit_leaves SET event = ${MOVED} WHERE event = $2 AND $1::text IS NOT NULL`,
      `UPDATE readable.audit_events SET id = ${MOVED}, ${HIDDEN_BODY}`,
    ],
  ],
  [
    'with its event and leaf deleted',
    [
      `DELETE FROM readable.audit_events ${EVENT}`,
      'DELETE FROM readable.audit_leaves WHERE event = $2 AND $1::text IS NOT NULL',
    ],
  ],
])('an approval that is put back %s lets nothing out again after a restart', async (_what, hide) => {
  const { id, event } = await used()
  const [kept] = await sql<{ event: object; leaf: object }>(
    `SELECT to_jsonb(e) || jsonb_build_object('mac', e.mac::text) AS event, to_jsonb(l) || jsonb_build_object('hash', l.hash::text) AS leaf
     FROM readable.audit_events e JOIN readable.audit_leaves l ON l.event = e.id WHERE e.id = $1`,
    [event],
  )
  try {
    for (const statement of [...RESET, ...hide]) await sql(statement, [id, event])
    expectProblem(await reveal(restarted), 403, 'approval-required')
    await vi.waitFor(() => expect(alerts(id)).not.toEqual([]), { timeout: 20_000 })
  } finally {
    // The next one is about another change of a good log.
    await sql(`DELETE FROM readable.audit_events WHERE id = ANY (ARRAY[$1, 'evt_0' || left(md5($1), 25)])`, [event])
    await sql(`DELETE FROM readable.audit_leaves WHERE event = ANY (ARRAY[$1, 'evt_0' || left(md5($1), 25)])`, [event])
    await sql(
      'INSERT INTO readable.audit_events SELECT * FROM jsonb_populate_record(NULL::readable.audit_events, $1)',
      [kept!.event],
    )
    await sql(
      'INSERT INTO readable.audit_leaves SELECT * FROM jsonb_populate_record(NULL::readable.audit_leaves, $1)',
      [kept!.leaf],
    )
  }
  expect(await vault.events({ type: 'record.reveal', token })).toHaveLength(1)
})

it('the size of the log at the decision cannot be moved past the release', async () => {
  const { id, event } = await used()
  await sql('UPDATE approvals SET log_size = 1000000 WHERE id = $1', [id])
  for (const statement of RESET) await sql(statement, [id, event])
  expectProblem(await reveal(restarted), 403, 'approval-required')
  const next = (await reveal(restarted)).body.approval
  expect(next).not.toBe(id)
  await sql('UPDATE audit_head SET size = size + 100')
  try {
    const path = `/v1/approvals/${next}/approve`
    expectProblem(await restarted.call('POST', path, { token: approver }), 503, 'audit-log-changed')
  } finally {
    await sql('UPDATE audit_head SET size = size - 100')
  }
})
