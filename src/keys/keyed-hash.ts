import { createHmac } from 'node:crypto'
import type { Key } from './key.ts'

/**
 * HMAC-SHA-256 under an index key over a domain and its parts, each behind its length, so that no two inputs
 * run into each other. Used for search terms and idempotency keys: without the key nothing can be tried offline.
 */
export function keyedHash(key: Key, domain: string, parts: readonly (string | Uint8Array)[]): Buffer {
  const hmac = createHmac('sha256', key.secret)
  for (const part of [domain, ...parts]) {
    const bytes = typeof part === 'string' ? Buffer.from(part, 'utf8') : part
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    hmac.update(length).update(bytes)
  }
  return hmac.digest()
}
