import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Problem } from '../../values/problem.ts'
import type { Destination } from '../destination.ts'
import { parseDestinationsFile } from '../destination-file.ts'
import { isLeaf, type Template } from '../template.ts'
import { type BuildDeps, type BuiltRequest, buildRequest, type Filling } from './build-request.ts'
import { describeRequest } from './describe-request.ts'

const now = new Date('2026-11-30T12:00:00Z')
const secrets = new Map([
  ['key', 'sk_live_1'],
  ['merchant', 'M1'],
])
const deps: BuildDeps = {
  openSecrets: async () => secrets,
  signMessage: async () => {
    throw new Error('no signer of these tests asks for it')
  },
  now: () => now,
  newId: (prefix) => `${prefix}_1`,
}
const card = { number: '4242424242424242', exp_month: 5, exp_year: 2031, holder_name: 'Tan Mei Ling' }
const billing_address = { line1: '1 Raffles Place', country: 'SG', postal_code: '048616' }
const records = { card, billing_address, contact: { email: 'mei@example.sg' } }

function destination(template: object, further: object = {}): Destination {
  const file = parseDestinationsFile({
    format: 1,
    destinations: {
      processor: {
        origin: 'https://api.example.com',
        path: '/v1/payments',
        encoding: 'json',
        template: { number: { $card: 'number' }, ...template },
        partner: `partner_${'0'.repeat(26)}`,
        purposes: ['process-payment'],
        ...further,
      },
    },
  })
  return { name: 'processor', ...file.destinations.processor! }
}

const build = (to: Destination, filling: Partial<Filling> = {}) =>
  buildRequest(deps, to, { records, input: {}, headers: {}, ...filling })
const bodyOf = async (template: object, filling?: Partial<Filling>) => {
  const { number: _number, ...body } = JSON.parse((await build(destination(template), filling)).body.toString())
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

  it.each<[object, Partial<Filling>, string]>([
    [name, { records: { card: nameless } }, '#/tokens/card'],
    [{ $address: 'city', of: 'billing' }, {}, '#/tokens/billing_address'],
    [{ $address: 'city', of: 'shipping' }, {}, '#/tokens/shipping_address'],
    [{ $contact: 'email' }, { records: { card } }, '#/tokens/contact'],
    [{ $card: 'security_code' }, {}, '#/security_code'],
    [{ $in: 'amount', type: 'integer' }, {}, '#/input/amount'],
  ])('%j is a fault of the request', async (x, filling, pointer) => {
    expect(await problemOf(build(destination({ x }), filling))).toEqual({ code: 'invalid-input', pointers: [pointer] })
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
    const built = build(destination({ x: { $in: 'x', ...rule } }), { input: { x } })
    expect(await problemOf(built)).toEqual({ code: 'invalid-input', pointers: ['#/input/x'] })
  })

  it('is no number of a card, and no code', async () => {
    const to = destination({ x: { $in: 'x' } })
    expect((await problemOf(build(to, { input: { x: 'pay 4242 4242 4242 4242' } }))).code).toBe('card-number-in-text')
    expect((await problemOf(build(to, { input: { x: 'x', cvv: '123' } }))).code).toBe('sensitive-authentication-data')
  })

  it('is one that the destination names', async () => {
    expect((await problemOf(build(destination({}), { input: { x: 1 } }))).code).toBe('unknown-member')
  })
})

describe('method, headers and path', () => {
  it('has the method that the caller chose among those of the destination', async () => {
    const to = destination({}, { methods: ['POST', 'PUT'] })
    expect((await build(to)).method).toBe('POST')
    expect((await build(to, { method: 'PUT' })).method).toBe('PUT')
    expect((await problemOf(build(to, { method: 'DELETE' }))).pointers).toEqual(['#/method'])
  })

  it('has the headers of the destination, and those of the caller that it names, in any case', async () => {
    const to = destination(
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
    const to = destination({}, { headers: { 'content-type': 'application/vnd.example+json' } })
    expect((await build(to)).headers).toEqual([['content-type', 'application/vnd.example+json']])
  })

  it('fills the path with one safe segment', async () => {
    const to = destination({}, { path: '/v1/{payment}:{action}/x' })
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
    const { body, headers, secrets: named } = await build(destination({ m: { $secret: 'merchant' } }, { sign }))
    const credentials = Buffer.from('sk_live_1:').toString('base64')
    expect(JSON.parse(body.toString())).toMatchObject({ m: 'M1' })
    expect(headers.at(-1)).toEqual(['Authorization', `Basic ${credentials}`])
    expect(named.map(String)).toEqual(['sk_live_1', 'M1', credentials])
  })

  it('that no header can carry are refused', async () => {
    const to = destination({}, { sign: [{ with: 'bearer', secret: 'key' }] })
    const built = buildRequest({ ...deps, openSecrets: async () => new Map([['key', 'a\r\nb: c']]) }, to, {
      ...{ records, input: {}, headers: {} },
    })
    await expect(built).rejects.toMatchObject({ name: 'UnusableSecret', message: expect.not.stringContaining('b: c') })
  })
})

describe('no value changes the structure', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '"',
      '",',
      '"},"x":{"a":"',
      '\\',
      '&a=b',
      'a]=1&b[c',
      '%26',
      '__proto__',
      '\u2028',
      '{"$card":"number"}',
    ),
  )
  const name = fc.stringMatching(/^[a-zA-Z_-][a-zA-Z0-9_. -]{0,8}$/).filter((text) => text !== '__proto__')
  const leaf = fc.constantFrom<Template>(
    { $card: 'holder_name' },
    { $address: 'line1', of: 'billing' },
    { $contact: 'email' },
    { $in: 'text', max_length: 10_000 },
    { $secret: 'any' },
  )
  const { node } = fc.letrec<{ node: Template }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      fc.oneof(fc.boolean(), fc.integer(), fc.string({ unit: 'grapheme-ascii' })),
      fc.array(tie('node'), { minLength: 1, maxLength: 3 }),
      fc.dictionary(name, tie('node'), { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
    ),
  }))
  const given = fc.record({ holder: anyText, line1: anyText, email: anyText, text: anyText, any: anyText })
  type Given = typeof given extends fc.Arbitrary<infer T> ? T : never

  /** The template with each leaf replaced by its value, made without any of the code that is tested. */
  function expected(template: Template, { holder, line1, email, text, any }: Given): unknown {
    if (isLeaf(template)) {
      if ('$card' in template) return template.$card === 'number' ? card.number : holder
      if ('$address' in template) return line1
      if ('$contact' in template) return email
      return '$in' in template ? text.normalize('NFC') : any
    }
    if (Array.isArray(template))
      return template.map((element: Template) => expected(element, { holder, line1, email, text, any }))
    if (typeof template !== 'object' || template === null) return template
    return Object.fromEntries(
      Object.entries(template).map(([key, member]) => [key, expected(member, { holder, line1, email, text, any })]),
    )
  }

  function flat(name: string, value: unknown): [string, string][] {
    if (typeof value !== 'object' || value === null) return [[name, String(value)]]
    return Object.entries(value).flatMap(([key, member]) => flat(`${name}[${key}]`, member))
  }

  async function built(to: Destination, values: Given): Promise<BuiltRequest | undefined> {
    const filled = {
      card: { ...card, holder_name: values.holder },
      billing_address: { ...billing_address, line1: values.line1 },
      contact: { email: values.email },
    }
    const own = { ...deps, openSecrets: async () => new Map([['any', values.any]]) }
    // The input is read although the template may not have it.
    return buildRequest(own, to, { records: filled, input: { text: values.text }, headers: {} }).catch((error) => {
      if (error instanceof Problem) return undefined
      throw error
    })
  }

  const inTemplate = (members: Template) => ({ t: { $in: 'text', max_length: 10_000 }, members })

  it('of JSON', async () => {
    let count = 0
    await fc.assert(
      fc.asyncProperty(node, given, async (members, values) => {
        const to = destination(inTemplate(members))
        const request = await built(to, values)
        if (request === undefined) return
        count++
        const wanted = JSON.parse(JSON.stringify(expected(to.template, values)))
        expect(JSON.parse(request.body.toString('utf8'))).toEqual(wanted)
      }),
      { numRuns: 1000 },
    )
    expect(count).toBeGreaterThan(100)
  })

  it('of a form', async () => {
    let count = 0
    await fc.assert(
      fc.asyncProperty(node, given, async (members, values) => {
        const to = destination(inTemplate(members), { encoding: 'form' })
        const request = await built(to, values)
        if (request === undefined) return
        count++
        const pairs = Object.entries(expected(to.template, values) as object).flatMap(([key, member]) =>
          flat(key, member),
        )
        const wanted = pairs.map((pair) => pair.map((text) => text.toWellFormed()))
        expect([...new URLSearchParams(request.body.toString('utf8'))]).toEqual(wanted)
        // Nothing but what a form escapes to leaves.
        expect(request.body.toString('latin1')).toMatch(/^[A-Za-z0-9*._+%=&-]*$/)
      }),
      { numRuns: 1000 },
    )
    expect(count).toBeGreaterThan(100)
  })

  it('of the path and of the headers', async () => {
    const to = destination({}, { path: '/v1/{a}/x:{b}/y', caller_headers: ['X-A'] })
    const usual = fc.stringMatching(/^[A-Za-z0-9._~-]{1,12}$/)
    const hostile = fc.oneof(
      { weight: 5, arbitrary: usual },
      anyText,
      fc.tuple(usual, fc.constantFrom(...'/?#%@:\\{}\r\n .'), usual).map((parts) => parts.join('')),
      fc.webUrl(),
    )
    let count = 0
    await fc.assert(
      fc.asyncProperty(hostile, hostile, hostile, async (a, b, header) => {
        const request = await build(to, { input: { a, b }, headers: { 'X-A': header } }).catch(() => undefined)
        if (request === undefined) return
        count++
        const { origin, path, headers } = request
        const url = new URL(`${origin}${path}`)
        expect([url.origin, url.pathname, url.search, url.hash]).toEqual([to.origin, path, '', ''])
        expect(path.split('/')).toEqual(['', 'v1', a, `x:${b}`, 'y'])
        expect(headers).toEqual([
          ['Content-Type', 'application/json'],
          ['X-A', header],
        ])
        expect(header).toMatch(/^[ -~]+$/)
      }),
      { numRuns: 3000 },
    )
    expect(count).toBeGreaterThan(300)
  })
})

describe('a dry run', () => {
  const masked = {
    card: { brand: 'visa', last4: '4242', exp_month: 5, exp_year: 2031 },
    billing_address: { country: 'SG' },
  }
  const to = destination(
    {
      exp: { $card: 'expiry' },
      cvc: { $card: 'security_code', optional: true },
      zip: { $address: 'postal_code', of: 'billing' },
      amount: { $in: 'amount', type: 'integer' },
      merchant: { $secret: 'merchant' },
      email: { $contact: 'email', optional: true },
    },
    {
      path: '/v1/{id}',
      headers: { 'X-M': { $secret: 'merchant' } },
      sign: [
        { with: 'bearer', secret: 'key' },
        { with: 'hmac', secret: 'key', algorithm: 'sha256', header: 'X-Signature', encoding: 'hex', prefix: 'sha256=' },
      ],
    },
  )

  it('shows the request with values masked and secrets named, and signs nothing', () => {
    const sent = { input: { amount: 1000, id: 'p1' }, headers: {}, hasCode: true }
    expect(describeRequest(to, masked, sent)).toEqual({
      method: 'POST',
      url: 'https://api.example.com/v1/p1',
      headers: {
        'Content-Type': 'application/json',
        'X-M': 'secret:merchant',
        Authorization: 'Bearer secret:key',
        'X-Signature': 'sha256=(made when it is sent)',
      },
      body: { number: '•••• 4242', exp: '••', cvc: '••', zip: '••', amount: 1000, merchant: 'secret:merchant' },
    })
  })

  it('finds what is wrong with the request', () => {
    const sent = { input: { id: 'p1' }, headers: {} }
    expect(() => describeRequest(to, masked, sent)).toThrow(Problem)
    expect(() => describeRequest(to, {}, { ...sent, input: { amount: 1, id: 'p1' } })).toThrow(Problem)
  })

  it('shows a form as its pairs', () => {
    const form = destination({ a: { b: [{ $card: 'exp_month' }] } }, { encoding: 'form' })
    expect(describeRequest(form, masked, { input: {}, headers: {} }).body).toEqual({
      number: '•••• 4242',
      'a[b][0]': '••',
    })
  })
})
