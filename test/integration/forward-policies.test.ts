import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { Forwarding } from '../support/forwarding.ts'
import { publishPolicy, purposesWithout, shippedPolicy } from '../support/policies.ts'
import { expectProblem } from '../support/problems.ts'
import { checkout } from '../support/samples.ts'

const purpose = 'process-payment'
let shop: Forwarding

beforeAll(async () => {
  shop = await Forwarding.start()
  const of = shippedPolicy.purposes[purpose]!
  await publishPolicy(shop.vault, { version: 'silent', purposes: purposesWithout(purpose) })
  await publishPolicy(shop.vault, {
    version: 'asking',
    purposes: { ...shippedPolicy.purposes, [purpose]: { ...of, consent: true } },
  })
  await publishPolicy(shop.vault, { version: 'told' })
})
afterEach(() => shop.vault.checkInvariants())
afterAll(() => shop.stop())

async function store(policy_version: string, consents: string[] = [], customer?: string) {
  return (await shop.vault.tokenize({ ...checkout, policy_version, consents, customer })).card!.token!
}

it('a card whose shopper was not told of the purpose goes nowhere', async () => {
  expectProblem(await shop.send({ card: await store('silent') }), 403, 'purpose-not-notified')
  expect(shop.processor.received).toEqual([])
  expect((await shop.send({ card: await store('told') })).status).toBe(200)
})

it('a card goes along with a consent where the version asks for one, until that is withdrawn', async () => {
  await shop.reset()
  const customer = 'cus_forwarded'
  expectProblem(await shop.send({ card: await store('asking') }), 403, 'consent-missing')
  const card = await store('asking', [purpose], customer)
  expect((await shop.send({ card })).status).toBe(200)
  const token = await shop.vault.clientToken(['consent:write'])
  const withdrawn = { token, body: { customer, withdraw: [purpose] } }
  expect((await shop.vault.call('POST', '/v1/customers/consents', withdrawn)).status).toBe(200)
  const before = shop.processor.received.length
  expectProblem(await shop.send({ card }), 403, 'consent-missing')
  expect(shop.processor.received).toHaveLength(before)
})
