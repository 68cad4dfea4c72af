import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { Problem } from '../problem.ts'

export interface EnvelopeRules {
  /** Whether the server answers for that host name. */
  answersFor: (host: string) => boolean
  /** Whether a text looks like a card number; such a URL or header is refused and not logged. */
  looksLikeCardNumber: (text: string) => boolean
}

/** Two of them, and two readers would believe different ones. */
const SINGLE_HEADERS = new Set(['authorization', 'host', 'content-type', 'content-encoding', 'idempotency-key'])
const CREDENTIAL_NAME = /^(access_?token|id_token|authorization|bearer|jwt|api_?key|client_secret)$/i
const JWT = /^eyJ[\w-]+\.[\w-]+\./

/**
 * What every request must satisfy before anybody asks who it is from.
 *
 * @throws {Problem} wrong-host, malformed-request, malformed-url, query-not-accepted
 */
export function checkEnvelope(request: IncomingMessage, rules: EnvelopeRules): void {
  const url = request.url ?? ''
  if (request.headers.host === undefined) throw new Problem('malformed-request', { detail: 'there is no Host header' })
  // RFC 9112 section 3.2.2: the host of an absolute target counts, whatever Host says.
  const absolute = url.startsWith('/') ? null : URL.parse(url)
  const host = hostName(absolute?.host ?? request.headers.host)
  const serverName = (request.socket as TLSSocket).servername
  if (!rules.answersFor(host) || (serverName && !rules.answersFor(serverName))) throw new Problem('wrong-host')
  refuseDoubledHeaders(request.rawHeaders)
  if (rules.looksLikeCardNumber(decoded(url))) throw new Problem('malformed-url')
  for (const [name, value] of queryOf(url)) {
    if (CREDENTIAL_NAME.test(name) || JWT.test(value)) {
      throw new Problem('query-not-accepted', { detail: 'credentials belong in the Authorization header' })
    }
  }
}

/** Headers that are often long numbers or hexadecimal, and are neither stored nor logged. */
const OPAQUE_HEADERS = new Set([
  'authorization',
  'dpop',
  'cookie',
  'content-length',
  'traceparent',
  'tracestate',
  'if-none-match',
  // Groups of an IPv6 address look like those of a card number.
  'forwarded',
  'x-forwarded-for',
  'x-real-ip',
])

/** @throws {Problem} card-number-in-text */
export function refuseCardNumberInHeaders(request: IncomingMessage, rules: EnvelopeRules): void {
  for (const [name, value] of Object.entries(request.headers)) {
    if (typeof value === 'string' && !OPAQUE_HEADERS.has(name) && rules.looksLikeCardNumber(value)) {
      throw new Problem('card-number-in-text', {
        errors: [{ pointer: '#', detail: 'a header contains a card number' }],
      })
    }
  }
}

export function queryOf(url: string): URLSearchParams {
  const start = url.indexOf('?')
  return new URLSearchParams(start < 0 ? '' : url.slice(start + 1))
}

/** Names and values alternate in `rawHeaders`; Node keeps the first of two and says nothing. */
function refuseDoubledHeaders(rawHeaders: readonly string[]): void {
  const seen = new Set<string>()
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase()
    if (!SINGLE_HEADERS.has(name)) continue
    if (seen.has(name)) {
      throw new Problem('malformed-request', { detail: 'a header that must stand once stands twice' })
    }
    seen.add(name)
  }
}

function decoded(url: string): string {
  if (!url.includes('%')) return url
  try {
    return decodeURIComponent(url)
  } catch {
    throw new Problem('malformed-url')
  }
}

/** The name in a Host header, without its port. */
function hostName(host: string): string {
  return host
    .replace(/:\d+$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase()
}
