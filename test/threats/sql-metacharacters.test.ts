import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { checkoutFullOf, freeTextFields } from '../support/free-text.ts'
import { expectRefusal } from '../support/refusal.ts'
import { storeAndReveal } from '../support/reveal.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

/** At most 20 characters each: the shortest of the fields takes no more. */
const payloads = [
  "'; DROP TABLE keys--",
  "' OR '1'='1",
  '"; DELETE FROM keys;',
  "\\'; SELECT 1 --",
  '$1 || pg_sleep(9)',
  '$$; SELECT 1; $$',
  "E'\\x27' /* */ --",
  '?::regclass ??',
  ':name %s $(id)',
  '%_ NULL',
  '{"$ne": null}',
  '{a,"b",NULL}',
  '(1, 2), (3, 4)',
  '\\copy keys to x',
]

async function schema(): Promise<unknown> {
  return vault.database.sql('SELECT tablename FROM pg_tables WHERE schemaname = $1 ORDER BY 1', ['public'])
}

describe.each(payloads)('%s', (payload) => {
  it('is stored and revealed as it was sent, in every field of every kind', async () => {
    const before = await schema()
    const revealed = await storeAndReveal(vault, checkoutFullOf(payload))
    expect(freeTextFields.map(({ part, field }) => revealed[part]![field])).toEqual(freeTextFields.map(() => payload))
    expect(await schema()).toEqual(before)
  })

  it('finds as a customer what was stored under it, and nothing else', async () => {
    const { contact: stored } = await vault.tokenize({ customer: payload, contact: { name: 'A Name' } })
    await vault.tokenize({ customer: 'cus_1042', contact })
    const support = await vault.staffToken('support')
    const response = await vault.call('POST', '/v1/search', {
      token: support,
      body: { by: 'customer', value: payload },
    })
    expect(response.body.results.map((view: { token: string }) => view.token)).toEqual([stored!.token])
  })

  it('is not a token', async () => {
    const support = await vault.staffToken('support')
    const send = () => vault.call('GET', `/v1/tokens/${encodeURIComponent(payload)}`, { token: support })
    await expectRefusal(vault, send, { status: 404, code: 'record-not-found', input: payload })
  })

  it('selects nothing of the audit log', async () => {
    const auditor = await vault.staffToken('auditor')
    for (const parameter of ['caller', 'token']) {
      const path = `/v1/audit/events?${parameter}=${encodeURIComponent(payload)}`
      const response = await vault.call('GET', path, { token: auditor })
      // A caller may be called almost anything; a token has its form.
      if (parameter === 'token') expect(response.status, response.text).toBe(422)
      else expect(response.body).toEqual({ events: [], next: null })
    }
  })

  it('is an Idempotency-Key like any other', async () => {
    const options = { token, body: { contact: { name: 'A Name' } }, headers: { 'Idempotency-Key': payload } }
    const first = await vault.call('POST', '/v1/tokenize', options)
    const second = await vault.call('POST', '/v1/tokenize', options)
    expect(first.status, first.text).toBe(201)
    expect(second.body).toEqual(first.body)
  })
})
