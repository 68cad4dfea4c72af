import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Budget, Role } from '../../src/access/policy/roles.ts'
import { expectProblem } from '../support/problems.ts'
import { roleFile } from '../support/role-files.ts'
import { contact, corrected } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** A caller whose views are counted takes another way to the same views, or splits them over purposes. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const BUDGET = 5
const CUSTOMER = 'cus_uncounted'

let vault: TestVault
let records: string[]
let people = 0

beforeAll(async () => {
  vault = await TestVault.start()
  const token = await vault.clientToken(['tokenize'])
  const items = Array.from({ length: 24 }, () => ({ contact, customer: CUSTOMER }))
  const { body } = await vault.call('POST', '/v1/tokenize/batch', { token, body: { items } })
  records = body.results.map((result: { contact: { token: string } }) => result.contact.token)
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

async function person(budget: Budget): Promise<string> {
  const role: Role = {
    duty: 'Sees a little.',
    scopes: ['token:read', 'token:search', 'token:match', 'token:correct', 'contact:reveal'],
    grants: [{ kind: 'contact', view: 'full', purposes: ['respond-to-query', 'communicate', 'research'] }],
    budget,
  }
  await vault.commands.applyRoles(OPERATOR, roleFile({ limited: role }))
  return vault.staffToken('limited', { name: `Eve ${++people}`, minutes: 60 })
}

type Way = (as: string, token: string) => ReturnType<TestVault['call']>
const ways: Record<string, Way> = {
  'a masked read': (as, token) => vault.call('GET', `/v1/tokens/${token}`, { token: as }),
  'a correction': (as, token) =>
    vault.call('PATCH', `/v1/tokens/${token}`, { token: as, body: { name: corrected.name } }),
  'a comparison': (as, token) =>
    vault.call('POST', `/v1/tokens/${token}/match`, { token: as, body: { fields: { name: 'Nobody' } } }),
  'a reveal': (as, token) =>
    vault.call('POST', `/v1/tokens/${token}/reveal`, { token: as, body: { purpose: 'communicate' } }),
  'a reveal of many': async (as, token) => {
    const body = { purpose: 'communicate', items: [{ token }] }
    const answer = await vault.call('POST', '/v1/reveal', { token: as, body })
    return Object.assign(answer, { status: answer.body.results[0].status })
  },
}

describe('beyond the budget nothing more is shown', () => {
  it.each(Object.entries(ways))('by %s', async (_name, way) => {
    const eve = await person({ per_day: BUDGET })
    const statuses: number[] = []
    for (const token of records) statuses.push((await way(eve, token)).status)
    expect(statuses).toEqual(records.map((_, at) => (at < BUDGET ? 200 : 429)))
  })

  it('by corrections at the same moment', async () => {
    const eve = await person({ per_day: BUDGET })
    const answers = await Promise.all(records.map((token) => ways['a correction']!(eve, token)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(BUDGET)
  })

  it('by a search, or by reads and corrections in turn', async () => {
    const eve = await person({ per_day: BUDGET })
    const body = { by: 'customer', value: CUSTOMER }
    expectProblem(await vault.call('POST', '/v1/search', { token: eve, body }), 429, 'budget-spent')
    let shown = 0
    for (const [at, token] of records.entries()) {
      const { status } = await ways[at % 2 ? 'a masked read' : 'a correction']!(eve, token)
      if (status === 200) shown++
    }
    expect(shown).toBe(BUDGET)
  })
})

it('a correction beyond the budget changes nothing, and what was seen may be corrected', async () => {
  const eve = await person({ per_day: 1 })
  const [seen, other] = (await Promise.all([0, 1].map(() => vault.tokenize({ contact })))).map(
    (parts) => parts.contact!.token!,
  )
  expect((await ways['a masked read']!(eve, seen!)).status).toBe(200)
  const refused = await ways['a correction']!(eve, other!)
  expectProblem(refused, 429, 'budget-spent')
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
  expect((await vault.database.sql('SELECT version FROM readable.records WHERE token = $1', [other])).at(0)).toEqual({
    version: 1,
  })
  expect((await ways['a correction']!(eve, seen!)).body.version).toBe(2)
})

it('a correction of what does not exist is counted like a read of it', async () => {
  const eve = await person({ per_day: 2 })
  for (const end of '01') {
    expectProblem(await ways['a correction']!(eve, `cont_${'0'.repeat(25)}${end}`), 404, 'record-not-found')
  }
  expectProblem(await ways['a masked read']!(eve, records[0]!), 429, 'budget-spent')
})

describe('a total', () => {
  const shown = async (as: string, asked: [keyof typeof ways, number][]) => {
    const statuses: number[] = []
    for (const [way, at] of asked) statuses.push((await ways[way]!(as, records[at]!)).status)
    return statuses
  }

  it('holds over all ways and purposes together; each record counts once', async () => {
    const eve = await person({ total: { per_day: 3 } })
    expect(
      await shown(eve, [
        ['a masked read', 0],
        ['a reveal', 0],
        ['a reveal', 1],
        ['a comparison', 2],
        ['a correction', 3],
        ['a masked read', 3],
        ['a reveal of many', 3],
        ['a correction', 2],
      ]),
    ).toEqual([200, 200, 200, 200, 429, 429, 429, 200])
    const research = { purpose: 'research' }
    const other = await vault.call('POST', `/v1/tokens/${records[4]}/reveal`, { token: eve, body: research })
    expectProblem(other, 429, 'budget-spent')
  })

  it('holds beside a budget for each purpose, and the stricter one wins', async () => {
    const eve = await person({ per_day: 2, total: { per_day: 3 } })
    expect(
      await shown(eve, [
        ['a masked read', 0],
        ['a masked read', 1],
        ['a masked read', 2],
        ['a reveal', 2],
        ['a reveal', 3],
      ]),
    ).toEqual([200, 200, 429, 200, 429])
  })

  it('is exact for many at the same moment, for different purposes', async () => {
    const eve = await person({ total: { per_day: 7 } })
    const purposes = ['respond-to-query', 'communicate', 'research']
    const answers = await Promise.all(
      records.map((token, at) =>
        at % 4 === 3
          ? ways['a masked read']!(eve, token)
          : vault.call('POST', `/v1/tokens/${token}/reveal`, { token: eve, body: { purpose: purposes[at % 4] } }),
      ),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(7)
  })

  it('may suspend', async () => {
    const eve = await person({ total: { per_day: 1, beyond: 'suspend' } })
    expect(
      await shown(eve, [
        ['a masked read', 0],
        ['a reveal', 1],
        ['a masked read', 0],
      ]),
    ).toEqual([200, 429, 403])
    expect(await vault.commands.listSuspended()).toContainEqual(
      expect.objectContaining({ caller: `staff:eve ${people}`, purpose: '*' }),
    )
  })
})
