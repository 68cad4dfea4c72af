import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { Forwarding } from '../support/forwarding.ts'
import { createPartnerKeys } from '../support/partner-keys.ts'
import { describedRoutes } from '../support/reference/routes.ts'
import type { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

/** Who sends the examples of a call, with what the viewer of the documentation has the reader fill in. */
const SENDERS: Readonly<
  Record<string, 'client' | 'checkout' | 'fulfilment' | 'payments' | 'support' | 'privacy-officer'>
> = {
  issueToken: 'client',
  tokenize: 'checkout',
  openCheckoutSession: 'checkout',
  keepSecurityCode: 'checkout',
  forward: 'payments',
  tokenizeBatch: 'checkout',
  revealRecord: 'support',
  releaseRecord: 'fulfilment',
  revealRecords: 'support',
  matchRecord: 'support',
  correctRecord: 'support',
  searchRecords: 'support',
  changeConsents: 'privacy-officer',
  eraseRecordWithReason: 'privacy-officer',
  openPrivacyRequest: 'privacy-officer',
  changePrivacyRequest: 'privacy-officer',
  reportCustomer: 'privacy-officer',
  eraseCustomer: 'privacy-officer',
}

const calls = describedRoutes().flatMap(({ operationId, method, path, examples = {}, responses }) =>
  Object.entries(examples).map(([name, body]) => ({ operationId, method, path, name, body, responses })),
)

let shop: Forwarding
let vault: TestVault
let partner: string
let bearer: Record<string, string>
let basic: string

beforeAll(async () => {
  shop = await Forwarding.start()
  vault = shop.vault
  const { id, secret } = await vault.client(['tokenize'])
  const { set: keys } = await createPartnerKeys('key')
  const contract = { name: 'Carrier', country: 'MY', contact: 'Ann', purposes: ['provide-goods'] as const, keys }
  const ends_at = new Date(Date.now() + 60_000_000)
  partner = (await vault.commands.addPartner(OPERATOR, { ...contract, fields: ['address.line1'], ends_at })).id
  basic = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  bearer = {
    checkout: await vault.clientToken(['tokenize']),
    fulfilment: await vault.staffToken('fulfilment'),
    payments: shop.token,
    support: await vault.staffToken('support'),
    'privacy-officer': await vault.staffToken('privacy-officer'),
  }
})
afterEach(() => vault.checkInvariants())
afterAll(() => shop.stop())

it('every call that takes a body has examples, and a sender here', () => {
  const takingBodies = describedRoutes().filter(({ body }) => body !== undefined)
  expect(takingBodies.map(({ operationId }) => operationId).sort()).toEqual(Object.keys(SENDERS).sort())
  expect(takingBodies.filter(({ examples }) => examples === undefined)).toEqual([])
})

it.each(calls)('$operationId succeeds: $name', async ({ operationId, method, path, name, body, responses }) => {
  const checkout = calls.find((call) => call.operationId === 'tokenize')!.body
  const stored = await vault.tokenize(checkout)
  const record = stored[['Of a card', 'A payment'].includes(name) ? 'card' : 'billing_address']!.token!
  // The tokens and the partner of the examples are of no vault.
  const text = JSON.stringify(body)
    .replace(/(addr|card)_\w+/g, record)
    .replace(/partner_\w+/, partner)
  const sender = SENDERS[operationId]!
  const request = operationId === 'changePrivacyRequest' ? await openRequest() : ''
  const answer = await vault.call(method, path.replace(':token', record).replace(':id', request), {
    text,
    ...(sender === 'client'
      ? { headers: { Authorization: basic } }
      : { token: bearer[sender], headers: operationId === 'forward' ? { 'Idempotency-Key': 'example' } : {} }),
  })
  expect(Object.keys(responses), answer.text).toContain(String(answer.status))
  for (const { status = 200 } of answer.body.results ?? []) expect([200, 201]).toContain(status)
})

async function openRequest(): Promise<string> {
  const { body } = calls.find(({ operationId }) => operationId === 'openPrivacyRequest')!
  return (await vault.call('POST', '/v1/requests', { token: bearer['privacy-officer'], body })).body.id
}

it('tells apart what matches', async () => {
  const { body } = calls.find(({ operationId }) => operationId === 'matchRecord')!
  const stored = await vault.tokenize(calls.find(({ operationId }) => operationId === 'tokenize')!.body)
  const match = (token: string) => vault.call('POST', `/v1/tokens/${token}/match`, { token: bearer.support, body })
  expect((await match(stored.billing_address!.token!)).body).toEqual({ matches: true })
  expect((await match(stored.shipping_address!.token!)).body).toEqual({ matches: false })
})
