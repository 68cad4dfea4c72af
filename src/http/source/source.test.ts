import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sourceOf } from './source.ts'
import { createTrustedProxies } from './trusted-proxies.ts'

const proxies = createTrustedProxies(['10.0.0.0/8', 'fd00::/8'])
const PEER = '10.0.0.1'

/** A request as Node has read it: several lines of a header are in one. */
function sourceWith(headers: Record<string, string>, remoteAddress: string | undefined = PEER) {
  const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: remoteAddress })
  return sourceOf({ socket, headers } as unknown as IncomingMessage, proxies)
}
const addressWith = (headers: Record<string, string>, peer?: string) => sourceWith(headers, peer).address

describe('X-Forwarded-For from a trusted proxy', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['192.0.2.1:4711', '192.0.2.1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    // From the right: what the client made up is on the left.
    ['198.51.100.1, 192.0.2.1', '192.0.2.1'],
    ['garbage, 192.0.2.1', '192.0.2.1'],
    ['192.0.2.1, 10.0.0.3', '192.0.2.1'],
    ['198.51.100.1, 192.0.2.1, 10.0.0.3,10.0.0.2', '192.0.2.1'],
    ['192.0.2.1, fd00::2', '192.0.2.1'],
    [', ,192.0.2.1,, ', '192.0.2.1'],
    // Only proxies: the farthest of them.
    ['10.0.0.9, 10.0.0.8', '10.0.0.9'],
  ])('"%s": %s', (header, expected) => expect(addressWith({ 'x-forwarded-for': header })).toBe(expected))

  it.each([
    ['', PEER],
    ['garbage', PEER],
    ['192.0.2.1, unknown', PEER],
    ['192.0.2.1, 10.0.0.256', PEER],
    ['192.0.2.1, _hidden, 10.0.0.3', '10.0.0.3'],
    ['192.0.2.1; 10.0.0.3', PEER],
    ['192.0.2.1:port', PEER],
    ['"192.0.2.1"', PEER],
    ['[192.0.2.1]', PEER],
    ['192.0.2.1 192.0.2.2', PEER],
  ])('"%s" ends at the last known proxy, %s', (header, expected) => {
    expect(addressWith({ 'x-forwarded-for': header })).toBe(expected)
  })

  it('counts IPv6 by its /64', () => {
    expect(sourceWith({ 'x-forwarded-for': '2001:db8:1:2:3::4' })).toEqual({
      address: '2001:db8:1:2:3::4',
      network: '2001:db8:1:2::/64',
    })
  })
})

describe('Forwarded from a trusted proxy', () => {
  it.each([
    ['for=192.0.2.1', '192.0.2.1'],
    ['For="192.0.2.1:4711";proto=https;by=10.0.0.1', '192.0.2.1'],
    ['for="[2001:db8:cafe::17]:4711"', '2001:db8:cafe::17'],
    ['for="[2001:db8:cafe::17]:_port"', '2001:db8:cafe::17'],
    ['for=[2001:db8:cafe::17]', '2001:db8:cafe::17'],
    ['for=192.0.2.43, for="[2001:db8:cafe::17]"', '2001:db8:cafe::17'],
    ['proto=http; FOR=192.0.2.60; by=203.0.113.43', '192.0.2.60'],
    ['for=198.51.100.1, for=192.0.2.1;by=_x, for=10.0.0.2', '192.0.2.1'],
    ['for="\\1\\92.0.2.1"', '192.0.2.1'],
    ['host="a\\"b";for=192.0.2.1', '192.0.2.1'],
    // What the client sent cannot swallow what the proxy added.
    ['for="198.51.100.1, for=192.0.2.1', '192.0.2.1'],
    ['for=198.51.100.1;x=", for=192.0.2.1', '192.0.2.1'],
    ['for=198.51.100.1;x=", for="[2001:db8::1]:4711"', '2001:db8::1'],
  ])('%s: %s', (header, expected) => expect(addressWith({ forwarded: header })).toBe(expected))

  it.each([
    'for=unknown',
    'for=_gazonk',
    'for="_gazonk:_port"',
    'proto=https',
    'for=192.0.2.1;for=192.0.2.2',
    'for = 192.0.2.1',
    'for="192.0.2.1',
    'for=192.0.2.1;;x',
    '192.0.2.1',
    // A host that a client chose, which a proxy repeats in quotation marks, is not an element of its own.
    'for=192.0.2.9;host="x, for=198.51.100.1"',
    'for=192.0.2.9;host="x, for=198.51.100.1;y=\\"z"',
  ])('%s says nothing: the proxy is the source', (header) => {
    expect(addressWith({ forwarded: header })).toBe(PEER)
    expect(addressWith({ forwarded: `for=198.51.100.7, ${header}` })).toBe(PEER)
  })
})

describe('both headers', () => {
  it('are believed where they agree', () => {
    const headers = { forwarded: 'for="[2001:db8::1]"', 'x-forwarded-for': '192.0.2.5, 2001:DB8:0::1' }
    expect(addressWith(headers)).toBe('2001:db8::1')
  })

  it('where they disagree neither is: a client sent the one that its proxy does not write', () => {
    expect(addressWith({ forwarded: 'for=198.51.100.1', 'x-forwarded-for': '192.0.2.1' })).toBe(PEER)
    expect(addressWith({ forwarded: 'nonsense', 'x-forwarded-for': '192.0.2.1' })).toBe(PEER)
  })
})

describe('a peer that is not trusted', () => {
  const headers = { forwarded: 'for=198.51.100.1', 'x-forwarded-for': '198.51.100.1', 'x-real-ip': '198.51.100.1' }
  it.each([
    ['192.0.2.77', '192.0.2.77'],
    ['::ffff:192.0.2.77', '192.0.2.77'],
    ['2001:db8::7', '2001:db8::7'],
  ])('%s is itself, whatever it sends', (peer, expected) => expect(addressWith(headers, peer)).toBe(expected))

  it('is unknown once its connection is gone', () => {
    expect(sourceWith(headers, '')).toEqual({ address: 'unknown', network: 'unknown' })
  })
})

it('no client of a proxy gets a source of its choice', () => {
  const own = '192.0.2.1'
  const text = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.stringMatching(/^[for=,;"\\ :[\]_.0-9a-f]{0,60}$/),
    fc.constantFrom('for=198.51.100.1', '198.51.100.1', 'for="198.51.100.1', 'for=198.51.100.1;x="', '\\'),
  )
  fc.assert(
    fc.property(text, text, fc.constantFrom(', ', ','), (sent, other, comma) => {
      expect(addressWith({ 'x-forwarded-for': `${sent}${comma}${own}` })).toBe(own)
      for (const added of [`for=${own}`, `for="${own}:4711";proto=https`, `by="_x";for=${own}`]) {
        expect(addressWith({ forwarded: `${sent}${comma}${added}` })).toBe(own)
      }
      // Passed on unread by a proxy that writes the other header.
      const found = addressWith({ 'x-forwarded-for': `${sent}${comma}${own}`, forwarded: other })
      expect([own, PEER]).toContain(found)
    }),
    { numRuns: 500 },
  )
})

it('no chain is followed without end', () => {
  const chain = Array(5_000).fill('10.0.0.7').join()
  expect(addressWith({ 'x-forwarded-for': `198.51.100.1,${chain}` })).toBe('10.0.0.7')
})
