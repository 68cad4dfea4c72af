import { BlockList, isIPv6 } from 'node:net'

/** The proxies that are believed about the sender of a request. */
export interface TrustedProxies {
  /** @param address in canonical form */
  has(address: string): boolean
}

/** @param ranges addresses and CIDR ranges, as the configuration has checked them; empty: no proxy is trusted */
export function createTrustedProxies(ranges: readonly string[]): TrustedProxies {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', prefix] = range.split('/')
    const isVersion6 = isIPv6(address)
    const length = prefix === undefined ? (isVersion6 ? 128 : 32) : Number(prefix)
    list.addSubnet(address, length, isVersion6 ? 'ipv6' : 'ipv4')
  }
  if (ranges.length === 0) return { has: () => false }
  return { has: (address) => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4') }
}
