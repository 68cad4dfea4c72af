import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalAddress, networkOf } from './ip-address.ts'

describe('canonicalAddress', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:0201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:0.0.0.9', '0.0.0.9'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::', '::'],
    // Compatible, translated and NAT64 addresses are not mapped ones.
    ['::192.0.2.1', '::c000:201'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
  ])('writes %s as %s', (text, expected) => expect(canonicalAddress(text)).toBe(expected))

  it.each([
    '',
    'unknown',
    '_hidden',
    '192.0.2',
    '192.0.2.256',
    '192.0.02.1',
    '192.0.2.1:80',
    '[::1]',
    '2001:db8::1::',
    ' ::1',
  ])('takes "%s" for no address', (text) => expect(canonicalAddress(text)).toBeUndefined())

  it('gives one form to all spellings of an address, and another to every other address', () => {
    const groups = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })), {
      minLength: 8,
      maxLength: 8,
    })
    const isMapped = (all: number[]) => all.slice(0, 5).every((group) => group === 0) && all[5] === 0xffff
    fc.assert(
      fc.property(
        groups.filter((all) => !isMapped(all)),
        groups,
        (all, other) => {
          const spelled = [
            all.map((group) => group.toString(16)).join(':'),
            all.map((group) => group.toString(16).padStart(4, '0').toUpperCase()).join(':'),
          ].map(canonicalAddress)
          expect(new Set(spelled).size).toBe(1)
          expect(canonicalAddress(spelled[0]!)).toBe(spelled[0])
          const second = canonicalAddress(other.map((group) => group.toString(16)).join(':'))
          expect(second === spelled[0]).toBe(all.join() === other.join())
        },
      ),
    )
  })
})

describe('networkOf', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8::/64'],
    ['2001:db8:0:7::1', '2001:db8:0:7::/64'],
    ['::1', '::/64'],
    ['1::', '1::/64'],
    ['::8:7:6:5:4:3:2', '0:8:7:6::/64'],
  ])('of %s is %s', (address, network) => expect(networkOf(address)).toBe(network))

  it('is the same for all addresses of a /64, and only for those', () => {
    const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff })).map((value) => value.toString(16))
    const four = fc.array(group, { minLength: 4, maxLength: 4 })
    // 2000::/3 holds no mapped address.
    const address = (prefix: string[], rest: string[]) =>
      canonicalAddress(['2001', ...prefix.slice(1), ...rest].join(':'))!
    fc.assert(
      fc.property(four, four, four, four, (prefix, other, one, two) => {
        expect(networkOf(address(prefix, one))).toBe(networkOf(address(prefix, two)))
        const isSame = prefix.slice(1).join() === other.slice(1).join()
        expect(networkOf(address(prefix, one)) === networkOf(address(other, one))).toBe(isSame)
      }),
    )
  })
})
