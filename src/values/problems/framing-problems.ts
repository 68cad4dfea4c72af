import type { ProblemEntry } from './problem-entry.ts'

/** What may be wrong with the framing and the form of a request. */
export const framingProblems = {
  'malformed-request': {
    kind: 'refused',
    title: 'The request is not well-formed HTTP',
    meaning: 'The bytes on the connection are not a well-formed HTTP request, or the request ended too early.',
    remedy: 'Use an HTTP/1.1 client over TLS, with one Host header and the right Content-Length.',
  },
  'malformed-json': {
    kind: 'refused',
    title: 'The body is not well-formed JSON',
    meaning: 'The body is not well-formed JSON in UTF-8, or an object has a member twice.',
    remedy: 'Correct the body. The detail says what is wrong and never quotes the body.',
  },
  'malformed-url': {
    kind: 'refused',
    title: 'The URL is not acceptable',
    meaning: 'The URL cannot be decoded, or it holds what looks like a card number.',
    remedy: 'Encode the URL correctly. Put values of records in the body, never in a URL.',
  },
  'query-not-accepted': {
    kind: 'refused',
    title: 'This endpoint takes no such query parameter',
    meaning: 'A query parameter is not accepted here, is there twice, or holds a credential.',
    remedy: 'Remove the parameter. A credential belongs in the Authorization header.',
  },
  'method-not-allowed': {
    kind: 'refused',
    title: 'The method is not allowed here',
    meaning: 'The path exists and does not take this method.',
    remedy: 'Use a method that the Allow header of the answer names.',
  },
  'not-found': {
    kind: 'refused',
    title: 'There is nothing here',
    meaning: 'There is no such path, or the tile of the audit log does not exist yet.',
    remedy: 'Look up the path in /openapi.json.',
  },
  'request-timeout': {
    kind: 'refused',
    title: 'The request took too long to arrive',
    meaning: 'The headers or the body took too long to arrive.',
    remedy: 'Send the whole request at once, on a new connection.',
  },
  'body-too-large': {
    kind: 'refused',
    title: 'The body is too large',
    meaning: 'The body has more bytes or more JSON values than the vault takes.',
    remedy: 'Split the request. A body may have 4 MiB and 100,000 members and elements.',
  },
  'unsupported-media-type': {
    kind: 'refused',
    title: 'The body must be application/json in UTF-8, not compressed',
    meaning: 'The body has another media type, another charset, or is compressed.',
    remedy: 'Send Content-Type: application/json in UTF-8, without Content-Encoding.',
  },
  'wrong-host': {
    kind: 'refused',
    title: 'This server does not answer for that host',
    meaning: 'The Host header names a host that this vault does not answer for.',
    remedy: 'Use the host of the issuer URL (STRONGROOM_ISSUER) or a name in the certificate of the server.',
  },
  'headers-too-large': {
    kind: 'refused',
    title: 'The headers are too large',
    meaning: 'The request has more or longer headers than the vault takes.',
    remedy: 'Send fewer and shorter headers.',
  },
  'unknown-transfer-coding': {
    kind: 'failed',
    title: 'The only transfer coding is chunked',
    meaning: 'The request uses a Transfer-Encoding other than chunked.',
    remedy: 'Send the body with Content-Length or with Transfer-Encoding: chunked.',
  },
} as const satisfies Record<string, ProblemEntry>
