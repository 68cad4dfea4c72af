import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Known } from './forbidden.ts'
import { type AnswerRules, REMOVED, scrubAnswer } from './scrub-answer.ts'

const NUMBER = '4242424242424242'
const KNOWN: Known = { number: NUMBER, code: '737', secrets: [Buffer.from('sk_test_4eC39Hq'), Buffer.from('shop7')] }
const ALL: AnswerRules = { members: ['/*'], ids: ['/id'], headers: ['Request-Id', 'X-Echo'] }

function scrub(body: unknown, { rules = ALL, known = KNOWN, headers = {}, type = 'application/json' } = {}) {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  return scrubAnswer({ status: 200, headers: { 'content-type': type, ...headers }, body: bytes }, rules, known)
}
const bodyOf = async (...sent: Parameters<typeof scrub>) => (await scrub(...sent)).body

const base64 = (text: string) => Buffer.from(text).toString('base64')
const hex = (text: string) => Buffer.from(text).toString('hex')
const percent = (text: string) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join('')
const withDigitsFrom = (zero: number) => NUMBER.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)))

/** Every way to write the number that an answer must not repeat. */
const FORMS: readonly (readonly [string, string])[] = [
  ['bare', NUMBER],
  ['in fours', '4242 4242 4242 4242'],
  ['with dashes', '4242-4242-4242-4242'],
  ['with dots, and longer', '00-4242.4242.4242.4242-99'],
  ['in odd groups', '42 4242424 24 242424 2'],
  ['one on each line', [...NUMBER].join('\n')],
  ['with letters between', [...NUMBER].join('x')],
  ['within a sentence', `The card ${NUMBER} was declined`],
  ['as track 2', `;${NUMBER}=31121011000012345678?`],
  ['fullwidth', withDigitsFrom(0xff10)],
  ['Arabic-Indic', withDigitsFrom(0x660)],
  ['percent', percent(NUMBER)],
  ['percent twice', encodeURIComponent(percent(NUMBER))],
  ['percent of one digit', NUMBER.replace('2', '%32')],
  ['grouped, in percent', encodeURIComponent('4242 4242 4242 4242')],
  ['base64', base64(NUMBER)],
  ['base64 at another place', base64(`{"number":"${NUMBER}"}`)],
  ['base64 at another place', base64(`x{"number":"${NUMBER}"}`)],
  ['base64 at another place', base64(`xx{"number":"4242 4242 4242 4242"}`)],
  ['base64url in a JWT', `eyJhbGciOiJub25lIn0.${Buffer.from(`{"n":"${NUMBER}"}`).toString('base64url')}.`],
  ['base64 in percent', encodeURIComponent(base64(`${NUMBER}?`))],
  ['hex', hex(NUMBER)],
  ['HEX', hex(NUMBER).toUpperCase()],
  ['hex after half a byte', `a${hex(NUMBER)}`],
  ['its value in hex', `0x${BigInt(NUMBER).toString(16).toUpperCase()}`],
  ['a hex dump', hex(NUMBER).replace(/../g, '$& ')],
  ['bytes', hex(NUMBER).replace(/../g, '0x$&, ')],
  ['UTF-16 in hex', Buffer.from(NUMBER, 'utf16le').toString('hex')],
  ['entities', [...NUMBER].map((digit) => `&#${digit.charCodeAt(0)};`).join('')],
  ['hexadecimal entities', [...NUMBER].map((digit) => `&#x${digit.charCodeAt(0).toString(16)};`).join('')],
]

describe('the number that was sent', () => {
  it.each(FORMS)('does not come back %s: %s', async (_, text) => {
    expect(await bodyOf({ message: text, status: 'ok' })).toEqual({ message: REMOVED, status: 'ok' })
    expect(await bodyOf({ deep: [{ message: text }] })).toEqual({ deep: [{ message: REMOVED }] })
    expect(await bodyOf({ [text]: 'a name' })).toEqual({ [REMOVED]: 'a name' })
    expect(await bodyOf(`message=${encodeURIComponent(text)}`, { type: 'application/x-www-form-urlencoded' })).toEqual({
      message: REMOVED,
    })
    expect((await scrub({}, { headers: { 'x-echo': text } })).headers).toEqual({ 'X-Echo': REMOVED })
  })

  it.each(FORMS)('does not come back in an id %s: %s', async (_, text) => {
    expect(await bodyOf({ id: text })).toEqual({ id: REMOVED })
  })

  it.each([
    ['as a number', `{"message": ${NUMBER}}`],
    ['as a number with a fraction', `{"message": ${NUMBER}.0}`],
    ['as a number with an exponent', '{"message": 4.242424242424242e15}'],
    ['with escapes', '{"message": "\\u0034242\\u003424242424242"}'],
  ])('does not come back %s', async (_, text) => {
    expect(await bodyOf(text)).toEqual({ message: REMOVED })
  })

  it('does not come back as a number of 19 digits, which JavaScript would round', async () => {
    const known = { ...KNOWN, number: '6205500000000000004' }
    expect(await bodyOf('{"message": 6205500000000000004}', { known })).toEqual({ message: REMOVED })
  })

  it('does not come back in pieces', async () => {
    expect(await bodyOf({ groups: ['4242', '4242', '4242', '4242'], other: 'ok' })).toEqual({
      groups: [REMOVED, REMOVED, REMOVED, REMOVED],
      other: 'ok',
    })
    expect(await bodyOf({ digits: [...NUMBER].map(Number) })).toEqual({ digits: Array(16).fill(REMOVED) })
    expect(await bodyOf({ first: '42424242', second: { rest: 42424242 } })).toEqual({
      first: REMOVED,
      second: { rest: REMOVED },
    })
  })

  it('leaves what every answer shows of a card', async () => {
    const known = { ...KNOWN, number: '4000056655665556' }
    const shown = { bin: '400005', last4: '5556', brand: 'visa', exp_month: 12, exp_year: 2031 }
    expect(await bodyOf(shown, { known })).toEqual(shown)
  })

  it('comes back in no grouping, with nothing that is no digit between', async () => {
    const digits = fc.array(fc.constantFrom(...'0123456789'), { minLength: 12, maxLength: 19 })
    const gap = fc.string({ unit: 'grapheme', maxLength: 3 }).filter((text) => !/\p{Nd}/u.test(text.normalize('NFKC')))
    await fc.assert(
      fc.asyncProperty(digits, fc.array(gap, { minLength: 19, maxLength: 19 }), async (number, gaps) => {
        const known = { number: number.join(''), code: undefined, secrets: [] }
        const text = number.map((digit, at) => digit + gaps[at]!).join('')
        expect(await bodyOf({ message: text }, { known })).toEqual({ message: REMOVED })
      }),
      { numRuns: 200 },
    )
  })
})

describe('other card numbers', () => {
  it('are taken out where the detector finds them, and left in an id', async () => {
    const other = '5555555555554444'
    expect(await bodyOf({ id: other, pan: other, text: base64(`pan=${other};`) })).toEqual({
      id: other,
      pan: REMOVED,
      text: REMOVED,
    })
  })

  it('are told from ordinary answers', async () => {
    const answer = {
      id: 'pi_3Nk4242eZvKYlo2C1hPjv8',
      created: 1763620000,
      amount: 129900,
      receipt: 'https://pay.example/receipts/CAcaFwoVYWNjdF8xMDMy',
      when: '2026-11-30T08:08:15.123Z',
      flags: [true, null, 0.5],
    }
    expect(await bodyOf(answer)).toEqual(answer)
  })
})

describe('the security code that was sent', () => {
  it.each(['737', ' 737 ', 737, base64('737'), 'NzM3', hex('737'), percent('737')])(
    'does not come back as a value: %j',
    async (value) => {
      expect(await bodyOf({ code: value })).toEqual({ code: REMOVED })
    },
  )

  it('is not looked for within other values', async () => {
    expect(await bodyOf({ amount: 7370, text: 'order 737 of today' })).toEqual({
      amount: 7370,
      text: 'order 737 of today',
    })
  })
})

describe('the secrets that were sent', () => {
  it.each([
    'sk_test_4eC39Hq',
    'Invalid key sk_test_4eC39Hq',
    base64('user:sk_test_4eC39Hq'),
    hex('sk_test_4eC39Hq'),
    encodeURIComponent(encodeURIComponent('=sk_test_4eC39Hq')),
  ])('do not come back: %s', async (text) => {
    expect(await bodyOf({ message: text })).toEqual({ message: REMOVED })
  })

  it('do not come back as a value where they are short', async () => {
    expect(await bodyOf({ a: 'shop7', b: 'workshop70' })).toEqual({ a: REMOVED, b: 'workshop70' })
  })

  it('do not come back where they are no text', async () => {
    const secret = Buffer.from([0xff, 0x00, 0xfe, 0x80, 0x81, 0xc0, 0x01])
    const known = { number: undefined, code: undefined, secrets: [secret] }
    expect(await bodyOf({ a: secret.toString('base64'), b: secret.toString('hex') }, { known })).toEqual({
      a: REMOVED,
      b: REMOVED,
    })
  })
})

describe('what comes back', () => {
  it('is what the destination names, and what is inside that', async () => {
    const body = {
      id: 'pay_1',
      card: { brand: 'visa', owner: 'Tan' },
      items: [{ code: 'a', more: 1 }, { more: 2 }, { code: 'b' }],
      risk: { score: 12, rules: ['x'] },
      'odd/name': { 'til~de': 1 },
    }
    const members = ['/id', '/card/brand', '/items/*/code', '/risk', '/odd~1name/til~0de', '/absent/member']
    expect(await bodyOf(body, { rules: { ...ALL, members } })).toEqual({
      id: 'pay_1',
      card: { brand: 'visa' },
      items: [{ code: 'a' }, { code: 'b' }],
      risk: { score: 12, rules: ['x'] },
      'odd/name': { 'til~de': 1 },
    })
    expect(await bodyOf(body, { rules: { ...ALL, members: ['/items/1/more'] } })).toEqual({ items: [{ more: 2 }] })
    expect(await bodyOf(body, { rules: { ...ALL, members: [] } })).toBeNull()
  })

  it.each([
    ['a page', 'text/html', '<p>4242424242424242</p>'],
    ['text', 'text/plain', '{"id":"pay_1"}'],
    ['bytes', 'application/octet-stream', '{"id":"pay_1"}'],
    ['broken JSON', 'application/json', '{"id":"pay_1"'],
    ['JSON that is too deep', 'application/json', '['.repeat(200_000)],
    ['nothing', 'application/json', ''],
  ])('is nothing of %s', async (_, type, body) => expect(await bodyOf(body, { type })).toBeNull())

  it('is read as its type says, with parameters and suffixes', async () => {
    for (const type of ['application/json; charset=utf-8', 'application/problem+json', 'APPLICATION/JSON'])
      expect(await bodyOf({ id: 'pay_1' }, { type })).toEqual({ id: 'pay_1' })
    expect(await bodyOf('response=1&text=APPROVED+now&a=1&a=2', { type: 'application/x-www-form-urlencoded' })).toEqual(
      { response: '1', text: 'APPROVED now', a: ['1', '2'] },
    )
  })

  it('has the headers that the destination names', async () => {
    const headers = { 'request-id': 'req_1', 'set-cookie': ['a=1'], location: 'https://elsewhere.example' }
    expect((await scrub({}, { headers })).headers).toEqual({ 'Request-Id': 'req_1' })
  })

  it('keeps a number that JavaScript cannot hold as a text', async () => {
    expect(await bodyOf('{"a": 12345678901234567890, "b": 1.50, "c": -3}')).toEqual({
      a: '12345678901234567890',
      b: 1.5,
      c: -3,
    })
  })

  it('has no member that changes its prototype', async () => {
    const body = await bodyOf('{"__proto__": {"x": 1}, "id": "pay_1"}')
    expect(Object.getPrototypeOf(body)).toBe(Object.prototype)
    expect(JSON.stringify(body)).toBe('{"__proto__":{"x":1},"id":"pay_1"}')
  })

  it('has no text that is too long to be read', async () => {
    expect(await bodyOf({ a: 'x'.repeat(20_000), b: 'ok' })).toEqual({ a: REMOVED, b: 'ok' })
    const many = Array(20).fill('y'.repeat(10_000))
    expect((await bodyOf({ many }))!).toEqual({ many: [...many.slice(0, 13), ...Array(7).fill(REMOVED)] })
  })
})
