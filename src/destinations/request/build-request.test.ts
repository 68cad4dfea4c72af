import { describe, expect, it } from 'vitest'
import { build, buildDeps, card, records, sampleDestination } from '../../../test/support/sample-destination.ts'
import { Problem } from '../../values/problem.ts'
import { buildRequest, type Filling } from './build-request.ts'

const bodyOf = async (template: object, filling?: Partial<Filling>) => {
  const { number: _number, ...body } = JSON.parse((await build(sampleDestination(template), filling)).body.toString())
  return body
}
async function problemOf(built: Promise<unknown>) {
  const error = await built.catch((thrown: unknown) => thrown)
  if (!(error instanceof Problem)) throw new Error('it was built')
  return { code: error.code, pointers: error.errors.map(({ pointer }) => pointer) }
}

describe('the card', () => {
  it.each<[object, unknown]>([
    [{ $card: 'exp_month' }, '05'],
    [{ $card: 'exp_month', as: 'mm' }, '05'],
    [{ $card: 'exp_month', as: 'm' }, '5'],
    [{ $card: 'exp_month', type: 'integer' }, 5],
    [{ $card: 'exp_year' }, '2031'],
    [{ $card: 'exp_year', as: 'yyyy' }, '2031'],
    [{ $card: 'exp_year', as: 'yy' }, '31'],
    [{ $card: 'exp_year', as: 'yy', type: 'integer' }, 31],
    [{ $card: 'exp_year', type: 'integer' }, 2031],
    [{ $card: 'expiry' }, '0531'],
    [{ $card: 'expiry', as: 'mmyy' }, '0531'],
    [{ $card: 'expiry', as: 'mmyyyy' }, '052031'],
    [{ $card: 'expiry', as: 'mm/yy' }, '05/31'],
    [{ $card: 'expiry', as: 'yymm' }, '3105'],
    [{ $card: 'expiry', as: 'yyyy-mm' }, '2031-05'],
    [{ $card: 'number' }, '4242424242424242'],
    [{ $card: 'holder_name' }, 'Tan Mei Ling'],
    [{ $card: 'security_code' }, '012'],
  ])('%j is %j', async (x, expected) => {
    expect(await bodyOf({ x }, { code: '012' })).toEqual({ x: expected })
  })
})

describe('what is missing', () => {
  const name = { $card: 'holder_name' }
  const { holder_name: _name, ...nameless } = card

  it('is left out where it is optional, with the object that has nothing else', async () => {
    const template = {
      a: { name: { ...name, optional: true } },
      b: [{ ...name, optional: true }, { $in: 'b', optional: true }, 1],
      c: {},
      d: { $address: 'city', of: 'shipping', optional: true },
      e: { $card: 'security_code', optional: true },
    }
    expect(await bodyOf(template, { records: { card: nameless } })).toEqual({ b: [1], c: {} })
  })

  it('is also an optional input that is null', async () => {
    const template = { a: { $in: 'a', optional: true }, n: { $in: 'n', type: 'integer', optional: true }, c: 1 }
    expect(await bodyOf(template, { input: { a: null, n: null } })).toEqual({ c: 1 })
    expect(await problemOf(build(sampleDestination({ a: { $in: 'a' } }), { input: { a: null } }))).toEqual({
      code: 'invalid-input',
      pointers: ['#/input/a'],
    })
  })

  it.each<[object, Partial<Filling>, string]>([
    [name, { records: { card: nameless } }, '#/tokens/card'],
    [{ ...name, optional: false }, { records: { card: nameless } }, '#/tokens/card'],
    [{ $in: 'a', optional: false }, {}, '#/input/a'],
    [{ $address: 'city', of: 'billing' }, {}, '#/tokens/billing_address'],
    [{ $address: 'city', of: 'shipping' }, {}, '#/tokens/shipping_address'],
    [{ $contact: 'email' }, { records: { card } }, '#/tokens/contact'],
    [{ $card: 'security_code' }, {}, '#/security_code'],
    [{ $in: 'amount', type: 'integer' }, {}, '#/input/amount'],
  ])('%j is a fault of the request', async (x, filling, pointer) => {
    expect(await problemOf(build(sampleDestination({ x }), filling))).toEqual({
      code: 'invalid-input',
      pointers: [pointer],
    })
  })
})

describe('an input', () => {
  it.each<[object, unknown]>([
    [{ type: 'integer', minimum: 1, maximum: 5 }, 5],
    [{ type: 'boolean' }, false],
    [{ type: 'decimal' }, '10.90'],
    [{}, 'any text, "quoted"'],
    [{ characters: 'digits', max_length: 3 }, '012'],
    [{ characters: 'identifier' }, 'order:1/2'],
    [{ one_of: ['SGD', 'EUR'] }, 'EUR'],
  ])('%j takes %j', async (rule, x) => {
    expect(await bodyOf({ x: { $in: 'x', ...rule } }, { input: { x } })).toEqual({ x })
  })

  it('is a number of JSON where the destination wants one', async () => {
    const x = { $in: 'x', type: 'decimal', as: 'number' }
    expect(await bodyOf({ x }, { input: { x: '10.90' } })).toEqual({ x: 10.9 })
  })

  it.each<[object, unknown]>([
    [{ type: 'integer' }, '5'],
    [{ type: 'integer' }, 1.5],
    [{ type: 'integer' }, 2 ** 53],
    [{ type: 'integer', minimum: 1 }, 0],
    [{ type: 'integer', maximum: 5 }, 6],
    [{ type: 'boolean' }, 'true'],
    [{ type: 'decimal' }, 10.9],
    [{ type: 'decimal' }, '1e3'],
    [{ type: 'decimal' }, '01'],
    [{ type: 'decimal' }, '-1'],
    [{ type: 'decimal', max_decimals: 2 }, '1.234'],
    [{ type: 'decimal' }, '1234567890123456'],
    [{}, { $gt: '' }],
    [{}, ['a']],
    [{}, null],
    [{}, 'a\u0000b'],
    [{ max_length: 3 }, 'abcd'],
    [{ characters: 'digits' }, '1a'],
    [{ characters: 'printable' }, 'ü'],
    [{ characters: 'identifier' }, 'a b'],
    [{ characters: 'alphanumeric' }, 'a-b'],
    [{ one_of: ['SGD'] }, 'sgd'],
  ])('%j does not take %j', async (rule, x) => {
    const built = build(sampleDestination({ x: { $in: 'x', ...rule } }), { input: { x } })
    expect(await problemOf(built)).toEqual({ code: 'invalid-input', pointers: ['#/input/x'] })
  })

  it('is no number of a card, and no code', async () => {
    const to = sampleDestination({ x: { $in: 'x' } })
    expect((await problemOf(build(to, { input: { x: 'pay 4242 4242 4242 4242' } }))).code).toBe('card-number-in-text')
    expect((await problemOf(build(to, { input: { x: 'x', cvv: '123' } }))).code).toBe('sensitive-authentication-data')
  })

  it('is one that the destination names', async () => {
    expect((await problemOf(build(sampleDestination({}), { input: { x: 1 } }))).code).toBe('unknown-member')
  })
})

describe('method, headers and path', () => {
  it('has the method that the caller chose among those of the destination', async () => {
    const to = sampleDestination({}, { methods: ['POST', 'PUT'] })
    expect((await build(to)).method).toBe('POST')
    expect((await build(to, { method: 'PUT' })).method).toBe('PUT')
    expect((await problemOf(build(to, { method: 'DELETE' }))).pointers).toEqual(['#/method'])
  })

  it('has the headers of the destination, and those of the caller that it names, in any case', async () => {
    const to = sampleDestination(
      {},
      { headers: { 'API-Version': '1', 'X-M': { $secret: 'merchant' } }, caller_headers: ['Idempotency-Key'] },
    )
    expect((await build(to, { headers: { 'idempotency-key': 'k1' } })).headers).toEqual([
      ['Content-Type', 'application/json'],
      ['API-Version', '1'],
      ['X-M', 'M1'],
      ['Idempotency-Key', 'k1'],
    ])
    expect((await problemOf(build(to, { headers: { 'X-M': 'x' } }))).code).toBe('unknown-member')
    const twice = { 'idempotency-key': 'a', 'Idempotency-Key': 'b' }
    expect((await problemOf(build(to, { headers: twice }))).pointers).toEqual(['#/headers'])
    for (const value of ['a\r\nHost: evil', 'a\nb', '', ' a', 'ü', 'a'.repeat(1025)])
      expect((await problemOf(build(to, { headers: { 'Idempotency-Key': value } }))).pointers).toHaveLength(1)
  })

  it('has a media type of its own where the destination says so', async () => {
    const to = sampleDestination({}, { headers: { 'content-type': 'application/vnd.example+json' } })
    expect((await build(to)).headers).toEqual([['content-type', 'application/vnd.example+json']])
  })

  it('fills the path with one safe segment', async () => {
    const to = sampleDestination({}, { path: '/v1/{payment}:{action}/x' })
    expect((await build(to, { input: { payment: 'pay_1', action: '~a.b' } })).path).toBe('/v1/pay_1:~a.b/x')
    for (const payment of [
      '',
      '.',
      '..',
      'a/b',
      'a?b',
      'a#b',
      'a%2fb',
      'a b',
      'ü',
      '{action}',
      'a\\b',
      'x'.repeat(129),
    ])
      expect((await problemOf(build(to, { input: { payment, action: 'a' } }))).pointers).toEqual(['#/input/payment'])
  })
})

describe('secrets', () => {
  it('are where the destination wants them, and are named for the scrubber', async () => {
    const sign = [{ with: 'basic', username: { $secret: 'key' } }]
    const { body, headers, secrets: named } = await build(sampleDestination({ m: { $secret: 'merchant' } }, { sign }))
    const credentials = Buffer.from('sk_live_1:').toString('base64')
    expect(JSON.parse(body.toString())).toMatchObject({ m: 'M1' })
    expect(headers.at(-1)).toEqual(['Authorization', `Basic ${credentials}`])
    expect(named.map(String)).toEqual(['sk_live_1', 'M1', credentials])
  })

  it('that no header can carry are refused', async () => {
    const to = sampleDestination({}, { sign: [{ with: 'bearer', secret: 'key' }] })
    const built = buildRequest({ ...buildDeps, openSecrets: async () => new Map([['key', 'a\r\nb: c']]) }, to, {
      ...{ records, input: {}, headers: {} },
    })
    await expect(built).rejects.toMatchObject({ name: 'UnusableSecret', message: expect.not.stringContaining('b: c') })
  })
})
