import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectRefusal } from '../support/refusal.ts'
import { card } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const tokenize = (number: unknown) => () =>
  vault.call('POST', '/v1/tokenize', { token, body: { card: { ...card, number } } })

describe('no string', () => {
  it.each([
    ['a number', 4242424242424242],
    ['an array', ['4242424242424242']],
    ['an object', { toString: '4242424242424242' }],
    ['null', null],
    ['a boolean', true],
    ['nothing', undefined],
  ])('refuses %s', async (_name, number) => {
    await expectRefusal(vault, tokenize(number), { status: 422, code: 'invalid-input', input: '4242424242424242' })
  })
})

describe('no card number', () => {
  it.each([
    ['a wrong check digit', '4242424242424241'],
    ['two digits exchanged', '4242424242424224'],
    ['11 digits', '42424242420'],
    ['12 digits of a brand that has 16', '424242424242'],
    ['20 digits with a right check digit', '42424242424242424242'],
    ['zeros', '0000000000000000'],
    ['one digit repeated', '4444444444444444'],
    ['an empty text', ''],
    ['spaces', '    '],
    ['letters', '4242 4242 4242 424O'],
    ['a sign', '+4242424242424242'],
    ['a decimal point', '4242424242424242.0'],
    ['an exponent', '4242424242424242e0'],
    ['a dash before', '-4242424242424242'],
    ['dots between', '4242.4242.4242.4242'],
    ['a NUL inside', '4242\u00004242\u00004242\u00004242'],
    ['hexadecimal', '0xF1270A50C6F52'],
    ['two numbers', '4242424242424242,5555555555554444'],
    ['16,000 digits', '42'.repeat(8_000)],
  ])('refuses %s', async (_name, number) => {
    const input = number.trim().length > 8 ? number.slice(0, 64) : []
    await expectRefusal(vault, tokenize(number), { status: 422, code: 'invalid-card-number', input })
  })
})

describe('what is typed or pasted', () => {
  const digits = '4242424242424242'
  const shift = (zero: number) => digits.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)))

  it.each([
    ['fullwidth digits', shift(0xff10)],
    ['Arabic-Indic digits', shift(0x0660)],
    ['Devanagari digits', shift(0x0966)],
    ['mathematical digits', shift(0x1d7ce)],
    ['zero-width spaces', [...digits].join('\u200b')],
    ['soft hyphens', digits.replace(/(....)(?=.)/g, '$1\u00ad')],
    ['figure spaces', digits.replace(/(....)(?=.)/g, '$1\u2007')],
    ['en dashes', digits.replace(/(....)(?=.)/g, '$1\u2013')],
    ['a byte order mark', `\ufeff${digits}`],
    ['a line break', `${digits}\n`],
    ['several spaces', digits.replace(/(....)(?=.)/g, '$1    ')],
  ])('is read with %s', async (_name, number) => {
    const response = await tokenize(number)()
    expect(response.status, response.text).toBe(201)
    expect(response.body.card.last4).toBe('4242')
  })

  it('is not a number with combining marks', async () => {
    const number = [...digits].join('\u0301')
    await expectRefusal(vault, tokenize(number), { status: 422, code: 'invalid-card-number', input: number })
  })
})

it.each(['4242424242424242', '4242 4242 4242 4242', '4242-4242-4242-4242', '3782 822463 10005', '6304000000000000'])(
  'takes the test number %s',
  async (number) => {
    const response = await tokenize(number)()
    expect(response.status, response.text).toBe(201)
    expect(response.body.card.last4).toBe(number.slice(-4))
  },
)
