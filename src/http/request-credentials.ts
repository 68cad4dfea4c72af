import type { X509Certificate } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { pathOf } from './request-head.ts'
import type { PeerCertificate, RequestCredentials } from './route.ts'
import type { Source } from './source/source.ts'

/**
 * The credentials of a request.
 *
 * @param publicUrl the server's own URL, under which it is known behind a proxy or a port mapping
 * @param refuses whether a certificate counts as none, since its authority has revoked it
 */
export function requestCredentials(
  request: IncomingMessage,
  publicUrl: string,
  source: Source,
  refuses: RefusesCertificate = () => false,
): RequestCredentials {
  const socket = request.socket as TLSSocket
  return {
    authorization: request.headers.authorization,
    // Node joins several headers with commas, and the result is not a proof: RFC 9449 section 4.3, check 1.
    proof: request.headers.dpop as string | undefined,
    method: request.method ?? '',
    urls: () => urlsOf(request, publicUrl),
    certificate: () => certificateOf(socket, refuses),
    source,
  }
}

/**
 * The URL as the caller may have addressed it: at the server's public URL, or at the host that it named and the port
 * that it reached. The host is one of the server's own, or the request would have been refused (421); the caller
 * chooses the port in `Host`, so it is not used.
 */
function urlsOf(request: IncomingMessage, publicUrl: string): string[] {
  const url = request.url ?? ''
  const host = (url.startsWith('/') ? request.headers.host : URL.parse(url)?.host) ?? ''
  const reached = `https://${host.replace(/:\d+$/, '')}:${request.socket.localPort}`
  return [publicUrl, reached].map((base) => `${base}${pathOf(url)}`)
}

/** Checked at every request, because an open or resumed connection may be old. */
export type RefusesCertificate = (certificate: X509Certificate) => boolean

/** Undefined without a certificate, and on a listener that asks for none. */
function certificateOf(socket: TLSSocket, refuses: RefusesCertificate): PeerCertificate | undefined {
  const certificate = socket.getPeerX509Certificate?.()
  if (certificate === undefined || refuses(certificate)) return undefined
  return { der: certificate.raw, isTrusted: socket.authorized }
}
