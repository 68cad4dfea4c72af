import { createHmac } from 'node:crypto'
import { encodeFields, type Field } from '../sealing/encode-fields.ts'
import type { Key } from './key.ts'

/** Fields of up to 4 GiB: a hash may cover a whole request body. */
const LENGTH_BYTES = 4

/**
 * HMAC-SHA-256 under an index key over a domain and its parts, each after its length, so that no two inputs run into
 * each other, and a text is never taken for bytes. It is used for search terms and idempotency keys. Without the key no
 * value can be tried offline.
 */
export function keyedHash(key: Key, domain: string, parts: readonly Field[]): Buffer {
  // One update for all: each call into OpenSSL takes as long as hashing some hundred bytes.
  const encoded = encodeFields(LENGTH_BYTES, [domain, ...parts])
  try {
    return createHmac('sha256', key.secret).update(encoded).digest()
  } finally {
    encoded.fill(0)
  }
}
