import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** What a destination may be reached at beside public addresses. */
export interface Reach {
  /** RFC 1918 and unique local addresses (RFC 4193). */
  private: boolean
  /** This machine. */
  loopback: boolean
}

/** All global unicast addresses of IPv6 are in it (RFC 4291 section 2.4, as IANA has assigned them). */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR('2000::/3')

/**
 * Where machines of cloud providers ask for their own credentials. They are in ranges that look like any other; the usual
 * 169.254.169.254 is link-local, and 100.100.100.200 is of the carriers' range.
 */
const METADATA = ['168.63.129.16/32', 'fd00:ec2::/32', 'fd20:ce::/32'].map((range) => ipaddr.parseCIDR(range))

/**
 * Whether a request may go to an address. Only what is known to be public is allowed, so that a range that IANA names later is
 * refused: not loopback, private, link-local, multicast, reserved or unspecified addresses, and no address of IPv6 in
 * which one of IPv4 is hidden (mapped, translated, 6to4, Teredo, compatible).
 *
 * @param text an address as `dns.lookup` gives it; anything else is refused
 */
export function mayReach(text: string, reach: Reach): boolean {
  // Zones name an interface of this machine (RFC 4007).
  if (isIP(text) === 0 || text.includes('%')) return false
  const address = ipaddr.parse(text)
  if (METADATA.some(([net, bits]) => net.kind() === address.kind() && address.match(net, bits))) return false
  switch (address.range()) {
    case 'unicast':
      return address.kind() === 'ipv4' || address.match(GLOBAL_UNICAST)
    case 'private':
    case 'uniqueLocal':
      return reach.private
    case 'loopback':
      return reach.loopback
    default:
      return false
  }
}
