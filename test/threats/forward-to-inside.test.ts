import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { parseDestinationsFile } from '../../src/destinations/destination-file.ts'
import { Forwarding } from '../support/forwarding.ts'
import { expectProblem } from '../support/problems.ts'
import { answers, redirectTo } from '../support/processor.ts'

/** Attack 90: having the vault call what only the vault can reach (server-side request forgery). */

let shop: Forwarding
let card: string
/** What the resolver says, each time it is asked. */
let answersOfResolver: (readonly string[])[] = []
let asked: string[] = []

beforeAll(async () => {
  shop = await Forwarding.start({
    overrides: {
      lookUpName: async (name) => {
        asked.push(name)
        return answersOfResolver.length > 1 ? answersOfResolver.shift()! : answersOfResolver[0]!
      },
    },
  })
  card = await shop.newCard()
})
beforeEach(() => {
  answersOfResolver = [['127.0.0.1']]
  shop.processor.received.length = 0
  shop.processor.answer = answers.success
  asked = []
})
afterEach(() => shop.vault.checkInvariants())
afterAll(() => shop.stop())

const inside = (host: string) => `https://${host}:${shop.processor.port}`

it('a name that leads to the processor arrives, so that what follows is no accident', async () => {
  expect((await shop.send({ card })).status).toBe(200)
  expect(asked).toEqual(['localhost'])
})

describe('a file of destinations with such an origin is refused', () => {
  it.each([
    ['http', 'http://api.example.com'],
    ['another scheme', 'gopher://api.example.com'],
    ['a file', 'file:///etc/passwd'],
    ['no host', 'https://'],
    ['a user', 'https://api.example.com@127.0.0.1'],
    ['a user and a password', 'https://user:password@api.example.com'],
    ['an empty user', 'https://@api.example.com'],
    ['a path', 'https://api.example.com/v1'],
    ['a slash at the end', 'https://api.example.com/'],
    ['a query', 'https://api.example.com?x=1'],
    ['a fragment', 'https://api.example.com#x'],
    ['a back slash', 'https://api.example.com\\@127.0.0.1'],
    ['a space', 'https://api.example.com 127.0.0.1'],
    ['a tab', 'https://api.exa\tmple.com'],
    ['a line break', 'https://api.example.com\r\nHost: inside'],
    ['a null', 'https://api.example.com\u0000.inside'],
    ['a wildcard', 'https://*.example.com'],
    ['a dot at the end', 'https://api.example.com.'],
    ['capitals', 'https://API.example.com'],
    ['an international name', 'https://bücher.example'],
    ['fullwidth letters', 'https://ｌｏｃａｌｈｏｓｔ'],
    ['an ideographic stop', 'https://127。0。0。1'],
    ['circled digits', 'https://①②⑦.⓪.⓪.①'],
    ['percent', 'https://127.0.0.%31'],
    ['decimal', 'https://2130706433'],
    ['hexadecimal', 'https://0x7f000001'],
    ['octal', 'https://0177.0.0.1'],
    ['short', 'https://127.1'],
    ['a port that there is not', 'https://api.example.com:65536'],
    ['the port of https', 'https://api.example.com:443'],
    ['loopback', 'https://127.0.0.1'],
    ['metadata', 'https://169.254.169.254'],
    ['a private network', 'https://10.0.0.1'],
    ['unspecified', 'https://0.0.0.0'],
    ['loopback of IPv6', 'https://[::1]'],
    ['mapped', 'https://[::ffff:127.0.0.1]'],
    ['NAT64', 'https://[64:ff9b::a9fe:a9fe]'],
    ['this machine by name', 'https://localhost'],
  ])('%s: %s', (_, origin) => {
    const destination = { ...shop.destination({ origin, private_addresses: false }) }
    expect(() => parseDestinationsFile({ format: 1, destinations: { acquirer: destination } })).toThrow()
  })
})

describe('a name that resolves to such an address is not called', () => {
  const destination = 'by-name'
  beforeAll(() => shop.destine({ origin: inside('pay.example'), private_addresses: false }, destination))

  it.each([
    ['loopback', ['127.0.0.1']],
    ['another of loopback', ['127.0.0.53']],
    ['unspecified', ['0.0.0.0']],
    ['a private network', ['10.0.0.1']],
    ['a private network', ['172.16.0.1']],
    ['a private network', ['192.168.0.1']],
    ['a carrier', ['100.64.0.1']],
    ['link-local', ['169.254.1.1']],
    ['metadata', ['169.254.169.254']],
    ['metadata of Azure', ['168.63.129.16']],
    ['multicast', ['224.0.0.1']],
    ['reserved', ['240.0.0.1']],
    ['broadcast', ['255.255.255.255']],
    ['documentation', ['203.0.113.1']],
    ['loopback of IPv6', ['::1']],
    ['unspecified of IPv6', ['::']],
    ['unique local', ['fd00::1']],
    ['metadata of AWS', ['fd00:ec2::254']],
    ['link-local of IPv6', ['fe80::1']],
    ['a zone', ['fe80::1%lo']],
    ['mapped', ['::ffff:127.0.0.1']],
    ['mapped, in hexadecimal', ['::ffff:7f00:1']],
    ['compatible', ['::127.0.0.1']],
    ['NAT64', ['64:ff9b::7f00:1']],
    ['6to4', ['2002:7f00:1::']],
    ['Teredo', ['2001::1']],
    ['site-local', ['fec0::1']],
    ['one of several', ['1.1.1.1', '127.0.0.1']],
    ['nothing', []],
    ['no address', ['inside.example']],
  ])('%s: %j', async (_, addresses) => {
    answersOfResolver = [addresses]
    const refused = await shop.send({ card }, { destination })
    expectProblem(refused, 502, 'destination-unavailable')
    expect(asked).toEqual(['pay.example'])
    expect(shop.processor.received).toEqual([])
  })

  it('in a network of its own it may be, and never at the addresses beside it', async () => {
    await shop.destine({ origin: inside('pay.example') }, 'private')
    for (const addresses of [['169.254.169.254'], ['fd00:ec2::254'], ['::ffff:10.0.0.1'], ['10.0.0.1', '0.0.0.0']]) {
      answersOfResolver = [addresses]
      expectProblem(await shop.send({ card }, { destination: 'private' }), 502, 'destination-unavailable')
    }
  })
})

describe('a resolver that says something else the second time', () => {
  it('is asked once for a connection, which leads to what was looked at', async () => {
    answersOfResolver = [['127.0.0.1'], ['127.0.0.2']]
    await shop.destine({}, 'asked-once')
    const sent = await shop.send({ card }, { destination: 'asked-once' })
    expect(sent.status, sent.text).toBe(200)
    const events = await shop.vault.events({ type: 'forward.outcome', request_id: sent.headers['request-id'] })
    expect(events).toMatchObject([{ address: '127.0.0.1' }])
    expect(asked).toHaveLength(1)
  })

  it('is not asked again when it was refused', async () => {
    answersOfResolver = [['127.0.0.1'], ['1.1.1.1']]
    await shop.destine({ origin: inside('pay.example'), private_addresses: false }, 'asked-no-more')
    expectProblem(await shop.send({ card }, { destination: 'asked-no-more' }), 502, 'destination-unavailable')
    expect(asked).toHaveLength(1)
  })
})

it('a processor that leads elsewhere is not followed, whatever it says', async () => {
  for (const location of [
    inside('localhost'),
    'http://169.254.169.254/latest/meta-data/',
    '//10.0.0.1/',
    'file:///etc',
  ]) {
    shop.processor.received.length = 0
    shop.processor.answer = redirectTo(location)
    const answer = await shop.send({ card })
    expect(answer.body).toMatchObject({ status: 302, headers: {}, body: null })
    expect(shop.processor.received).toHaveLength(1)
  }
})

describe('what a caller sends stays in its place', () => {
  const destination = 'captures'
  beforeAll(() => shop.destine({ path: '/v1/payments/{payment}/captures' }, destination))

  it.each([
    '../../admin',
    '..',
    '.',
    'a/b',
    'a%2fb',
    'a?b',
    'a#b',
    'a@b',
    'a\\b',
    'a b',
    'a\r\nX: y',
    '',
    'ä',
    '\u0000',
  ])('as a parameter of the path: %j', async (payment) => {
    const refused = await shop.send({ card }, { destination, input: { amount: 1, payment } })
    expectProblem(refused, 422, 'invalid-input')
    expect(shop.processor.received).toEqual([])
  })

  it.each([
    ['X-Order', 'a\r\nAuthorization: Bearer stolen'],
    ['X-Order', 'a\nHost: inside'],
    ['Host', 'inside'],
    ['X-Order: a\r\nHost', 'inside'],
    ['Transfer-Encoding', 'chunked'],
    ['Content-Length', '0'],
  ])('as a header: %j', async (name, value) => {
    const input = { amount: 1, payment: 'pay_1' }
    const refused = await shop.send({ card }, { destination, input, headers: { [name]: value } })
    expect(refused.status).toBe(422)
    expect(shop.processor.received).toEqual([])
  })

  it('and what is right arrives where the destination says', async () => {
    const input = { amount: 1, payment: 'pay_1', reference: '","card":{"number":"x"},"y":"' }
    const sent = await shop.send({ card }, { destination, input, headers: { 'x-order': 'A7' } })
    expect(sent.status, sent.text).toBe(200)
    const [received] = shop.processor.received
    expect(received).toMatchObject({ url: '/v1/payments/pay_1/captures', headers: { 'x-order': 'A7' } })
    expect(JSON.parse(received!.body)).toMatchObject({
      reference: input.reference,
      card: { number: expect.any(String) },
    })
  })
})
