import { isIPv4, isIPv6 } from 'node:net'
import { canonicalAddress } from './ip-address.ts'

/**
 * The header of the PROXY protocol, versions 1 and 2: https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
 *
 *     version 1   PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n      at most 107 bytes
 *     version 2   12 bytes signature, 1 version and command, 1 family and transport, 2 length of what follows,
 *                 addresses and ports of source and destination, then TLVs, which are passed over
 */
export interface ProxyHeader {
  /** How many bytes it takes; TLS begins after them. */
  length: number
  /** The sender's address in canonical form; undefined where the proxy speaks for itself, or does not know. */
  address: string | undefined
}

const SIGNATURE_1 = Buffer.from('PROXY ', 'latin1')
const MAX_LENGTH_1 = 107
const SIGNATURE_2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
const PREFIX_2 = 16
/** Room for the TLVs that proxies add; the protocol would allow 64 KiB. */
const MAX_REST_2 = 4096

/** @param bytes all that has come so far */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | 'incomplete' | 'malformed' {
  if (beginsLike(bytes, SIGNATURE_2)) return parseVersion2(bytes)
  return beginsLike(bytes, SIGNATURE_1) ? parseVersion1(bytes) : 'malformed'
}

/** Whether what is there of the signature is right. */
function beginsLike(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length)
  return bytes.subarray(0, length).equals(signature.subarray(0, length))
}

const LINE_1 = /^PROXY (?:UNKNOWN(?: .*)?|(?<family>TCP[46]) (?<source>\S+) (?<target>\S+) (?<from>\d+) (?<to>\d+))$/s

function parseVersion1(bytes: Buffer): ReturnType<typeof parseProxyHeader> {
  const end = bytes.subarray(0, MAX_LENGTH_1).indexOf('\r\n')
  if (end < 0) return bytes.length < MAX_LENGTH_1 ? 'incomplete' : 'malformed'
  const match = LINE_1.exec(bytes.toString('latin1', 0, end))
  if (match === null) return 'malformed'
  const length = end + 2
  const { family, source = '', target = '', from = '', to = '' } = match.groups ?? {}
  if (family === undefined) return { length, address: undefined }
  const isAddress = family === 'TCP4' ? isIPv4 : isIPv6
  if (![source, target].every((address) => isAddress(address)) || ![from, to].every(isPort)) return 'malformed'
  return { length, address: canonicalAddress(source) }
}

function isPort(digits: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(digits) && Number(digits) <= 65535
}

const [LOCAL, PROXY] = [0x20, 0x21]
/** Families over streams, the bytes that their addresses and ports take, and how the first address is written. */
const FAMILIES_2 = new Map<number, { size: number; source?: (addresses: Buffer) => string }>([
  [0x00, { size: 0 }],
  [0x11, { size: 12, source: (addresses) => addresses.subarray(0, 4).join('.') }],
  [0x21, { size: 36, source: (addresses) => groupsOf(addresses.subarray(0, 16)).join(':') }],
  // A UNIX socket in front of the proxy has no address that a limit could count.
  [0x31, { size: 216 }],
])

function parseVersion2(bytes: Buffer): ReturnType<typeof parseProxyHeader> {
  if (bytes.length < PREFIX_2) return 'incomplete'
  const [command, family, rest] = [bytes[12], bytes[13]!, bytes.readUInt16BE(14)]
  if ((command !== LOCAL && command !== PROXY) || rest > MAX_REST_2) return 'malformed'
  const known = FAMILIES_2.get(family)
  if (command === PROXY && (known === undefined || rest < known.size)) return 'malformed'
  const length = PREFIX_2 + rest
  if (bytes.length < length) return 'incomplete'
  const source = command === PROXY ? known?.source?.(bytes.subarray(PREFIX_2, length)) : undefined
  return { length, address: source === undefined ? undefined : canonicalAddress(source) }
}

function groupsOf(address: Buffer): string[] {
  return Array.from({ length: 8 }, (_, at) => address.readUInt16BE(at * 2).toString(16))
}
