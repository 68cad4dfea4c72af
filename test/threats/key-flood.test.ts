import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { worstBatch } from '../bench/worst-batch.ts'
import { expectRefusal } from '../support/refusal.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

/** With a dot, which no id has: a shorter name of letters and digits is in a random id now and then. */
const keys = (count: number) => Array.from({ length: count }, (_, at) => `"k.${at}":1`).join()

describe('a body that holds more than any that the API knows is refused while it is read', () => {
  it.each([
    ['300,000 unknown members', `{${keys(300_000)}}`, 422, 'unknown-member'],
    ['unknown members of a part', `{"contact":{${keys(300_000)}}}`, 422, 'unknown-member'],
    ['members that are not JSON after the first hundred', `{${keys(100)}!`, 422, 'unknown-member'],
    ['a million elements', `{"consents":[${'1,'.repeat(1_000_000)}1]}`, 422, 'invalid-input'],
    ['many lists of many elements', `{"items":[${`[${'1,'.repeat(1500)}1],`.repeat(1500)}1]}`, 413, 'body-too-large'],
    ['a text of 4 MB', `{"customer":"${'4 '.repeat(1_950_000)}"}`, 422, 'invalid-input'],
  ] as const)('%s', async (_what, text, status, code) => {
    const send = () => vault.call('POST', '/v1/tokenize', { token, text })
    const answer = await expectRefusal(vault, send, { status, code, input: 'k.77' })
    expect(answer.text.length).toBeLessThan(2_000)
  })

  it('many parameters at the token endpoint', async () => {
    const text = `grant_type=client_credentials&${Array.from({ length: 500 }, (_, at) => `p.${at}=1`).join('&')}`
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const send = () => vault.call('POST', '/oauth/token', { text, headers })
    await expectRefusal(vault, send, { status: 400, code: 'invalid-token-request', input: 'p.77' })
  })
})

it('takes the largest batch there is: a thousand checkouts with every part and member, near the most bytes', async () => {
  const text = worstBatch()
  expect(text.length).toBeGreaterThan(3_500_000)
  const answer = await vault.call('POST', '/v1/tokenize/batch', { token, text })
  expect(answer.status).toBe(200)
  const results = answer.body.results as { status: number; shipping_address: { token: string } }[]
  expect(results.map(({ status }) => status)).toEqual(Array(1000).fill(201))
  expect(await vault.count('records')).toBe(4000)
  expect(new Set(results.map(({ shipping_address }) => shipping_address.token)).size).toBe(1000)
  expect(await vault.count("readable.audit_events WHERE type = 'record.tokenize'")).toBe(4000)
})
