import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { Problem } from '../values/problem.ts'
import { RequestProblem } from './request-problem.ts'

export interface EnvelopeRules {
  /** Whether the server answers for that host name. */
  answersFor: (host: string) => boolean
  /** Whether the route at that path is answered for any Host. */
  isForAnyHost: (path: string) => boolean
  /**
   * Whether a text holds a card number; such a URL is refused. Headers are neither stored nor logged, and are not
   * checked.
   */
  holdsCardNumber: (text: string) => boolean
}

/** If there are two, two readers might read different ones. */
const SINGLE_HEADERS = new Set(['authorization', 'host', 'content-type', 'content-encoding', 'idempotency-key'])
const CREDENTIAL_NAME = /^(access_?token|id_token|authorization|bearer|jwt|api_?key|client_secret)$/i
const JWT = /^eyJ[\w-]+\.[\w-]+\./

/**
 * What every request must satisfy before its caller is looked up.
 *
 * @throws {Problem} unknown-transfer-coding, wrong-host, malformed-request, malformed-url, query-not-accepted
 */
export function checkEnvelope(request: IncomingMessage, rules: EnvelopeRules): void {
  const url = request.url ?? ''
  checkFraming(request)
  checkHost(request, rules)
  refuseDoubledHeaders(request.rawHeaders)
  // A plus is a space in a query.
  if (rules.holdsCardNumber(decoded(url).replaceAll('+', ' '))) throw new Problem('malformed-url')
  for (const [name, value] of queryOf(url)) {
    if (CREDENTIAL_NAME.test(name) || JWT.test(value)) {
      throw new Problem('query-not-accepted', { detail: 'credentials belong in the Authorization header' })
    }
  }
}

/** @throws {Problem} malformed-request, wrong-host */
function checkHost(request: IncomingMessage, { answersFor, isForAnyHost }: EnvelopeRules): void {
  const { url = '', headers, httpVersion } = request
  const isForAny = isForAnyHost(pathOf(url))
  if (headers.host === undefined) {
    // Simple health checks speak HTTP/1.0, which has no Host.
    if (isForAny && httpVersion === '1.0') return
    throw new Problem('malformed-request', { detail: 'there is no Host header' })
  }
  // RFC 9112 section 3.2.2: the host of an absolute target counts, not the Host header.
  const absolute = isAbsolute(url) ? parseTarget(url) : null
  refuseImpossiblePort(headers.host)
  const named = absolute?.host ?? (isForAny ? undefined : headers.host)
  const serverName = (request.socket as TLSSocket).servername
  for (const host of [named && hostName(named), serverName || undefined]) {
    if (host !== undefined && !answersFor(host)) throw new Problem('wrong-host')
  }
}

/**
 * How the bytes of a request are read. Ambiguous requests are refused, and the connection closes, because what follows
 * might be taken for a request.
 *
 * @throws {Problem} malformed-request, unknown-transfer-coding
 */
function checkFraming({ httpVersion, headers }: IncomingMessage): void {
  const refused = (code: 'malformed-request' | 'unknown-transfer-coding', detail: string) =>
    new RequestProblem(code, { Connection: 'close' }, { detail })
  if (httpVersion !== '1.1' && httpVersion !== '1.0') {
    throw refused('malformed-request', 'the version of HTTP is neither 1.1 nor 1.0')
  }
  const coding = headers['transfer-encoding']
  if (coding === undefined) return
  // RFC 9112 section 6.1.
  if (httpVersion === '1.0') throw refused('malformed-request', 'HTTP/1.0 has no Transfer-Encoding')
  if (coding.toLowerCase() !== 'chunked') throw refused('unknown-transfer-coding', 'send chunked, or a Content-Length')
}

/** The other forms are a path, and the asterisk of OPTIONS (RFC 9112 section 3.2). */
function isAbsolute(target: string): boolean {
  return !target.startsWith('/') && target !== '*'
}

/** @throws {Problem} malformed-request */
function parseTarget(target: string): URL {
  const url = URL.parse(target)
  // RFC 9110 sections 4.2.2 and 4.2.4: this server is https, and an authority has no user name and password.
  if (url === null || url.protocol !== 'https:' || /^[^/]*\/\/[^/?#]*@/.test(target)) {
    throw new Problem('malformed-request', { detail: 'the target is not an https URL without user information' })
  }
  return url
}

const MAX_PORT = 65_535

/** @throws {Problem} malformed-request */
function refuseImpossiblePort(host: string): void {
  if (Number(/:(\d+)$/.exec(host)?.[1] ?? 0) > MAX_PORT) {
    throw new Problem('malformed-request', { detail: 'there is no such port' })
  }
}

/** The path of a request's target, in whichever form the target is. */
export function pathOf(url: string): string {
  return isAbsolute(url) ? (URL.parse(url)?.pathname ?? '') : url.replace(/[?#].*$/s, '')
}

export function queryOf(url: string): URLSearchParams {
  const start = url.indexOf('?')
  return new URLSearchParams(start < 0 ? '' : url.slice(start + 1))
}

/** Names and values alternate in `rawHeaders`; Node keeps the first of two without an error. */
function refuseDoubledHeaders(rawHeaders: readonly string[]): void {
  const seen = new Set<string>()
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase()
    if (!SINGLE_HEADERS.has(name)) continue
    if (seen.has(name)) {
      throw new Problem('malformed-request', { detail: 'a header that may occur only once occurs twice' })
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
    .replace(/:\d*$/, '')
    .replace(/^\[|\]$/g, '')
    .toLowerCase()
}
