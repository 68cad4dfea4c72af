import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { jwtVerify } from 'jose'
import { expect, it } from 'vitest'
import { type Destination, secretsOf } from './destination.ts'
import { parseDestinationsFile } from './destination-file.ts'
import { buildRequest, type Filling } from './request/build-request.ts'

const folder = path.join(import.meta.dirname, '../../examples/destinations')
const now = new Date('2026-11-30T12:00:00Z')
/** What merchants of the processors have; the shared key of Cybersource is in base64. */
const SECRETS: Readonly<Record<string, string>> = {
  'stripe-key': 'sk_test_1',
  'adyen-key': 'AQE1',
  'checkout-com-key': 'sk_sbox_1',
  'worldpay-username': 'user',
  'worldpay-password': 'password',
  'cybersource-key': Buffer.from('a key that the two sides share!!').toString('base64'),
  'cybersource-key-id': '08c94330-f618-42a3-b09d-e1e43be5efda',
  'cybersource-merchant': 'testrest',
}

function example(name: string): Destination {
  const file = parseDestinationsFile(JSON.parse(readFileSync(path.join(folder, `${name}.json`), 'utf8')))
  return { name, ...file.destinations[name]! }
}

async function build(name: string, filling: Omit<Filling, 'headers'> & { headers?: Record<string, string> }) {
  const deps = {
    openSecrets: async (destination: Destination) =>
      new Map(secretsOf(destination).map((secret) => [secret, SECRETS[secret]!])),
    messageKey: async () => {
      throw new Error('no processor of these verifies with the key of the vault')
    },
    now: () => now,
    newId: (prefix: string) => `${prefix}_1`,
  }
  const { headers, body, ...request } = await buildRequest(deps, example(name), { headers: {}, ...filling })
  return { ...request, body: body.toString('utf8'), headers: Object.fromEntries(headers) }
}

it('has a destination of its own name in each file', () => {
  const files = readdirSync(folder).map((file) => file.replace('.json', ''))
  expect(files.sort()).toEqual(['adyen', 'checkout-com', 'cybersource', 'stripe', 'worldpay'])
  for (const name of files) expect(example(name).origin).toMatch(/^https:/)
})

/**
 * https://docs.stripe.com/api/payment_methods/create: the names and types of the parameters, form-encoded with brackets, and
 * the key as a bearer token (https://docs.stripe.com/api/authentication). Stripe takes a number here, and a payment names
 * the payment method that was made of it.
 */
it('asks Stripe for a payment method', async () => {
  const { body, headers, ...request } = await build('stripe', {
    records: {
      card: { number: '4242424242424242', exp_month: 12, exp_year: 2034, holder_name: 'Jenny Rosen' },
      billing_address: { line1: '354 Oyster Point Blvd', country: 'US', postal_code: '94080' },
    },
    code: '123',
    input: { order: '6735' },
    headers: { 'Idempotency-Key': 'AGJ6FJMkGQIpHUTX' },
  })
  expect(request).toMatchObject({ method: 'POST', origin: 'https://api.stripe.com', path: '/v1/payment_methods' })
  expect(headers).toEqual({
    'Content-Type': 'application/x-www-form-urlencoded',
    'Stripe-Version': '2025-09-30.clover',
    'Idempotency-Key': 'AGJ6FJMkGQIpHUTX',
    Authorization: 'Bearer sk_test_1',
  })
  expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
    type: 'card',
    'card[number]': '4242424242424242',
    'card[exp_month]': '12',
    'card[exp_year]': '2034',
    'card[cvc]': '123',
    'billing_details[name]': 'Jenny Rosen',
    'billing_details[address][postal_code]': '94080',
    'metadata[order]': '6735',
  })
})

/** https://docs.adyen.com/payment-methods/cards/raw-card-data: the request that is shown there. */
it('asks Adyen for a payment', async () => {
  const { body, headers, ...request } = await build('adyen', {
    records: { card: { number: '4111111111111111', exp_month: 3, exp_year: 2030, holder_name: 'Adyen Test' } },
    code: '004',
    input: {
      amount: 2000,
      currency: 'EUR',
      reference: 'YOUR_ORDER_NUMBER',
      return_url: 'https://your-company.example.com/',
    },
  })
  expect(request).toMatchObject({ method: 'POST', origin: 'https://checkout-test.adyen.com', path: '/v71/payments' })
  expect(headers).toEqual({ 'Content-Type': 'application/json', 'X-API-Key': 'AQE1' })
  expect(JSON.parse(body)).toEqual({
    amount: { currency: 'EUR', value: 2000 },
    paymentMethod: {
      type: 'scheme',
      number: '4111111111111111',
      cvc: '004',
      expiryMonth: '03',
      expiryYear: '2030',
      holderName: 'Adyen Test',
    },
    reference: 'YOUR_ORDER_NUMBER',
    merchantAccount: 'YOUR MERCHANT ACCOUNT',
    returnUrl: 'https://your-company.example.com/',
  })
})

/**
 * https://www.checkout.com/docs/integrate/full-card-details-api: the request that is shown there, and the channel that
 * accounts with several need (https://api-reference.checkout.com/#operation/requestAPaymentOrPayout).
 */
it('asks Checkout.com for a payment', async () => {
  const { body, headers, ...request } = await build('checkout-com', {
    records: { card: { number: '5199992312641465', exp_month: 8, exp_year: 2025, holder_name: 'Sarah Mitchell' } },
    code: '010',
    input: { amount: 2000, currency: 'USD', reference: 'ORD-5023-4E89' },
    headers: { 'Cko-Idempotency-Key': 'k1' },
  })
  expect(request).toMatchObject({ method: 'POST', origin: 'https://api.sandbox.checkout.com', path: '/payments' })
  expect(headers).toEqual({
    'Content-Type': 'application/json',
    'Cko-Idempotency-Key': 'k1',
    Authorization: 'Bearer sk_sbox_1',
  })
  expect(JSON.parse(body)).toEqual({
    source: {
      type: 'card',
      number: '5199992312641465',
      expiry_month: 8,
      expiry_year: 2025,
      name: 'Sarah Mitchell',
      cvv: '010',
    },
    amount: 2000,
    currency: 'USD',
    reference: 'ORD-5023-4E89',
    processing_channel_id: 'pc_00000000000000000000000000',
  })
})

/**
 * https://developer.worldpay.com/products/card-payments/authorize-a-payment: the request that is shown there, with the
 * optional name and code, and https://developer.worldpay.com/products/card-payments/v7-migration-guide: the headers.
 */
it('asks Worldpay Access for a payment', async () => {
  const filling = {
    records: { card: { number: '4444333322221111', exp_month: 5, exp_year: 2035 } },
    input: {
      reference: 'Memory265-13/08/1876',
      narrative: 'Mind Palace',
      currency: 'GBP',
      amount: 250,
      settle: false,
    },
  }
  const { body, headers, ...request } = await build('worldpay', filling)
  expect(request).toMatchObject({
    method: 'POST',
    origin: 'https://try.access.worldpay.com',
    path: '/cardPayments/customerInitiatedTransactions',
  })
  expect(headers).toEqual({
    'Content-Type': 'application/vnd.worldpay.payments-v7+json',
    Accept: 'application/vnd.worldpay.payments-v7+json',
    Authorization: `Basic ${Buffer.from('user:password').toString('base64')}`,
  })
  const documented = {
    transactionReference: 'Memory265-13/08/1876',
    channel: 'ecom',
    merchant: { entity: 'default' },
    instruction: {
      requestAutoSettlement: { enabled: false },
      narrative: { line1: 'Mind Palace' },
      value: { currency: 'GBP', amount: 250 },
      paymentInstrument: {
        type: 'card/plain',
        cardNumber: '4444333322221111',
        expiryDate: { month: 5, year: 2035 },
      },
    },
  }
  expect(JSON.parse(body)).toEqual(documented)
  const card = { ...filling.records.card, holder_name: 'Sherlock Holmes' }
  const whole = await build('worldpay', { ...filling, records: { card }, code: '123' })
  expect(JSON.parse(whole.body).instruction.paymentInstrument).toEqual({
    ...documented.instruction.paymentInstrument,
    cardHolderName: 'Sherlock Holmes',
    cvc: '123',
  })
})

/**
 * Cybersource, signed over the digest of the body. The members are those of the request in
 * https://developer.cybersource.com/docs/cybs/en-us/payments/developer/all/rest/payments/payments-processing-standard-intro.html,
 * the claims those of
 * https://developer.cybersource.com/docs/cybs/en-us/platform/developer/all/rest/rest-getting-started/restgs-jwt-shared-secret-intro/restgs-jwt-con-shared-secret-intro.html
 */
it('asks Cybersource for a payment', async () => {
  const { body, headers, ...request } = await build('cybersource', {
    records: {
      card: { number: '5555555555554444', exp_month: 12, exp_year: 2031 },
      billing_address: {
        line1: '201 S. Division St.',
        line2: 'Address 2',
        city: 'Ann Arbor',
        region: 'MI',
        postal_code: '48104-2201',
        country: 'US',
      },
      contact: { email: 'test@cybs.com', phone: '+1 999 999 9999', phone_e164: '+19999999999' },
    },
    code: '123',
    input: { reference: 'TC50171_3', first_name: 'John', last_name: 'Deo', amount: '102.21', currency: 'USD' },
  })
  expect(request).toMatchObject({ origin: 'https://apitest.cybersource.com', path: '/pts/v2/payments', method: 'POST' })
  expect(JSON.parse(body)).toEqual({
    clientReferenceInformation: { code: 'TC50171_3' },
    processingInformation: { commerceIndicator: 'internet' },
    orderInformation: {
      billTo: {
        firstName: 'John',
        lastName: 'Deo',
        address1: '201 S. Division St.',
        address2: 'Address 2',
        locality: 'Ann Arbor',
        administrativeArea: 'MI',
        postalCode: '48104-2201',
        country: 'US',
        email: 'test@cybs.com',
        phoneNumber: '+19999999999',
      },
      amountDetails: { totalAmount: '102.21', currency: 'USD' },
    },
    paymentInformation: {
      card: { number: '5555555555554444', expirationMonth: '12', expirationYear: '2031', securityCode: '123' },
    },
  })
  expect(headers).toEqual({ 'Content-Type': 'application/json', Authorization: expect.stringMatching(/^Bearer /) })
  const key = Buffer.from(SECRETS['cybersource-key']!, 'base64')
  const jwt = headers.Authorization!.replace('Bearer ', '')
  const { payload, protectedHeader } = await jwtVerify(jwt, key, { currentDate: now })
  expect(protectedHeader).toEqual({ alg: 'HS256', kid: '08c94330-f618-42a3-b09d-e1e43be5efda', typ: 'JWT' })
  expect(payload).toEqual({
    digest: hash('sha256', body, 'base64'),
    digestAlgorithm: 'SHA-256',
    iat: now.getTime() / 1000,
    exp: now.getTime() / 1000 + 120,
    iss: 'testrest',
    jti: 'jwt_1',
    'request-host': 'apitest.cybersource.com',
    'request-method': 'post',
    'request-resource-path': '/pts/v2/payments',
    'v-c-jwt-version': '2',
    'v-c-merchant-id': 'testrest',
  })
})
