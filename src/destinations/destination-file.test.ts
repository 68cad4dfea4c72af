import { describe, expect, it } from 'vitest'
import { Problem } from '../values/problem.ts'
import { contractFieldsOf, secretsOf, takenBy } from './destination.ts'
import { parseDestinationsFile } from './destination-file.ts'

const processor = {
  origin: 'https://api.example.com',
  path: '/v1/payments',
  encoding: 'json',
  template: { card: { number: { $card: 'number' } } },
  partner: `partner_${'0'.repeat(26)}`,
  purposes: ['process-payment'],
}
const file = (member: object, template?: object) => ({
  format: 1,
  destinations: { processor: { ...processor, ...(template && { template }), ...member } },
})
const number = { $card: 'number' }

/** Code and pointers, without what is in front of each. */
function faultsOf(input: unknown): string[] {
  try {
    parseDestinationsFile(input)
    return []
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return error.errors.map(({ pointer }) => pointer.replace('#/destinations/processor', ''))
  }
}

it('writes out every default', () => {
  expect(parseDestinationsFile(file({})).destinations.processor).toEqual({
    ...processor,
    methods: ['POST'],
    headers: {},
    caller_headers: [],
    sign: [],
    answer: { members: [], ids: [], headers: [] },
    timeouts: { connect_seconds: 5, answer_seconds: 30 },
    in_flight: 20,
    private_addresses: false,
  })
})

it('gives back what it took as it was', () => {
  const once = parseDestinationsFile(file({}))
  expect(parseDestinationsFile(JSON.parse(JSON.stringify(once)))).toEqual(once)
})

describe('an origin', () => {
  it.each(['https://api.example.com', 'https://api.example.com:8443', 'https://xn--bcher-kva.example'])(
    'may be %s',
    (origin) => {
      expect(faultsOf(file({ origin }))).toEqual([])
    },
  )

  it.each([
    ...['http://api.example.com', 'https://api.example.com/', 'https://api.example.com/v1', 'https://API.example.com'],
    ...['https://api.example.com:443', 'https://user@api.example.com', 'https://user:pass@api.example.com'],
    ...['https://api.example.com?', 'https://api.example.com#', ' https://api.example.com', 'https:api.example.com'],
    ...['https://bücher.example', 'https://127.0.0.1', 'https://2130706433', 'https://0177.0.0.1', 'https://0x7f.1'],
    ...['https://[::1]', 'https://[::ffff:10.0.0.1]', 'https://[64:ff9b::a00:1]', 'https://169.254.169.254'],
    ...['https://localhost', 'https://x.localhost', 'https://db.internal', 'https://printer.local', 'https://host'],
    ...['https://api.example.com.', 'https://ａｐｉ.example.com', 'https://api。example.com', 'ftp://api.example.com'],
    ...['https://api.example.com\\@evil.example', 'https://api.example.com%2f', 'https://api.example.com:0'],
    ...['https://%61pi.example.com', 'https://'],
    ...['https://1.1', 'https://10.0.0.1', 'https://0', 'https://1.2.3.4.5', 'https://metadata.google.internal'],
    ...['https://*.example.com', 'https://a_b.example.com', 'https://-a.example.com', 'https://a..example.com'],
  ])('may not be %s', (origin) => {
    expect(faultsOf(file({ origin }))).toEqual(['/origin'])
  })

  it('may be private on purpose', () => {
    for (const origin of ['https://127.0.0.1:8443', 'https://localhost:8443', 'https://db.internal', 'https://[::1]'])
      expect(faultsOf(file({ origin, private_addresses: true }))).toEqual([])
  })
})

describe('a path', () => {
  it.each(['/', '/v1/payments', '/v1/payments/{payment}/captures', '/v1/{a}:capture', '/v1/{a}/{b}'])(
    'may be %s',
    (path) => expect(faultsOf(file({ path }))).toEqual([]),
  )

  it.each([
    ...['v1', '', '/v1?x=1', '/v1#x', '/../v1', '/v1/..', '/v1/./x', '/v1/{a}{b}', '/v1/{a}/{a}', '/v1/{A}', '/v1/{}'],
    ...['/v1/{a', '/v1/a}', '/v1/%2e%2e', '/v1\\x', '/v1 x', '/v1/ü', '/v1/{__proto__}'],
    ...['/v1/{cvc}', '/v1/{security_code}'],
  ])('may not be %s', (path) => {
    expect(faultsOf(file({ path }))).toEqual(['/path'])
  })
})

describe('a template', () => {
  const address = { $address: 'postal_code', of: 'billing' }

  it('has every kind of leaf', () => {
    const { template } = parseDestinationsFile(
      file(
        {},
        {
          card: {
            number,
            exp: { $card: 'expiry', as: 'mmyy' },
            year: { $card: 'exp_year', as: 'yy', type: 'integer' },
          },
          code: { $card: 'security_code', optional: true },
          zips: [address, { $address: 'postal_code', of: 'shipping', optional: true }],
          email: { $contact: 'email', optional: false },
          amount: { $in: 'amount', type: 'integer', minimum: 1 },
          total: { $in: 'total', type: 'decimal', max_decimals: 2, as: 'number' },
          capture: { $in: 'capture', type: 'boolean' },
          currency: { $in: 'currency', one_of: ['SGD', 'EUR'] },
          merchant: { $secret: 'merchant' },
          fixed: [1, true, null, 'text'],
        },
      ),
    ).destinations.processor!
    expect(takenBy({ template })).toEqual({
      fields: {
        card: ['number', 'exp_month', 'exp_year'],
        billing_address: ['postal_code'],
        shipping_address: ['postal_code'],
        contact: ['email'],
      },
      takesCode: true,
    })
    expect(contractFieldsOf({ template })).toEqual([
      ...['card.number', 'card.exp_month', 'card.exp_year', 'address.postal_code', 'contact.email'],
    ])
  })

  it.each<[string, object, string]>([
    ['a part that no card has', { $card: 'pin' }, '/template/x/$card'],
    ['a form of another part', { $card: 'exp_month', as: 'yy' }, '/template/x/as'],
    ['a form of a number', { $card: 'number', as: 'mm' }, '/template/x/as'],
    ['a number as an integer, which would lose digits', { $card: 'number', type: 'integer' }, '/template/x/type'],
    ['a code as an integer, which would lose zeros', { $card: 'security_code', type: 'integer' }, '/template/x/type'],
    ['a field that no address has', { $address: 'floor', of: 'billing' }, '/template/x/$address'],
    ['an address for nothing', { $address: 'city' }, '/template/x/of'],
    ['a field that no contact has', { $contact: 'fax' }, '/template/x/$contact'],
    ['a member that a leaf has not', { $contact: 'email', type: 'integer' }, '/template/x'],
    ['two sources', { $card: 'number', $in: 'number' }, '/template/x'],
    ['a source that is not known', { $env: 'HOME' }, '/template/x'],
    ['a type that is not known', { $in: 'amount', type: 'float' }, '/template/x/type'],
    ['a rule of another type', { $in: 'amount', type: 'integer', max_length: 3 }, '/template/x'],
    ['an integer that no number is', { $in: 'a', type: 'integer', minimum: 2, maximum: 1 }, '/template/x/maximum'],
    ['an input with the name of a code', { $in: 'cvv' }, '/template/x/$in'],
    ['an input with another name', { $in: 'Amount' }, '/template/x/$in'],
    ['a secret with another name', { $secret: '../key' }, '/template/x/$secret'],
    ['an optional secret', { $secret: 'key', optional: true }, '/template/x'],
  ])('may not have %s', (_what, x, pointer) => {
    expect(faultsOf(file({}, { number, x }))).toEqual([pointer])
  })

  it('may not have what belongs to no record, the code of no card, or an input of two types', () => {
    expect(faultsOf(file({}, { amount: { $in: 'amount' } }))).toEqual(['/template'])
    expect(faultsOf(file({}, { zip: address, code: { $card: 'security_code' } }))).toEqual(['/template'])
    const twice = { number, a: { $in: 'a' }, b: { $in: 'a', type: 'boolean' } }
    expect(faultsOf(file({}, twice))).toEqual(['/template/b'])
    expect(faultsOf(file({ path: '/{a}' }, { number, a: { $in: 'a', type: 'boolean' } }))).toEqual(['/template/a'])
  })

  it('of a form may not have null, nor brackets in a name', () => {
    expect(faultsOf(file({ encoding: 'form' }, { number, a: null, 'b[c]': 1 }))).toEqual([
      '/template/a',
      '/template/b[c]',
    ])
  })

  it('is bounded', () => {
    const deep = (levels: number): object => (levels === 0 ? number : { x: deep(levels - 1) })
    expect(faultsOf(file({}, { x: deep(11) }))).toEqual([])
    expect(faultsOf(file({}, { x: deep(12) }))).toHaveLength(1)
    expect(faultsOf(file({}, { number, x: Array.from({ length: 600 }, () => 1) }))).toEqual(['/template'])
  })
})

describe('headers', () => {
  it.each(['Host', 'content-length', 'Transfer-Encoding', 'Accept-Encoding', 'Cookie', 'x y', 'a:b', ''])(
    '%s is not free',
    (name) => {
      expect(faultsOf(file({ headers: { [name]: 'x' } }))).not.toEqual([])
      expect(faultsOf(file({ caller_headers: [name] }))).toEqual(['/caller_headers/0'])
    },
  )

  it.each(['Authorization', 'Content-Type', 'Signature'])('%s is not for callers', (name) => {
    expect(faultsOf(file({ headers: { [name]: 'x' } }))).toEqual([])
    expect(faultsOf(file({ caller_headers: [name] }))).toEqual(['/caller_headers/0'])
  })

  it('of callers have ordinary names', () => {
    expect(faultsOf(file({ caller_headers: ['__proto__', '1-A'] }))).toEqual(['/caller_headers/0', '/caller_headers/1'])
  })

  it.each(['Set-Cookie', 'Content-Length', 'Connection'])('%s of an answer is not passed on', (name) => {
    expect(faultsOf(file({ answer: { headers: [name] } }))).toEqual(['/answer/headers/0'])
  })

  it('have one value, from one place', () => {
    const headers = { 'X-Key': 'a' }
    expect(faultsOf(file({ headers, caller_headers: ['x-key'] }))).toEqual(['/caller_headers/0'])
    const bearer = { with: 'bearer', secret: 'key' }
    expect(faultsOf(file({ headers: { authorization: 'x' }, sign: [bearer] }))).toEqual(['/sign/0'])
    expect(faultsOf(file({ sign: [bearer, bearer] }))).toEqual(['/sign/1'])
  })

  it.each(['a\r\nb: c', 'a\nb', ' a', 'ü', ''])('may not be %j', (value) => {
    expect(faultsOf(file({ headers: { 'X-Key': value } }))).toEqual(['/headers/X-Key'])
  })
})

describe('a signer', () => {
  const claims = { digest: { $request: 'body-sha256-base64' } }

  it.each<object>([
    { with: 'basic', username: { $secret: 'user' }, password: { $secret: 'password' } },
    { with: 'bearer', secret: 'key' },
    { with: 'header', header: 'X-API-Key', secret: 'key' },
    { with: 'hmac', secret: 'key', algorithm: 'sha256', header: 'X-Signature', encoding: 'hex' },
    { with: 'message-signature', key: 'vault' },
    { with: 'message-signature', secret: 'key', key_id: 'k1', algorithm: 'ecdsa-p256-sha256' },
    { with: 'jwt', key: 'vault', claims },
    { with: 'jwt', secret: 'key', key_id: { $secret: 'id' }, algorithm: 'HS256', key_encoding: 'base64', claims },
    { with: 'mutual-tls', certificate: 'certificate', key: 'key' },
  ])('may be %j', (signer) => {
    expect(faultsOf(file({ sign: [signer] }))).toEqual([])
  })

  it.each<[object, string]>([
    [{ with: 'magic' }, '/with'],
    [{ with: 'bearer', secret: 'key', key: 'vault' }, ''],
    [{ with: 'hmac', secret: 'key', algorithm: 'md5', header: 'X', encoding: 'hex' }, '/algorithm'],
    [{ with: 'hmac', secret: 'key', algorithm: 'sha256', header: 'X', encoding: 'hex', over: ['path'] }, '/over'],
    [
      { with: 'hmac', secret: 'key', algorithm: 'sha256', header: 'X', encoding: 'hex', over: ['timestamp', 'body'] },
      '/timestamp_header',
    ],
    [{ with: 'message-signature', secret: 'key' }, ''],
    [{ with: 'message-signature', key: 'vault', secret: 'key', key_id: 'x' }, ''],
    [{ with: 'message-signature', key: 'vault', components: ['@method'] }, '/components'],
    [{ with: 'message-signature', key: 'vault', components: ['content-digest', 'x-other'] }, '/components/1'],
    [{ with: 'jwt', key: 'vault', claims: { iat: { $request: 'issued-at' } } }, '/claims'],
    [{ with: 'jwt', key: 'vault', claims, protected: { alg: 'none' } }, '/protected/alg'],
    [{ with: 'jwt', secret: 'key', key_id: 'x', algorithm: 'none', claims }, '/algorithm'],
  ])('may not be %j', (signer, pointer) => {
    expect(faultsOf(file({ sign: [signer] }))).toEqual([`/sign/0${pointer}`])
  })

  it('names its secrets', () => {
    const sign = [
      { with: 'basic', username: { $secret: 'user' }, password: { $secret: 'password' } },
      {
        with: 'jwt',
        header: 'X-Jwt',
        secret: 'a',
        key_id: { $secret: 'b' },
        algorithm: 'HS256',
        claims: { ...claims, c: { $secret: 'c' } },
      },
      { with: 'mutual-tls', certificate: 'd', key: 'e' },
    ]
    const template = { number, merchant: { $secret: 'merchant' } }
    const { processor } = parseDestinationsFile(
      file({ sign, headers: { 'X-M': { $secret: 'user' } } }, template),
    ).destinations
    expect(secretsOf(processor!).sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'merchant', 'password', 'user'])
  })
})

it.each<[string, object, string]>([
  ['another member', { url: 'https://evil.example' }, ''],
  ['no methods', { methods: [] }, '/methods/0'],
  ['a method twice', { methods: ['POST', 'POST'] }, '/methods'],
  ['a method without a body', { methods: ['GET'] }, '/methods/0'],
  ['no purposes', { purposes: [] }, '/purposes/0'],
  ['a purpose that is not known', { purposes: ['fun'] }, '/purposes/0'],
  ['no partner', { partner: 'us' }, '/partner'],
  ['an id that no caller sees', { answer: { members: ['/a'], ids: ['/b'] } }, '/answer/ids/0'],
  ['a member without a slash', { answer: { members: ['a'] } }, '/answer/members/0'],
  ['a certificate that is none', { ca: 'PEM' }, '/ca'],
  ['endless patience', { timeouts: { answer_seconds: 900 } }, '/timeouts/answer_seconds'],
])('takes no destination with %s', (_what, member, pointer) => {
  expect(faultsOf(file(member))).toEqual([pointer])
})

it('takes no other format and no other name', () => {
  expect(faultsOf({ ...file({}), format: 2 })).toEqual(['#/format'])
  expect(faultsOf({ format: 1, destinations: { 'A b': processor } })).toHaveLength(1)
})

it('names every fault, however many', () => {
  const named = Array.from({ length: 150 }, (_, at) => [`d${at}`, { ...processor, encoding: 'xml' }])
  expect(faultsOf({ format: 1, destinations: Object.fromEntries(named) })).toHaveLength(150)
})
