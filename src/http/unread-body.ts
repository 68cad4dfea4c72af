import type { IncomingMessage, ServerResponse } from 'node:http'

/** How much of a body is read and dropped after the answer, so that the connection can go on. */
const DROPPED_BYTES = 64 * 1024
/** How long, and for how many bytes, a connection stays open so that a client that still sends reads its answer. */
const LINGER_MS = 2_000
const LINGER_BYTES = 4 * 1024 * 1024

/** Whether some of the request's body is still to come. */
export function isUnread({ complete, headers }: IncomingMessage): boolean {
  return !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)
}

/**
 * Whether too much of the body may follow to read it, so that the connection is closed. Without a length that is
 * unknown.
 */
export function isLongUnread(request: IncomingMessage): boolean {
  return isUnread(request) && !(Number(request.headers['content-length']) <= DROPPED_BYTES)
}

/**
 * Sends the answer to a request whose body is not read to its end, and closes the connection. A connection that is
 * closed while the client still sends is reset, and takes the answer with it (RFC 9112 section 9.6). So the answer goes
 * first, and the client gets some time to read it, or to end what it sends.
 *
 * @param response its head has been written, with `Connection: close`
 */
export function endUnread(request: IncomingMessage, response: ServerResponse, body: string | Buffer | undefined): void {
  if (body === undefined) response.flushHeaders()
  else response.write(body)
  let dropped = 0
  const end = () => {
    clearTimeout(timer)
    response.end()
  }
  const timer = setTimeout(end, LINGER_MS)
  request.on('data', (chunk: Buffer) => {
    dropped += chunk.length
    if (dropped > LINGER_BYTES) end()
  })
  request.once('close', end).resume()
}
