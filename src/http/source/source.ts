import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { elementsFromTheRight, forwardedAddress, forwardedForAddress } from './forwarded.ts'
import { canonicalAddress, networkOf } from './ip-address.ts'
import { announcedAddress } from './proxy-protocol.ts'
import type { TrustedProxies } from './trusted-proxies.ts'

/** The source of a request, as far as the vault can know. */
export interface Source {
  /** In full, in canonical form: `192.0.2.1`, `2001:db8::1`; `unknown` if the connection is gone. */
  address: string
  /** What limits count by: the address, of IPv6 its /64 (`2001:db8:1:2::/64`). */
  network: string
}

/** A chain of proxies is short. A longer one was made up. */
const MAX_HOPS = 32

/**
 * The sender of a request: the peer of its connection, or the address that a trusted proxy names. A PROXY header names
 * the peer; `Forwarded` and `X-Forwarded-For` are read from the right up to the first address that is not trusted.
 *
 * If that is unclear, the last known proxy is the source, so that no client can choose its source: an element is
 * malformed or hides its address, there are too many of them, or both headers are there and disagree (a proxy that
 * writes one of them passes the client's other on).
 */
export function sourceOf(request: IncomingMessage, proxies: TrustedProxies): Source {
  const peer = peerOf(request.socket)
  if (!proxies.has(peer.address)) return peer
  const { forwarded, 'x-forwarded-for': forwardedFor } = request.headers
  const found = [
    ...(forwarded ? [walk(peer.address, forwarded, forwardedAddress, proxies)] : []),
    // Node joins several lines with commas, in their order.
    ...(forwardedFor ? [walk(peer.address, String(forwardedFor), forwardedForAddress, proxies)] : []),
  ]
  const [address, other] = found
  if (address === undefined || address === peer.address || (other !== undefined && other !== address)) return peer
  return { address, network: networkOf(address) }
}

function walk(
  peer: string,
  header: string,
  addressIn: (element: string) => string | undefined,
  proxies: TrustedProxies,
): string {
  let known = peer
  for (const element of elementsFromTheRight(header).take(MAX_HOPS)) {
    const address = addressIn(element)
    if (address === undefined) return known
    known = address
    if (!proxies.has(address)) return known
  }
  return known
}

const peers = new WeakMap<Socket, Source>()
const UNKNOWN: Source = { address: 'unknown', network: 'unknown' }

/**
 * The sender of bytes that are not a request: only its connection is known. It is the same for all requests of a
 * connection.
 */
export function peerOf(socket: Socket): Source {
  const remembered = peers.get(socket)
  if (remembered !== undefined) return remembered
  const address = announcedAddress(socket) ?? canonicalAddress(socket.remoteAddress ?? '')
  if (address === undefined) return UNKNOWN
  const peer = { address, network: networkOf(address) }
  peers.set(socket, peer)
  return peer
}
