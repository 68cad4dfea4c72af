import { createServer, type Server, type ServerOptions } from 'node:https'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Express } from 'express'
import type { NewId } from '../values/identifier.ts'
import { Problem } from '../values/problem.ts'
import type { ProblemCode } from '../values/problem-codes.ts'
import { problemDocument, problemHeaders, statusOf } from './documents/problem-document.ts'
import { bornWithExpressPrototypes } from './express-internals.ts'
import { MAX_CONNECTIONS } from './max-connections.ts'
import { afterAnswers, oneAtATime, whenLate } from './operator/one-at-a-time.ts'
import { RequestProblem } from './request-problem.ts'
import { apiHeaders } from './security-headers.ts'
import { peerOf, type Source } from './source/source.ts'

/** Every limit of the listener, in one place; standards: slow requests, large headers, idle connections. */
const LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 60_000,
  handshakeTimeout: 5_000,
} as const

const MAX_HEADERS = 100

export interface ServerHooks {
  newId: NewId
  /** The vault's own URL. */
  issuer: string
  /** A request that was no well-formed HTTP: it is counted, since its caller is unknown. */
  onFramingError: (code: ProblemCode, source: Source) => void
}

/** An HTTPS server with every limit set. Anything other than TLS and HTTP ends in this file. */
export function createHttpsServer(tls: ServerOptions, app: Express, hooks: ServerHooks): Server {
  const options = { ...tls, ...LIMITS, insecureHTTPParser: false, requireHostHeader: false, keepAlive: true }
  const server = createServer({ ...options, ...bornWithExpressPrototypes(app) }, oneAtATime(app))
  server.maxConnections = MAX_CONNECTIONS
  server.maxHeadersCount = MAX_HEADERS
  // A failed handshake, plain HTTP among them: close, say nothing.
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  server.on('clientError', (error: ParserError, socket: Duplex) => {
    const code = codeOf(error)
    const end = () => refuse(socket, new Problem(code), hooks)
    if (code === 'request-timeout') whenLate(socket, LIMITS.headersTimeout, end)
    else afterAnswers(socket, end)
  })
  // RFC 9110 section 10.1.1 lets us pass over an expectation; Node would answer without any of our headers.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response))
  server.on('connect', (_request, socket: Duplex) => {
    refuse(socket, new RequestProblem('method-not-allowed', { Allow: 'GET, HEAD, POST, PATCH, DELETE' }), hooks)
  })
  return server
}

/** An error of Node's parser, with what the parser itself says of it. */
interface ParserError extends NodeJS.ErrnoException {
  reason?: string
}

const CODES: Record<string, ProblemCode> = {
  HPE_HEADER_OVERFLOW: 'headers-too-large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request-timeout',
}
/** The last coding is not `chunked`; the parser's other complaints are of a list that cannot be read. */
const UNKNOWN_CODING = /^Request has invalid .?Transfer-Encoding/

function codeOf({ code = '', reason = '' }: ParserError): ProblemCode {
  if (code === 'HPE_INVALID_TRANSFER_ENCODING' && UNKNOWN_CODING.test(reason)) return 'unknown-transfer-coding'
  return CODES[code] ?? 'malformed-request'
}

/** How long the client may take to read the answer. */
const CLOSE_WITHIN_MS = 2_000

const REASONS: Record<number, string> = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  431: 'Request Header Fields Too Large',
  501: 'Not Implemented',
}

/** Below the level where there is a response object: the same problem document, written by hand, then the connection ends. */
function refuse(socket: Duplex, problem: Problem, hooks: ServerHooks): void {
  setTimeout(() => socket.destroy(), CLOSE_WITHIN_MS).unref()
  // It has been given its last answer already, and that may be on its way still.
  if (!socket.writable) return void socket.pause()
  hooks.onFramingError(problem.code, peerOf(socket as Socket))
  const requestId = hooks.newId('req')
  const body = Buffer.from(JSON.stringify(problemDocument(problem, requestId, hooks.issuer)), 'utf8')
  const headers: Record<string, string> = {
    ...apiHeaders,
    ...problemHeaders(problem),
    'Request-Id': requestId,
    'Content-Type': 'application/problem+json',
    'Content-Length': String(body.length),
    Connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  const status = statusOf(problem)
  const head = `HTTP/1.1 ${status} ${REASONS[status] ?? 'Error'}\r\n${lines.join('\r\n')}\r\n\r\n`
  socket.end(Buffer.concat([Buffer.from(head, 'latin1'), body]))
}
