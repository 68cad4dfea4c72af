import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { sweepApprovals } from '../../src/access/approvals/sweep-approvals.ts'
import { openDatabase } from '../../src/database/database.ts'
import { expectProblem } from '../support/problems.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const purpose = 'enforce-rights'

let vault: TestVault
let asker: string
let approver: string

beforeAll(async () => {
  vault = await TestVault.start()
  const careful = conditionalRole({ approval: true, break_glass: true })
  await vault.commands.applyRoles(OPERATOR, roleFile({ careful }))
  asker = await vault.staffToken('careful', { name: 'Ann' })
  approver = await vault.staffToken('privacy-officer', { name: 'Olga' })
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const reveal = (token: string, more: object = {}) =>
  vault.call('POST', `/v1/tokens/${token}/reveal`, { token: asker, body: { purpose, reason: 'Chargeback', ...more } })
const decide = async (id: string, verdict: string) =>
  expect((await vault.call('POST', `/v1/approvals/${id}/${verdict}`, { token: approver })).status).toBe(200)
const newRecord = async () => (await vault.tokenize({ contact })).contact!.token!

/** A request for a record of its own. */
async function request(): Promise<{ token: string; id: string }> {
  const token = await newRecord()
  const refused = await reveal(token)
  expectProblem(refused, 403, 'approval-required')
  return { token, id: refused.body.approval }
}

async function breakGlass(): Promise<string> {
  const token = await newRecord()
  expect((await reveal(token, { break_glass: true })).status).toBe(200)
  const [event] = await vault.events({ type: 'record.reveal', token })
  return event!.approval as string
}

it('what is long over is swept with its reason, and what is not reviewed stays', async () => {
  await request()
  await decide((await request()).id, 'refuse')
  await decide((await request()).id, 'approve')
  const used = await request()
  await decide(used.id, 'approve')
  expect((await reveal(used.token)).status).toBe(200)
  await decide(await breakGlass(), 'review')
  const waits = await breakGlass()

  const { database } = vault
  const states = async () =>
    (await database.sql<{ state: string }>('SELECT state FROM approvals ORDER BY state')).map(({ state }) => state)
  const all = ['approved', 'pending', 'refused', 'reviewed', 'unreviewed', 'used']
  const [longAgo, farOff] = [new Date(0), new Date(Date.now() + 1e11)]
  const pool = openDatabase({ url: database.serverUrl })
  try {
    expect(await states()).toEqual(all)
    await sweepApprovals(pool, { over: longAgo, reviewed: longAgo })
    expect(await states()).toEqual(all)
    await sweepApprovals(pool, { over: farOff, reviewed: longAgo })
    expect(await states()).toEqual(['reviewed', 'unreviewed'])
    await sweepApprovals(pool, { over: farOff, reviewed: farOff })
    expect(await states()).toEqual(['unreviewed'])
    // The use outlives its approval for more than a year, by any clock of the server.
    const uses = () => database.sql('SELECT approval FROM approval_uses')
    expect(await uses()).toEqual([{ approval: used.id }])
    await database.sql("UPDATE approval_uses SET used_at = now() - interval '399 days'")
    await sweepApprovals(pool, { over: farOff, reviewed: farOff })
    expect(await uses()).toHaveLength(1)
    // More than a sweep removes at a time.
    await database.sql("INSERT INTO approval_uses SELECT 'apr_' || n, 'evt_' || n FROM generate_series(1, 2500) AS n")
    await database.sql("UPDATE approval_uses SET used_at = now() - interval '401 days'")
    await sweepApprovals(pool, { over: farOff, reviewed: farOff })
    expect(await uses()).toEqual([])
  } finally {
    await pool.close()
  }
  const reasons = await database.sql("SELECT event FROM readable.reveal_reasons WHERE event LIKE 'apr%'")
  expect(reasons).toEqual([{ event: waits }])
  // The log forgets nothing.
  expect(await vault.events({ subject: used.id })).toHaveLength(2)
})
