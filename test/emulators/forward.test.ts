import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Response } from 'supertest'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Destination } from '../../src/destinations/destination.ts'
import { parseDestinationsFile } from '../../src/destinations/destination-file.ts'
import { Sensitive } from '../../src/values/sensitive.ts'
import { Forwarding } from '../support/forwarding.ts'
import { projectRoot } from '../support/source-files.ts'
import { without } from '../support/without.ts'
import {
  type Emulator,
  isMissing,
  LOCALSTRIPE_PYTHON,
  passOnTo,
  STRIPE_MOCK,
  startLocalstripe,
  startStripeMock,
} from './emulator.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const KEY = 'sk_test_emulated51'
const SUCCEEDS = '4242424242424242'
/** Stripe's test card that is declined when it is used. */
const DECLINED = '4000000000000002'

/** The example of the repository, but for where it leads to. */
function example(shop: Forwarding): Omit<Destination, 'name'> {
  const file = path.join(projectRoot, 'examples/destinations/stripe.json')
  const { stripe } = parseDestinationsFile(JSON.parse(readFileSync(file, 'utf8'))).destinations
  const { origin, ca } = shop.processor
  return { ...stripe!, origin, ca, private_addresses: true, partner: shop.partner }
}

let shop: Forwarding

beforeAll(async () => {
  shop = await Forwarding.start()
  await shop.vault.commands.setSecret(OPERATOR, 'stripe-key', new Sensitive(KEY))
})
afterEach(() => shop.vault.checkInvariants())
afterAll(() => shop.stop())

/** Stores a card with its code, and sends it to the destination. */
async function forward(number: string, destination = 'stripe'): Promise<Response> {
  const parts = await shop.vault.tokenize({
    card: { number, exp_month: 12, exp_year: 2034, holder_name: 'Jenny Rosen' },
    billing_address: { line1: '354 Oyster Point Blvd', country: 'US', postal_code: '94080' },
  })
  const [card, billing_address] = [parts.card!.token!, parts.billing_address!.token!]
  const token = await shop.vault.clientToken(['tokenize'])
  const kept = await shop.vault.call('POST', '/v1/security-codes', { token, body: { card, code: '123' } })
  const { security_code } = kept.body
  return shop.send({ card, billing_address }, { destination, security_code, input: { order: '6735' } })
}

const mockIsMissing = isMissing(STRIPE_MOCK, 'stripe-mock')

describe.skipIf(mockIsMissing)(`stripe-mock${without(mockIsMissing)}`, () => {
  let emulator: Emulator

  beforeAll(async () => {
    emulator = await startStripeMock()
    shop.processor.answer = passOnTo(emulator)
    await shop.destine(example(shop), 'stripe')
  })
  afterAll(() => emulator?.stop())

  it('takes the example: every name and type is as Stripe publishes it', async () => {
    const { body } = await forward(SUCCEEDS)
    expect(body).toMatchObject({ status: 200, body: { id: expect.stringMatching(/^pm_/), type: 'card' } })
    expect(shop.processor.received.at(-1)).toMatchObject({
      url: '/v1/payment_methods',
      headers: { authorization: `Bearer ${KEY}` },
    })
  })

  it.each<[string, (template: Record<string, unknown>) => Record<string, unknown>]>([
    [
      'another name for the number',
      ({ card, ...rest }) => {
        const { number, ...others } = card as Record<string, unknown>
        return { ...rest, card: { ...others, pan: number } }
      },
    ],
    ['a month in words', ({ card, ...rest }) => ({ ...rest, card: { ...(card as object), exp_month: 'December' } })],
    ['an object for a text', (template) => ({ ...template, type: { of: 'card' } })],
  ])('refuses it with %s: the check can fail', async (_what, change) => {
    const stripe = example(shop)
    const template = change(stripe.template as Record<string, unknown>) as Destination['template']
    await shop.destine({ ...stripe, template }, 'changed')
    const { body } = await forward(SUCCEEDS, 'changed')
    expect(body).toMatchObject({ status: 400, body: { error: { type: 'invalid_request_error' } } })
  })
})

const localstripeIsMissing = isMissing(LOCALSTRIPE_PYTHON, 'localstripe')

describe.skipIf(localstripeIsMissing)(`localstripe${without(localstripeIsMissing)}`, () => {
  let emulator: Emulator

  beforeAll(async () => {
    emulator = await startLocalstripe()
    shop.processor.answer = passOnTo(emulator)
    await shop.destine(example(shop), 'stripe')
  })
  afterAll(() => emulator?.stop())

  /** What the shop asks of the processor itself, with the id that came back and no number. */
  async function ask(target: string, form?: Record<string, string>) {
    const body = form && new URLSearchParams(form)
    const headers = { Authorization: `Bearer ${KEY}` }
    const answer = await fetch(`${emulator.url}${target}`, {
      method: form ? 'POST' : 'GET',
      headers,
      body: body ?? null,
    })
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }
  const pay = (payment_method: string) =>
    ask('/v1/payment_intents', { amount: '2000', currency: 'usd', payment_method }).then(({ body }) =>
      ask(`/v1/payment_intents/${body.id}/confirm`, {}),
    )

  it('has the stored card: its last four digits and its fingerprint, and a payment with it succeeds', async () => {
    const { status, body } = await forward(SUCCEEDS)
    expect(status).toBe(200)
    const fingerprint = hash('sha1', SUCCEEDS, 'hex').slice(0, 16)
    expect(body).toMatchObject({ status: 200, body: { type: 'card', card: { last4: '4242', fingerprint } } })
    const { id } = body.body
    expect((await ask(`/v1/payment_methods/${id}`)).body).toMatchObject({
      card: { last4: '4242', fingerprint, exp_month: 12, exp_year: 2034 },
      billing_details: { name: 'Jenny Rosen', address: { postal_code: '94080' } },
      metadata: { order: '6735' },
    })
    const paid = await pay(id)
    expect(paid).toMatchObject({ status: 200, body: { status: 'succeeded', amount: 2000, payment_method: id } })
  })

  it('tells cards apart by their numbers', async () => {
    const fingerprints = await Promise.all(
      [SUCCEEDS, '5555555555554444', SUCCEEDS].map(
        async (number) => (await forward(number)).body.body.card.fingerprint,
      ),
    )
    expect(fingerprints[0]).toBe(fingerprints[2])
    expect(fingerprints[0]).not.toBe(fingerprints[1])
  })

  it(`declines ${DECLINED} when it is used`, async () => {
    const { body } = await forward(DECLINED)
    expect(body).toMatchObject({ status: 200, body: { card: { last4: '0002' } } })
    const { id: customer } = (await ask('/v1/customers', { email: 'jenny@example.com' })).body
    const declined = await ask(`/v1/payment_methods/${body.body.id}/attach`, { customer: String(customer) })
    expect(declined).toMatchObject({ status: 402, body: { error: { code: 'card_declined' } } })
  })

  it('refuses a request with another key, and the answer says so', async () => {
    await shop.vault.commands.setSecret(OPERATOR, 'stripe-key', new Sensitive('no-key'))
    const { status, body } = await forward(SUCCEEDS)
    expect(status).toBe(200)
    expect(body.status).toBe(401)
    await shop.vault.commands.setSecret(OPERATOR, 'stripe-key', new Sensitive(KEY))
    expect((await forward(SUCCEEDS)).body.status).toBe(200)
  })
})
