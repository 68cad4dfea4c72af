import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SIGNATURE_2, versionOneFor, versionTwo, versionTwoFor } from '../../../test/support/proxy-header.ts'
import { canonicalAddress } from './ip-address.ts'
import { parseProxyHeader } from './proxy-header.ts'

const TLS = Buffer.from('1603010200010001fc0303', 'hex')
const parse = (bytes: Buffer | string) => parseProxyHeader(Buffer.from(bytes as string, 'latin1'))

describe('version 1', () => {
  it.each([
    ['PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n', '192.0.2.1'],
    ['PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n', '255.255.255.255'],
    ['PROXY TCP6 2001:DB8::1 2001:db8::7 0 65535\r\n', '2001:db8::1'],
    ['PROXY TCP6 ::ffff:192.0.2.1 ::1 1 1\r\n', '192.0.2.1'],
    ['PROXY UNKNOWN\r\n', undefined],
    ['PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n', undefined],
  ])('%j', (line, address) => {
    expect(parse(line)).toEqual({ length: line.length, address })
    expect(parse(line + TLS.toString('latin1'))).toEqual({ length: line.length, address })
  })

  it.each([
    'PROXY  TCP4 192.0.2.1 198.51.100.7 56324 443\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.7 56324\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.7 56324 443 \r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.7 56324 65536\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.7 056324 443\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.7 -1 443\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\n\r\n',
    'PROXY TCP4 192.0.02.1 198.51.100.7 56324 443\r\n',
    'PROXY TCP4 2001:db8::1 2001:db8::7 56324 443\r\n',
    'PROXY TCP6 192.0.2.1 198.51.100.7 56324 443\r\n',
    'PROXY UDP4 192.0.2.1 198.51.100.7 56324 443\r\n',
    'PROXY UNKNOWNX\r\n',
    'PROXY \r\n',
    'proxy TCP4 192.0.2.1 198.51.100.7 56324 443\r\n',
    'GET / HTTP/1.1\r\n\r\n',
    'PROXIED',
  ])('refuses %j', (line) => expect(parse(line)).toBe('malformed'))

  it('ends after 107 bytes', () => {
    const longest = `PROXY UNKNOWN ${'x'.repeat(91)}\r\n`
    expect(longest).toHaveLength(107)
    expect(parse(longest)).toEqual({ length: 107, address: undefined })
    expect(parse(longest.slice(0, -1))).toBe('incomplete')
    expect(parse(`PROXY UNKNOWN ${'x'.repeat(92)}\r\n`)).toBe('malformed')
  })
})

describe('version 2', () => {
  const two6 = Buffer.from(`20010db8${'0'.repeat(22)}01${'0'.repeat(30)}0100010001`, 'hex')
  it.each<[string, Buffer, string | undefined]>([
    ['IPv4', versionTwoFor('192.0.2.1'), '192.0.2.1'],
    ['IPv4 with TLVs', versionTwoFor('192.0.2.1', Buffer.from('0100026832e00001ff', 'hex')), '192.0.2.1'],
    ['IPv6', versionTwo(0x21, 0x21, two6.subarray(0, 36)), '2001:db8::1'],
    ['a UNIX socket', versionTwo(0x21, 0x31, Buffer.alloc(216, 47)), undefined],
    ['an unknown sender', versionTwo(0x21, 0x00), undefined],
    ['an unknown sender with something after it', versionTwo(0x21, 0x00, Buffer.alloc(12, 192)), undefined],
    ['the proxy itself', versionTwo(0x20, 0x00), undefined],
    ['the proxy itself, with addresses', versionTwo(0x20, 0x11, Buffer.alloc(12, 192)), undefined],
    ['the proxy itself, of a family that is not known', versionTwo(0x20, 0xff, Buffer.alloc(3)), undefined],
  ])('%s', (_what, header, address) => {
    expect(parseProxyHeader(header)).toEqual({ length: header.length, address })
    expect(parseProxyHeader(Buffer.concat([header, TLS]))).toEqual({ length: header.length, address })
  })

  it.each<[string, Buffer]>([
    ['another version', versionTwo(0x11, 0x11, Buffer.alloc(12))],
    ['another command', versionTwo(0x22, 0x11, Buffer.alloc(12))],
    ['datagrams', versionTwo(0x21, 0x12, Buffer.alloc(12))],
    ['a family that is not known', versionTwo(0x21, 0x41, Buffer.alloc(36))],
    ['addresses that are cut off', versionTwo(0x21, 0x11, Buffer.alloc(11))],
    ['IPv6 addresses that are cut off', versionTwo(0x21, 0x21, Buffer.alloc(35))],
    ['more than any proxy sends', versionTwo(0x21, 0x11, Buffer.alloc(12), 4097)],
    ['a signature that is nearly right', Buffer.concat([SIGNATURE_2.subarray(0, 11), Buffer.from('X!')])],
  ])('refuses %s', (_what, header) => expect(parseProxyHeader(header)).toBe('malformed'))
})

const address4 = fc.ipV4().filter((text) => canonicalAddress(text) !== undefined)
const headers = fc.oneof(
  address4.map((source) => ({ source, header: versionOneFor(source) })),
  fc
    .ipV6()
    .filter((text) => canonicalAddress(text) !== undefined)
    .map((source) => ({ source, header: versionOneFor(source) })),
  fc
    .tuple(address4, fc.uint8Array({ maxLength: 300 }))
    .map(([source, tlvs]) => ({ source, header: versionTwoFor(source, Buffer.from(tlvs)) })),
)

it('a header is known as soon as it is whole, and not before', () => {
  fc.assert(
    fc.property(headers, fc.uint8Array({ maxLength: 40 }), ({ source, header }, behind) => {
      for (let length = 0; length < header.length; length++) {
        expect(parseProxyHeader(header.subarray(0, length))).toBe('incomplete')
      }
      expect(parseProxyHeader(Buffer.concat([header, behind]))).toEqual({
        length: header.length,
        address: canonicalAddress(source),
      })
    }),
  )
})

it('bytes of any kind are a header, the beginning of one, or refused', () => {
  const begun = fc.constantFrom(SIGNATURE_2, Buffer.from('PROXY TCP4 '), Buffer.alloc(0))
  fc.assert(
    fc.property(begun, fc.uint8Array({ maxLength: 200 }), (beginning, rest) => {
      const bytes = Buffer.concat([beginning, rest])
      const header = parseProxyHeader(bytes)
      if (typeof header === 'string') expect(['incomplete', 'malformed']).toContain(header)
      else expect(header.length).toBeLessThanOrEqual(bytes.length)
    }),
    { numRuns: 1_000 },
  )
})
