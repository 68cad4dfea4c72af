import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readConfig } from '../../config/config.ts'
import { canonicalAddress } from './ip-address.ts'
import { createTrustedProxies } from './trusted-proxies.ts'

it('trusts the addresses in its ranges and no others', () => {
  const proxies = createTrustedProxies(['10.1.0.0/16', '192.0.2.7', '2001:db8:8000::/33', '::1'])
  const trusted = ['10.1.0.0', '10.1.255.255', '192.0.2.7', '2001:db8:8000::', '2001:db8:ffff::1', '::1']
  const others = ['10.2.0.0', '10.0.255.255', '192.0.2.8', '2001:db8:7fff::1', '2001:db9::', '::2', '::', 'unknown']
  expect(trusted.filter((address) => !proxies.has(address))).toEqual([])
  expect(others.filter((address) => proxies.has(address))).toEqual([])
})

it('trusts no one without ranges', () => {
  expect(['127.0.0.1', '::1', 'unknown'].some(createTrustedProxies([]).has)).toBe(false)
})

/** The reference: both as numbers of that many bits. */
function isWithin(address: bigint, range: bigint, prefix: number, bits: number): boolean {
  const host = BigInt(bits - prefix)
  return address >> host === range >> host
}

it.each([
  [32, (value: bigint) => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.')],
  [
    128,
    (value: bigint) =>
      Array.from({ length: 8 }, (_, at) => ((value >> BigInt(112 - at * 16)) & 0xffffn).toString(16)).join(':'),
  ],
] as const)('agrees with arithmetic on %i bits, and the configuration takes every range', (bits, write) => {
  const number = fc.bigInt({ min: 1n << BigInt(bits - 3), max: (1n << BigInt(bits)) - 1n })
  fc.assert(
    fc.property(number, number, fc.integer({ min: 1, max: bits }), fc.nat(bits), (range, other, prefix, flipped) => {
      const text = `${write(range)}/${prefix}`
      const { trustedProxies } = readConfig({ STRONGROOM_TRUSTED_PROXIES: `198.51.100.1, ${text}` })
      const proxies = createTrustedProxies(trustedProxies)
      const near = flipped === bits ? range : range ^ (1n << BigInt(flipped))
      for (const address of [range, near, other]) {
        const canonical = canonicalAddress(write(address))!
        if (canonical === '198.51.100.1') continue
        expect(proxies.has(canonical), `${canonical} in ${text}`).toBe(isWithin(address, range, prefix, bits))
      }
    }),
  )
})
