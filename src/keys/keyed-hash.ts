import { createHmac } from 'node:crypto'
import { encodeFields } from './encode-fields.ts'
import type { Key } from './key.ts'

/** Fields of up to 4 GiB: a hash may cover a whole request body. */
const LENGTH_BYTES = 4

/**
 * HMAC-SHA-256 under an index key over a domain and its parts, each behind its length, so that no two inputs
 * run into each other. Used for search terms and idempotency keys: without the key nothing can be tried offline.
 */
export function keyedHash(key: Key, domain: string, parts: readonly (string | Uint8Array)[]): Buffer {
  // One update for all: each call into OpenSSL takes as long as hashing some hundred bytes.
  const encoded = encodeFields(LENGTH_BYTES, [domain, ...parts])
  const hash = createHmac('sha256', key.secret).update(encoded).digest()
  encoded.fill(0)
  return hash
}
