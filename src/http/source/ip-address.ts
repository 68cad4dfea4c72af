import { isIPv4, isIPv6 } from 'node:net'

/**
 * The one form in which an address is compared, counted and kept: IPv6 as RFC 5952 writes it, without a zone; an IPv4 address
 * that is mapped into IPv6 (RFC 4291 section 2.5.5.2), as a socket for both shows it, is the IPv4 address.
 *
 * @returns undefined for a text that is not an address
 */
export function canonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text
  const withoutZone = text.replace(/%[\w.-]*$/, '')
  if (!isIPv6(withoutZone)) return undefined
  const canonical = new URL(`http://[${withoutZone}]`).hostname.slice(1, -1)
  const [, high, low] = MAPPED.exec(canonical) ?? []
  if (high === undefined || low === undefined) return canonical
  return [high, low].flatMap((group) => octets(Number.parseInt(group, 16))).join('.')
}

const MAPPED = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/

function octets(group: number): number[] {
  return [group >> 8, group & 0xff]
}

/**
 * What one subscriber has: an IPv4 address, or a /64 of IPv6, since each of its 2^64 addresses costs nothing (RFC 6177).
 *
 * @param address in canonical form
 * @returns `192.0.2.1` or `2001:db8:1:2::/64`
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [left = '', right] = address.split('::')
  const [head, tail] = [groupsIn(left), groupsIn(right ?? '')]
  const missing = right === undefined ? 0 : 8 - head.length - tail.length
  const groups = [...head, ...Array<string>(missing).fill('0'), ...tail]
  return `${canonicalAddress(`${groups.slice(0, 4).join(':')}::`)}/64`
}

function groupsIn(part: string): string[] {
  return part === '' ? [] : part.split(':')
}
