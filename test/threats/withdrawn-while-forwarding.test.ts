import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { Forwarding, newKey } from '../support/forwarding.ts'
import { publishPolicy, shippedPolicy } from '../support/policies.ts'
import { expectProblem } from '../support/problems.ts'
import { answers } from '../support/processor.ts'
import { expectNoneLater, type Moment, race, served } from '../support/race.ts'
import { card, cards } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attacks 36 and 63: an attacker keeps paying with a card on every server while its shopper withdraws the consent to it. */
const ROUNDS = 3
const purpose = 'process-payment'

let shop: Forwarding
let second: TestVault
let writer: string
let nth = 0

beforeAll(async () => {
  shop = await Forwarding.start()
  second = await TestVault.start({ sharedDatabase: shop.vault.database })
  writer = await shop.vault.clientToken(['consent:write'])
  const asking = { ...shippedPolicy.purposes[purpose]!, consent: true } as const
  await publishPolicy(shop.vault, { version: 'asking', purposes: { ...shippedPolicy.purposes, [purpose]: asking } })
})
beforeEach(() => shop.reset())
afterEach(() => shop.vault.checkInvariants())
afterAll(async () => {
  await second.stop()
  await shop.stop()
})

async function store() {
  const customer = `cus_${++nth}_pays`
  const consents = [purpose, 'store-card']
  const parts = await shop.vault.tokenize({ card, customer, consents, policy_version: 'asking' })
  return { customer, token: parts.card!.token! }
}

function forward(on: TestVault, token: string, more: { key?: string; reference?: string; resend?: true } = {}) {
  const { key = newKey(), reference, resend } = more
  const input = { amount: 1200, ...(reference && { reference }) }
  const body = { destination: 'acquirer', purpose, tokens: { card: token }, input, resend }
  return on.call('POST', '/v1/forward', { token: shop.token, body, headers: { 'Idempotency-Key': key } })
}

async function withdraw(on: TestVault, customer: string, consent: string) {
  const body = { customer, withdraw: [consent] }
  const answer = await on.call('POST', '/v1/customers/consents', { token: writer, body })
  expect(answer.status, answer.text).toBe(200)
}

it.each([
  { consent: purpose, status: 403, end: 'consent.withdraw' },
  { consent: 'store-card', status: 410, end: 'record.erase' },
])(
  'no card is sent by a call that begins after $consent was withdrawn, and each that was sent is on record',
  async ({ consent, status, end }) => {
    for (let round = 0; round < ROUNDS; round++) {
      await shop.reset()
      const { customer, token } = await store()
      let calls = 0
      const call = async (on: TestVault, when: Moment) => {
        const response = await forward(on, token, { reference: `${when} ${++calls}` })
        if (response.status !== 200) expect(response.text).not.toContain(cards.visa)
        return response
      }
      const { before, after } = await race([shop.vault, second], call, () =>
        withdraw(round % 2 ? shop.vault : second, customer, consent),
      )
      expect(new Set(after)).toEqual(new Set([status]))
      expect(before.filter((one) => one !== 200 && one !== status)).toEqual([])
      expect(served(before)).toBeGreaterThan(0)
      await expectNoneLater(shop.vault, token, { end, release: 'record.forward', count: served(before) })
      const sent = shop.processor.received.map(({ body }) => JSON.parse(body).reference as string)
      expect(sent).toHaveLength(served(before))
      expect(sent.filter((reference) => reference.startsWith('after'))).toEqual([])
    }
  },
)

it('a card whose sending has an unknown outcome is not sent again after the consent was withdrawn', async () => {
  const { customer, token } = await store()
  const key = newKey()
  shop.processor.answer = answers.reset
  expectProblem(await forward(shop.vault, token, { key }), 409, 'forward-outcome-unknown')
  shop.processor.answer = answers.success
  await withdraw(second, customer, purpose)
  for (const on of [shop.vault, second]) {
    expectProblem(await forward(on, token, { key, resend: true }), 403, 'consent-missing')
  }
  expect(shop.processor.received).toHaveLength(1)
})

it('a row of before the withdrawal, put back, sends nothing, and is an alert', async () => {
  const { customer, token } = await store()
  const [former] = await shop.vault.database.sql<{ row: string }>(
    'SELECT to_jsonb(t)::text AS row FROM records t WHERE token = id_uuid($1)',
    [token],
  )
  await withdraw(second, customer, purpose)
  await shop.vault.database.sql('DELETE FROM records WHERE token = id_uuid($1)', [token])
  await shop.vault.database.sql('INSERT INTO records SELECT (jsonb_populate_record(NULL::records, $1::jsonb)).*', [
    former!.row,
  ])
  expectProblem(await forward(shop.vault, token), 500, 'record-integrity')
  const alerts = shop.vault.logLines.map((line) => JSON.parse(line)).filter(({ alert }) => alert === 'record-integrity')
  expect(alerts.filter((line) => line.token === token)).toHaveLength(1)
  expect(shop.processor.received).toEqual([])
})
