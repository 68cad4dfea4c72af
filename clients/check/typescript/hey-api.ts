import { strict as assert } from 'node:assert'
import { createClient } from '../generated/hey-api/client/index.js'
import { getRecord, issueToken, revealRecord, tokenize } from '../generated/hey-api/index.js'

const baseUrl = process.env.STRONGROOM_URL ?? ''
const anonymous = createClient({ baseUrl })

async function clientFor(client_id = '', client_secret = '') {
  const body = { grant_type: 'client_credentials', client_id, client_secret } as const
  const { data } = await issueToken({ client: anonymous, body, throwOnError: true })
  return createClient({ baseUrl, auth: data.access_token })
}

const checkout = await clientFor(process.env.CHECKOUT_ID, process.env.CHECKOUT_SECRET)
const support = await clientFor(process.env.SUPPORT_ID, process.env.SUPPORT_SECRET)

const stored = await tokenize({
  client: checkout,
  headers: { 'Idempotency-Key': crypto.randomUUID() },
  body: {
    card: { number: '4242 4242 4242 4242', exp_month: 12, exp_year: 2031 },
    billing_address: { line1: '1 Raffles Place', country: 'SG' },
  },
  throwOnError: true,
})
assert.equal(stored.data.card?.last4, '4242')
const path = { token: stored.data.billing_address?.token ?? '' }

const masked = await getRecord({ client: support, path, throwOnError: true })
assert(masked.data.kind === 'address')
assert.equal(masked.data.country, 'SG')

const released = await revealRecord({
  client: support,
  path,
  body: { purpose: 'respond-to-query' },
  throwOnError: true,
})
assert(released.data.kind === 'address')
assert.equal(released.data.data.line1, '1 Raffles Place')

const { error } = await getRecord({ client: support, path: { token: 'none' } })
assert.equal(error?.code, 'record-not-found')
