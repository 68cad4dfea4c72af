import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { cpuTime } from '../support/cpu-time.ts'
import { expectRefusal } from '../support/refusal.ts'
import { cards } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const rest = '"exp_month":12,"exp_year":2031'
const nested = (levels: number, open: string, close: string) => open.repeat(levels) + close.repeat(levels)
const expected = { status: 400, code: 'malformed-json' } as const
const tokenize = (text: string) => () => vault.call('POST', '/v1/tokenize', { token, text })

describe('400', () => {
  it.each([
    ['at the top', `{"customer":"a","customer":"b","card":{"number":"${cards.visa}",${rest}}}`],
    ['in a part', `{"card":{"number":"${cards.visa}",${rest},"number":"${cards.mastercard}"}}`],
    ['with equal values', `{"card":{"number":"${cards.visa}","number":"${cards.visa}",${rest}}}`],
    ['spelled with an escape', `{"card":{"number":"${cards.visa}","n\\u0075mber":"${cards.mastercard}",${rest}}}`],
    ['of a part', `{"card":{"number":"${cards.visa}",${rest}},"card":{"number":"${cards.amex}",${rest}}}`],
    ['after an array', `{"consents":["a"],"card":{"number":"${cards.visa}",${rest}},"consents":[]}`],
    ['that is empty', `{"":1,"":2}`],
  ])('refuses a member that occurs twice, %s', async (_name, text) => {
    await expectRefusal(vault, tokenize(text), expected)
  })

  it('refuses one in an item of a batch', async () => {
    const text = `{"items":[{"card":{"number":"${cards.visa}","number":"${cards.amex}",${rest}}}]}`
    await expectRefusal(vault, () => vault.call('POST', '/v1/tokenize/batch', { token, text }), expected)
  })

  it.each([
    ['objects', '{"a":', '}', 9],
    ['arrays', '[', ']', 9],
    ['arrays without end', '[', ']', 1_000_000],
  ])('refuses nested %s', async (_name, open, close, levels) => {
    const text = open === '[' ? nested(levels, open, close) : `${open.repeat(levels)}1${close.repeat(levels)}`
    const startedAt = cpuTime()
    await expectRefusal(vault, tokenize(text), expected)
    expect(cpuTime() - startedAt).toBeLessThan(3_000)
  })
})

it('looks at the members themselves when the depth is acceptable', async () => {
  await expectRefusal(vault, tokenize(`{"customer":${nested(7, '[', ']')}}`), { status: 422, code: 'invalid-input' })
})

it('takes equal names in different objects, and member names as values', async () => {
  const text = `{"billing_address":{"line1":"a","country":"SG","name":"line1"},"shipping_address":{"line1":"line1","country":"SG"}}`
  expect((await vault.call('POST', '/v1/tokenize', { token, text })).status).toBe(201)
})
