import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { expectProblem } from '../support/problems.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { card, contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const purpose = 'enforce-rights'

interface Listed {
  id: string
  state: string
  caller: string
  role: string
  token: string
  record_version: number
}

let vault: TestVault
let approver: string
/** In the order in which they were asked: of Ann and Ben, of cards and contacts, every third with the glass broken. */
const asked: { caller: string; role: string; token: string; broken: boolean }[] = []

beforeAll(async () => {
  vault = await TestVault.start()
  const role = conditionalRole({ approval: true, break_glass: true })
  await vault.commands.applyRoles(OPERATOR, roleFile({ careful: role, examiner: role }))
  approver = await vault.staffToken('privacy-officer', { name: 'Olga' })
  const people = [
    { caller: 'staff:ann', role: 'careful', bearer: await vault.staffToken('careful', { name: 'Ann' }) },
    { caller: 'staff:ben', role: 'examiner', bearer: await vault.staffToken('examiner', { name: 'Ben' }) },
  ]
  for (let at = 0; at < 12; at++) {
    const { bearer, ...who } = people[at % 2]!
    const token =
      at % 4 < 2 ? (await vault.tokenize({ card })).card!.token! : (await vault.tokenize({ contact })).contact!.token!
    const broken = at % 3 === 2
    const body = { purpose, reason: 'Chargeback', ...(broken ? { break_glass: true } : {}) }
    const { status } = await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: bearer, body })
    expect(status).toBe(broken ? 200 : 403)
    asked.push({ ...who, token, broken })
  }
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const look = (query = '', as = approver) => vault.call('GET', `/v1/approvals${query}`, { token: as })
const tokensOf = (listed: Listed[]) => listed.map(({ token }) => token)
/** What must be reviewed first, then the oldest first. */
const inOrder = (wanted = asked) => [
  ...wanted.filter(({ broken }) => broken),
  ...wanted.filter(({ broken }) => !broken),
]

it('has what broke the glass first, then the oldest first, with the version that is asked for', async () => {
  const { body } = await look()
  expect(tokensOf(body.approvals)).toEqual(inOrder().map(({ token }) => token))
  expect(body.next).toBeNull()
  for (const { record_version } of body.approvals) expect(record_version).toBe(1)
})

it.each([1, 3, 4, 11, 12])('comes in pages of %i, each request once', async (limit) => {
  const found: Listed[] = []
  let next: string | null = null
  do {
    const { body } = await look(`?limit=${limit}${next === null ? '' : `&after=${next}`}`)
    expect(body.approvals.length).toBeLessThanOrEqual(limit)
    found.push(...body.approvals)
    next = body.next
  } while (next !== null)
  expect(tokensOf(found)).toEqual(inOrder().map(({ token }) => token))
})

it('continues after a request that was decided in the meantime', async () => {
  const record = (await vault.tokenize({ contact })).contact!.token!
  const ann = await vault.staffToken('careful', { name: 'Ann' })
  await vault.call('POST', `/v1/tokens/${record}/reveal`, { token: ann, body: { purpose } })
  const first = (await look('?state=pending&limit=8')).body
  const last: Listed = first.approvals.at(-1)
  await vault.call('POST', `/v1/approvals/${last.id}/refuse`, { token: approver })
  const rest = (await look(`?state=pending&limit=8&after=${first.next}`)).body
  expect(tokensOf(rest.approvals)).toEqual([record])
  expect(tokensOf((await look('?state=refused')).body.approvals)).toEqual([last.token])
  await vault.call('POST', `/v1/approvals/${rest.approvals[0].id}/refuse`, { token: approver })
  asked.splice(
    asked.findIndex(({ token }) => token === last.token),
    1,
  )
})

it.each<[string, (one: (typeof asked)[number]) => boolean]>([
  ['state=unreviewed', ({ broken }) => broken],
  ['state=pending', ({ broken }) => !broken],
  ['state=approved', () => false],
  ['caller_role=examiner', ({ role }) => role === 'examiner'],
  ['caller=staff:ann', ({ caller }) => caller === 'staff:ann'],
  ['kind=card', ({ token }) => token.startsWith('card_')],
  ['kind=contact&caller_role=careful', ({ token, role }) => token.startsWith('cont_') && role === 'careful'],
  ['kind=address', () => false],
  [`purpose=${purpose}`, () => true],
  ['purpose=research', () => false],
])('is narrowed by %s', async (query, fits) => {
  const { body } = await look(`?${query}`)
  expect(tokensOf(body.approvals)).toEqual(inOrder(asked.filter(fits)).map(({ token }) => token))
})

it('is narrowed to one record, and to the site of who looks', async () => {
  const { token } = asked[0]!
  expect(tokensOf((await look(`?token=${token}`)).body.approvals)).toEqual([token])
  const elsewhere = await vault.staffToken('privacy-officer', { site: 'berlin' })
  expect((await look('', elsewhere)).body).toEqual({ approvals: [], next: null })
})

it.each([
  'state=open',
  'kind=passport',
  'limit=0',
  'limit=101',
  'after=apr_1',
  'after=',
  'caller_role=No Role',
  'purpose=x',
])('takes no %s', async (query) => {
  const refused = await look(`?${query.replaceAll(' ', '%20')}`)
  expectProblem(refused, 422, 'invalid-input')
})
