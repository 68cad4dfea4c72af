import type { ServerResponse } from 'node:http'

/** The last piece is smaller than what makes a connection ask for a pause, on any system. */
const LAST_BYTES = 8 * 1024
/** An answer of up to this size is sent in one piece, together with its headers. */
const SHORT_BYTES = 14 * 1024

/**
 * Ends an answer in such a way that the connection has nothing left to drain when its client has all of it. Otherwise a
 * client that sends the next request at once finds the connection paused, and Node's parser calls the next TLS record
 * malformed (HPE_PAUSED): a TLS socket hands over what it has decrypted, paused or not.
 */
export function endDrained(response: ServerResponse, body: string | Buffer | undefined): void {
  if (body === undefined || Buffer.byteLength(body) <= SHORT_BYTES) {
    response.end(body)
    return
  }
  const bytes = Buffer.from(body)
  const end = () => response.end(bytes.subarray(-LAST_BYTES))
  if (response.write(bytes.subarray(0, -LAST_BYTES))) end()
  else response.once('drain', end)
}
