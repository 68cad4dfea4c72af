import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Budget } from '../../src/access/policy/roles.ts'
import { expectProblem } from '../support/problems.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const HOUR_MS = 60 * 60 * 1000

let vault: TestVault
let second: TestVault
let records: string[]

beforeAll(async () => {
  vault = await TestVault.start()
  second = await TestVault.start({ sharedDatabase: vault.database })
  const token = await vault.clientToken(['tokenize'])
  const items = Array.from({ length: 20 }, () => ({ contact, customer: 'cus_budget' }))
  const { body } = await vault.call('POST', '/v1/tokenize/batch', { token, body: { items } })
  records = body.results.map((result: { contact: { token: string } }) => result.contact.token)
})
beforeEach(async () => {
  // The first minute of an hour, so that no window ends within a test.
  const offset = HOUR_MS - ((Date.now() + vault.clockOffsetMs) % HOUR_MS)
  vault.clockOffsetMs += offset
  second.clockOffsetMs = vault.clockOffsetMs
  await vault.database.sql('DELETE FROM budget_records')
})
afterEach(async () => {
  await vault.checkInvariants()
  await second.checkInvariants()
})
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

let people = 0
/** A person whose role has a budget of its own for reveals, or for everything. */
async function person(grant: Budget | undefined, role?: Budget): Promise<{ id: string; bearer: string }> {
  const careful = { ...conditionalRole({ budget: grant }, { purposes: ['enforce-rights', 'research'] }), budget: role }
  await vault.commands.applyRoles(OPERATOR, roleFile({ careful }))
  const name = `Person ${++people}`
  return { id: `staff:${name.toLowerCase()}`, bearer: await vault.staffToken('careful', { name, minutes: 180 }) }
}

const reveal = (bearer: string, at: number, on = vault, purpose = 'enforce-rights') =>
  on.call('POST', `/v1/tokens/${records[at]}/reveal`, { token: bearer, body: { purpose } })
const read = (bearer: string, at: number, on = vault) => on.call('GET', `/v1/tokens/${records[at]}`, { token: bearer })
const alerts = (code: string, caller: string) =>
  [...vault.logLines, ...second.logLines]
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line.alert === code && line.caller === caller)

describe('a budget', () => {
  it('counts each record once, over all servers, and is an alert at 80 percent', async () => {
    const { id, bearer } = await person({ per_hour: 5 })
    for (const at of [0, 1, 0, 1, 2]) expect((await reveal(bearer, at, at === 1 ? second : vault)).status).toBe(200)
    expect(alerts('budget-nearly-spent', id)).toEqual([])
    for (const at of [3, 4]) expect((await reveal(bearer, at, second)).status).toBe(200)
    await vi.waitUntil(() => alerts('budget-nearly-spent', id).length > 0)
    expect(alerts('budget-nearly-spent', id)).toEqual([
      expect.objectContaining({ role: 'careful', purpose: 'enforce-rights', used: 4, limit: 5, span: 'hour' }),
    ])
    for (const server of [vault, second]) {
      const refused = await reveal(bearer, 5, server)
      expectProblem(refused, 429, 'budget-spent')
      const seconds = Number(refused.headers['retry-after'])
      expect(seconds).toBeGreaterThan(3500)
      expect(seconds).toBeLessThanOrEqual(3600)
      const events = await vault.events({ request_id: refused.body.request_id })
      expect(events).toEqual([
        expect.objectContaining({
          type: 'request.refuse',
          outcome: 'refused',
          code: 'budget-spent',
          token: records[5],
        }),
      ])
    }
    // What was seen already may be seen again.
    expect((await reveal(bearer, 0)).status).toBe(200)
  })

  it('begins again with the next hour, and the day still counts', async () => {
    const { bearer } = await person({ per_hour: 2, per_day: 3 })
    const statuses = async (numbers: number[]) => {
      const found: number[] = []
      for (const at of numbers) found.push((await reveal(bearer, at)).status)
      return found
    }
    // From the hour before midnight the day would end in the middle.
    const hour = new Date(Date.now() + vault.clockOffsetMs).getUTCHours()
    if (hour === 23) vault.clockOffsetMs += HOUR_MS
    expect(await statuses([0, 1, 2])).toEqual([200, 200, 429])
    vault.clockOffsetMs += HOUR_MS
    expect(await statuses([2, 3, 0])).toEqual([200, 429, 200])
    vault.clockOffsetMs += 25 * HOUR_MS
  })

  it('is one for each purpose and each caller', async () => {
    const { bearer } = await person({ per_day: 1 })
    expect((await reveal(bearer, 0)).status).toBe(200)
    expectProblem(await reveal(bearer, 1), 429, 'budget-spent')
    expect((await reveal(bearer, 1, vault, 'research')).status).toBe(200)
    const other = await person({ per_day: 1 })
    expect((await reveal(other.bearer, 1)).status).toBe(200)
  })

  it('lets of many records at once as many pass as it has, each with its own answer', async () => {
    const { bearer } = await person({ per_day: 3 })
    const items = [0, 0, 1, 2, 3, 4].map((at) => ({ token: records[at] }))
    const body = { purpose: 'enforce-rights', items }
    const response = await vault.call('POST', '/v1/reveal', { token: bearer, body })
    expect(response.body.results.map(({ status }: { status: number }) => status)).toEqual([
      200, 200, 200, 200, 429, 429,
    ])
    const released = await vault.events({ type: 'record.reveal', request_id: response.headers['request-id'] })
    expect(released).toHaveLength(4)
  })

  it('is exact when many ask at the same moment on two servers', async () => {
    const { bearer } = await person({ per_day: 7 })
    const answers = await Promise.all(records.map((_, at) => reveal(bearer, at, at % 2 === 0 ? vault : second)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(7)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(13)
  })

  it('of the role holds for masked views, searches and comparisons too', async () => {
    const { bearer } = await person(undefined, { per_day: 2 })
    expect((await read(bearer, 0)).status).toBe(200)
    expect((await read(bearer, 1)).status).toBe(200)
    expectProblem(await read(bearer, 2), 429, 'budget-spent')
    const search = { by: 'customer', value: 'cus_budget' }
    expectProblem(await vault.call('POST', '/v1/search', { token: bearer, body: search }), 429, 'budget-spent')
    // The purpose has a budget of its own.
    for (const at of [0, 1]) expect((await reveal(bearer, at)).status).toBe(200)
    expectProblem(await reveal(bearer, 2), 429, 'budget-spent')
  })

  it('counts records that do not exist', async () => {
    const { bearer } = await person(undefined, { per_day: 2 })
    for (const end of '01') {
      const path = `/v1/tokens/cont_${'0'.repeat(25)}${end}`
      expectProblem(await vault.call('GET', path, { token: bearer }), 404, 'record-not-found')
    }
    expectProblem(await read(bearer, 0), 429, 'budget-spent')
  })

  it('that no role has costs no statement and counts nothing', async () => {
    const billing = await vault.staffToken('support')
    for (const at of [0, 1, 2]) expect((await read(billing, at)).status).toBe(200)
    expect(await vault.count('budget_records')).toBe(0)
  })
})

describe('a budget that suspends', () => {
  it('holds only the caller back, on every server, until an operator lifts it', async () => {
    const { id, bearer } = await person({ per_day: 2, beyond: 'suspend' })
    const other = await person({ per_day: 2, beyond: 'suspend' })
    for (const at of [0, 1]) expect((await reveal(bearer, at)).status).toBe(200)
    expectProblem(await reveal(bearer, 2), 429, 'budget-spent')
    for (const server of [second, vault]) {
      const refused = await reveal(bearer, 0, server)
      expectProblem(refused, 403, 'caller-suspended')
      // It has proved who it is: the event says so.
      expect(await vault.events({ request_id: refused.body.request_id })).toEqual([
        expect.objectContaining({ code: 'caller-suspended', caller: { id, kind: 'staff', role: 'careful' } }),
      ])
      expectProblem(await read(bearer, 0, server), 403, 'caller-suspended')
    }
    expect((await reveal(other.bearer, 2)).status).toBe(200)
    expect(alerts('caller-suspended', id)).toHaveLength(1)
    const suspended = await vault.commands.listSuspended()
    expect(suspended).toEqual([expect.objectContaining({ caller: id, role: 'careful', purpose: 'enforce-rights' })])
    expect(await vault.events({ type: 'caller.suspend', subject: id })).toEqual([
      expect.objectContaining({ caller: { id: 'strongroom', kind: 'vault' }, purpose: 'enforce-rights' }),
    ])

    await second.commands.reinstateCaller(OPERATOR, id)
    expect((await reveal(bearer, 2)).status).toBe(200)
    expect(await vault.events({ type: 'caller.lift', subject: id, outcome: 'success' })).toHaveLength(1)
    await expect(vault.commands.reinstateCaller(OPERATOR, id)).rejects.toThrow(/neither suspended nor held back/)
  })
})
