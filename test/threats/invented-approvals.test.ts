import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sweepApprovals } from '../../src/access/approvals/sweep-approvals.ts'
import { openDatabase } from '../../src/database/database.ts'
import { expectProblem, withoutRequestId } from '../support/problems.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** An attacker asks for releases of records that do not exist, to hide the requests that matter. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const purpose = 'enforce-rights'
const OPEN = 5
const PROBES = 40

let vault: TestVault
let approver: string
let foreign: string
let people = 0

beforeAll(async () => {
  vault = await TestVault.start({ overrides: { limits: { openApprovals: OPEN, probesPerTenMinutes: PROBES } } })
  const careful = conditionalRole({ approval: true, break_glass: true })
  const consented = conditionalRole({ approval: true }, { purposes: ['marketing'] })
  await vault.commands.applyRoles(OPERATOR, roleFile({ careful, consented }))
  approver = await vault.staffToken('privacy-officer', { name: 'Olga' })
  foreign = await newRecord('partner')
})
beforeEach(async () => {
  await vault.database.sql('DELETE FROM approvals')
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const invented = (at: number) => `cont_${String(at).padStart(26, '0')}`
const newRecord = async (site = 'default') => (await vault.tokenize({ contact }, { site })).contact!.token!
const newPerson = (role = 'careful') => vault.staffToken(role, { name: `Eve ${++people}` })
const reveal = (as: string, token: string, more: object = {}) =>
  vault.call('POST', `/v1/tokens/${token}/reveal`, { token: as, body: { purpose, reason: 'Chargeback', ...more } })
const list = async (query = '') =>
  (await vault.call('GET', `/v1/approvals${query}`, { token: approver })).body.approvals

describe('a request for approval', () => {
  it.each([
    ['asked for', {}],
    ['with the glass broken', { break_glass: true }],
  ])('of what does not exist, %s, is 404 for unknown, malformed and foreign tokens alike', async (_name, more) => {
    const eve = await newPerson()
    const before = await vault.events()
    const answers = await Promise.all([invented(1), 'nonsense', foreign].map((token) => reveal(eve, token, more)))
    for (const answer of answers) {
      expectProblem(answer, 404, 'record-not-found')
      expect(withoutRequestId(answer)).toBe(withoutRequestId(answers[0]!))
    }
    expect(await vault.count('approvals')).toBe(0)
    const left = (await vault.events()).slice(before.length)
    expect(left.map(({ type }) => type)).toEqual(['request.refuse', 'request.refuse', 'request.refuse'])
  })

  it('of an erased record is 410', async () => {
    const token = await newRecord()
    await vault.call('DELETE', `/v1/tokens/${token}`, { token: approver })
    const eve = await newPerson()
    expectProblem(await reveal(eve, token), 410, 'record-gone')
    expectProblem(await reveal(eve, token, { break_glass: true }), 410, 'record-gone')
    expect(await vault.count('approvals')).toBe(0)
  })

  it('of a record without the consent that the purpose needs is refused, since no approval would help', async () => {
    const eve = await newPerson('consented')
    expectProblem(await reveal(eve, await newRecord(), { purpose: 'marketing' }), 403, 'consent-missing')
    expect(await vault.count('approvals')).toBe(0)
  })

  it('in a reveal of many is decided for each item by itself', async () => {
    const [real, gone] = [await newRecord(), await newRecord()]
    await vault.call('DELETE', `/v1/tokens/${gone}`, { token: approver })
    const items = [invented(2), real, foreign, gone, 'nonsense'].map((token) => ({ token }))
    const body = { purpose, items }
    const { body: answer } = await vault.call('POST', '/v1/reveal', { token: await newPerson(), body })
    expect(answer.results.map(({ status }: { status: number }) => status)).toEqual([404, 403, 404, 410, 404])
    expect((await list()).map(({ token }: { token: string }) => token)).toEqual([real])
  })

  it('of what does not exist counts as a miss, until the caller is held back', async () => {
    const eve = await newPerson()
    for (let at = 0; at < PROBES; at++) expectProblem(await reveal(eve, invented(at)), 404, 'record-not-found')
    expectProblem(await reveal(eve, invented(PROBES)), 429, 'too-many-requests')
    expect(await list()).toEqual([])
  })

  it('is one of a bounded number for each caller, of those that wait and of those to be reviewed', async () => {
    const [eve, ann] = [await newPerson(), await newPerson()]
    const records: string[] = []
    for (let at = 0; at <= OPEN; at++) records.push(await newRecord())
    for (const token of records.slice(0, OPEN)) expectProblem(await reveal(eve, token), 403, 'approval-required')
    const refused = await reveal(eve, records[OPEN]!)
    expectProblem(refused, 429, 'too-many-requests')
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    // Existing requests stay, other callers continue, and an emergency does not wait for the queue.
    expectProblem(await reveal(eve, records[0]!), 403, 'approval-required')
    expectProblem(await reveal(ann, records[OPEN]!), 403, 'approval-required')
    for (const token of records.slice(0, OPEN)) {
      expect((await reveal(eve, token, { break_glass: true })).status).toBe(200)
    }
    expectProblem(await reveal(eve, records[OPEN]!, { break_glass: true }), 429, 'too-many-requests')
    expect(await vault.count('approvals')).toBe(2 * OPEN + 1)
    // A decision makes room.
    const [first] = await list('?state=pending&limit=1')
    await vault.call('POST', `/v1/approvals/${first.id}/refuse`, { token: approver })
    expectProblem(await reveal(eve, records[OPEN]!), 403, 'approval-required')
  })
})

describe('requests for records that do not exist', () => {
  const insert = (state: string, count: number) =>
    vault.database.sql(
      `INSERT INTO approvals (id, caller, role, site, token, fields, purpose, state, requested_at, expires_at)
       SELECT 'apr_0' || n, 'staff:Eve', 'careful', 'default', 'card_' || lpad(n::text, 26, '0'), '{number}', '${purpose}',
              '${state}', now() - interval '2 days', now() + interval '1 day' FROM generate_series(100, ${99 + count}) n`,
    )

  it.each(['pending', 'unreviewed'])('hides no real request: %s', async (state) => {
    await insert(state, 150)
    const token = await newRecord()
    const { approval } = (await reveal(await newPerson(), token)).body
    expect((await list()).map(({ id }: { id: string }) => id)).toEqual([approval])
  })

  it('is swept, with the glass broken too, while a real release still waits for its review', async () => {
    await insert('unreviewed', 20)
    const token = await newRecord()
    expect((await reveal(await newPerson(), token, { break_glass: true })).status).toBe(200)
    const pool = openDatabase({ url: vault.database.serverUrl })
    try {
      await sweepApprovals(pool, { over: new Date(), reviewed: new Date(0) })
      expect(await vault.count('approvals')).toBe(21)
      await sweepApprovals(pool, { over: new Date(Date.now() + 7 * 86_400_000), reviewed: new Date(0) })
    } finally {
      await pool.close()
    }
    const left = await vault.database.sql('SELECT token FROM approvals')
    expect(left).toEqual([{ token }])
  })
})
