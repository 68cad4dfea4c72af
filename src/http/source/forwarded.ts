import { isIPv4, isIPv6 } from 'node:net'
import { canonicalAddress } from './ip-address.ts'

/**
 * The elements of a list header, the last one first: proxies add theirs at the end. Empty ones are left out (RFC 9110
 * section 5.6.1). Every comma separates, also in quotation marks: the halves of such an element are malformed, and
 * nothing from a client can swallow what a proxy added after it.
 */
export function* elementsFromTheRight(list: string): Generator<string> {
  let end = list.length
  while (end > 0) {
    const comma = list.lastIndexOf(',', end - 1)
    const element = list.slice(comma + 1, end).trim()
    if (element !== '') yield element
    end = comma
  }
}

/** A node of RFC 7239 section 6: an IPv4 address, or an IPv6 address in brackets, and perhaps a port. */
const WITH_PORT = /^(?:\[(?<v6>[^\]]+)\]|(?<v4>[^:[\]]+))(?::(?:\d{1,5}|_[\w.-]+))?$/

/** The address in an element of `X-Forwarded-For`, with or without a port; an IPv6 address may be without brackets. */
export function forwardedForAddress(element: string): string | undefined {
  if (isIPv6(element)) return canonicalAddress(element)
  const { v4, v6 } = WITH_PORT.exec(element)?.groups ?? {}
  if (v4 !== undefined && isIPv4(v4)) return v4
  return v6 !== undefined && isIPv6(v6) ? canonicalAddress(v6) : undefined
}

/** Quotation marks are needed around a port or a bracket, and often left out. */
const PAIR = /\s*([!#$%&'*+.^_`|~\w-]+)=("(?:[^"\\]|\\.)*"|[!#$%&'*+.^_`|~\w:[\]-]+)\s*(?:;|$)/y

/**
 * The address in an element of `Forwarded` (RFC 7239 section 4): `for="[2001:db8::1]:4711";proto=https`.
 *
 * @returns undefined where the element is malformed, has no `for`, or one that is not an address: `unknown`, `_hidden`
 */
export function forwardedAddress(element: string): string | undefined {
  const pair = new RegExp(PAIR)
  let node: string | undefined
  while (pair.lastIndex < element.length) {
    const [, name, value] = pair.exec(element) ?? []
    if (name === undefined || value === undefined) return undefined
    if (name.toLowerCase() !== 'for') continue
    // A parameter occurs once; two readers would believe different ones.
    if (node !== undefined) return undefined
    node = value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value
  }
  return node === undefined ? undefined : forwardedForAddress(node)
}
