import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createPartnerKeys } from '../support/partner-keys.ts'
import { expectProblem, withoutRequestId } from '../support/problems.ts'
import { checkout, contact, corrected } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const UNKNOWN = `cont_${'0'.repeat(26)}`
const UNKNOWN_CARD = `card_${'0'.repeat(26)}`
const MALFORMED = [
  'nonsense',
  'cont_',
  `cont_${'0'.repeat(25)}`,
  `cont_${'0'.repeat(27)}`,
  `cont_${'8'.repeat(26)}`,
  `cont_${'0'.repeat(25)}u`,
  `CONT_${'0'.repeat(26)}`,
  `card-${'0'.repeat(26)}`,
  `user_${'0'.repeat(26)}`,
  '%00',
  'cont_%27%3B%20DROP%20TABLE%20records',
  'x'.repeat(2000),
]

let vault: TestVault
let foreign: string
let partner: string

beforeAll(async () => {
  vault = await TestVault.start()
  const { set: keys } = await createPartnerKeys('key')
  const contract = { name: 'Carrier', country: 'MY', contact: 'Ann', purposes: ['respond-to-query'] as const, keys }
  const ends_at = new Date(Date.now() + 60_000_000)
  partner = (await vault.commands.addPartner(OPERATOR, { ...contract, fields: ['contact.email'], ends_at })).id
  foreign = (await vault.tokenize({ contact }, { site: 'partner' })).contact!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'
const callsOn = (token: string): [Method, string, unknown?][] => [
  ['GET', `/v1/tokens/${token}`],
  ['POST', `/v1/tokens/${token}/reveal`, { purpose: 'respond-to-query' }],
  ['POST', `/v1/tokens/${token}/release`, { partner, purpose: 'respond-to-query' }],
  ['PATCH', `/v1/tokens/${token}`, { name: corrected.name }],
  ['DELETE', `/v1/tokens/${token}`],
]
const send = (bearer: string | undefined, [method, path, body]: [Method, string, unknown?]) =>
  vault.call(method, path, { token: bearer, body })

describe('401 comes before everything else', () => {
  it.each([
    ['POST', '/v1/tokenize', { bad: true }],
    ['POST', '/v1/tokenize/batch', { bad: true }],
    ['GET', '/v1/tokens/nonsense?bad=1'],
    ['POST', '/v1/tokens/nonsense/reveal', { bad: true }],
    ['POST', '/v1/reveal', { bad: true }],
    ['POST', '/v1/forward', { bad: true }],
    ['POST', '/v1/tokens/nonsense/release', { bad: true }],
    ['PATCH', '/v1/tokens/nonsense', { bad: true }],
    ['DELETE', '/v1/tokens/nonsense?bad=1'],
    ['POST', '/v1/search', { bad: true }],
    ['GET', '/v1/audit/events?bad=1'],
    ['POST', '/v1/requests', { bad: true }],
    ['GET', '/v1/requests?bad=1'],
    ['PATCH', '/v1/requests/nonsense', { bad: true }],
    ['POST', '/v1/customers/report', { bad: true }],
    ['POST', '/v1/customers/erase', { bad: true }],
  ] as [Method, string, unknown?][])('%s %s', async (...call) => {
    const response = await send(undefined, call)
    expectProblem(response, 401, 'unauthenticated')
    expect(response.headers['www-authenticate']).toMatch(
      /^Bearer scope="[a-z: -]+", realm="strongroom", .*, DPoP algs="/,
    )
    expectProblem(await send('no.real.token', call), 401, 'unauthenticated')
  })
})

describe('403 comes before what depends on the record', () => {
  it.each([UNKNOWN, 'nonsense'])('scope: an auditor learns nothing about %s', async (token) => {
    const auditor = await vault.staffToken('auditor')
    for (const call of callsOn(token)) expectProblem(await send(auditor, call), 403, 'scope-missing')
  })

  it('scope: before the body is read', async () => {
    const auditor = await vault.staffToken('auditor')
    const response = await vault.call('POST', '/v1/search', { token: auditor, text: '{"not json' })
    expectProblem(response, 403, 'scope-missing')
  })

  it('scope of the kind that the token names, role, purpose and fields, of a record that is not there', async () => {
    const reveal = async (role: Parameters<TestVault['staffToken']>[0], body: unknown) =>
      vault.call('POST', `/v1/tokens/${UNKNOWN_CARD}/reveal`, { token: await vault.staffToken(role), body })
    expectProblem(await reveal('support', { purpose: 'communicate' }), 403, 'scope-missing')
    expectProblem(await reveal('billing', { purpose: 'marketing' }), 403, 'purpose-not-permitted')
    const number = { purpose: 'enforce-rights', fields: ['number'] }
    expectProblem(await reveal('fraud', number), 403, 'fields-not-permitted')
    expectProblem(await reveal('legal', number), 404, 'record-not-found')
  })

  it('purpose: a malformed token is of no kind, and is refused like any other', async () => {
    const billing = await vault.staffToken('billing')
    const body = { purpose: 'research' }
    const response = await vault.call('POST', '/v1/tokens/nonsense/reveal', { token: billing, body })
    expectProblem(response, 403, 'purpose-not-permitted')
  })
})

describe('404', () => {
  it('is one identical answer for unknown, malformed and foreign tokens', async () => {
    const officer = await vault.staffToken('privacy-officer')
    for (const [at, call] of callsOn(UNKNOWN).entries()) {
      const expected = await send(officer, call)
      expectProblem(expected, 404, 'record-not-found')
      for (const token of [foreign, ...MALFORMED]) {
        const response = await send(officer, callsOn(token)[at]!)
        expect(response.status, `${call[0]} ${token}`).toBe(404)
        expect(withoutRequestId(response), `${call[0]} ${token}`).toBe(withoutRequestId(expected))
        expect(Object.keys(response.headers).sort()).toEqual(Object.keys(expected.headers).sort())
      }
    }
  })

  it('is the same for each item of a reveal of many', async () => {
    const officer = await vault.staffToken('privacy-officer')
    const items = [UNKNOWN, foreign, 'nonsense', UNKNOWN.toUpperCase()].map((token) => ({ token }))
    const body = { purpose: 'respond-to-query', items }
    const response = await vault.call('POST', '/v1/reveal', { token: officer, body })
    const [first, ...others] = response.body.results.map((result: { token: string }) => ({ ...result, token: '' }))
    expect(first).toMatchObject({ status: 404, code: 'record-not-found' })
    for (const other of others) expect(other).toEqual(first)
  })

  it('leaves the foreign record alone', async () => {
    const partner = await vault.staffToken('support', { site: 'partner' })
    const response = await vault.call('GET', `/v1/tokens/${foreign}`, { token: partner })
    expect(response.body).toMatchObject({ version: 1, kind: 'contact' })
  })
})

describe('410', () => {
  it('is only for callers who could have seen the record: others get 401, 403 or 404 as before', async () => {
    const { token } = (await vault.tokenize(checkout)).contact!
    const officer = await vault.staffToken('privacy-officer')
    expect((await vault.call('DELETE', `/v1/tokens/${token}`, { token: officer })).status).toBe(204)
    const read: [Method, string] = ['GET', `/v1/tokens/${token}`]
    expectProblem(await send(officer, read), 410, 'record-gone')
    expectProblem(await send(undefined, read), 401, 'unauthenticated')
    expectProblem(await send(await vault.staffToken('auditor'), read), 403, 'scope-missing')
    const stranger = await vault.staffToken('privacy-officer', { site: 'partner' })
    expectProblem(await send(stranger, read), 404, 'record-not-found')
    const reveal: [Method, string, unknown] = ['POST', `/v1/tokens/${token}/reveal`, { purpose: 'research' }]
    expectProblem(await send(officer, reveal), 403, 'purpose-not-permitted')
  })
})
