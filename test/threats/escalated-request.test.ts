import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { scopes } from '../../src/access/policy/roles.ts'
import { expectProblem } from '../support/problems.ts'
import { cards, checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attacks 35 and 38: a caller with a good token asks for more than it allows, together with what it allows. */
let vault: TestVault
let bearer: string
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  bearer = await vault.clientToken(scopes)
  token = (await vault.tokenize(checkout)).card!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const guarded = async () =>
  (await vault.routes())
    .filter(({ access }) => access !== 'public')
    .map((route) => ({ ...route, url: route.path.replace(':token', token).replace(/:\w+/, 'none') }))

describe('no route knows a parameter or a member that would widen it', () => {
  it.each(['fields=number', 'expand=*', 'include=secret', 'site=berlin', 'role=legal', 'scope=card:reveal'])(
    'a query of %s',
    async (query) => {
      for (const { method, url, body } of await guarded()) {
        const response = await vault.call(method, `${url}?${query}`, { token: bearer, body: body && {} })
        expect([422, 400], `${method} ${url}`).toContain(response.status)
        expect(['unknown-member', 'query-not-accepted']).toContain(response.body.code)
        expect(response.text).not.toContain(cards.visa)
      }
    },
  )

  it.each(['tenant', 'site', 'role', 'scopes', 'caller', 'owner', 'expand', 'approved', 'isTrial', 'partner'])(
    'a member named %s',
    async (member) => {
      for (const { method, url, body } of (await guarded()).filter((route) => route.body !== undefined)) {
        expect(body).toBeDefined()
        const response = await vault.call(method, url, { token: bearer, body: { [member]: 'legal' } })
        // A release names its partner, and the contract narrows what leaves.
        const isKnown = member === 'partner' && url.endsWith('/release')
        expectProblem(response, 422, isKnown ? 'invalid-input' : 'unknown-member')
      }
    },
  )
})

it('fields that the role does not have come neither alone nor among others, nor under another name', async () => {
  const fraud = await vault.staffToken('fraud')
  const reveal = (fields: unknown) =>
    vault.call('POST', `/v1/tokens/${token}/reveal`, { token: fraud, body: { purpose: 'enforce-rights', fields } })
  expect((await reveal(['exp_year'])).body.data).toEqual({ exp_year: 2031 })
  for (const fields of [['number'], ['exp_year', 'number'], ['exp_year', 'number', 'exp_year']]) {
    expectProblem(await reveal(fields), 403, 'fields-not-permitted')
  }
  for (const fields of [
    ['*'],
    ['NUMBER'],
    ['number '],
    ['card.number'],
    ['__proto__'],
    'number',
    [['number']],
    [],
    {},
  ]) {
    const refused = await reveal(fields)
    expect([403, 422], JSON.stringify(fields)).toContain(refused.status)
    expect(refused.text).not.toContain(cards.visa)
  }
})
