import type { Key } from '../../keys/key/key.ts'
import { keyedHash } from '../../keys/key/keyed-hash.ts'
import type { StoredRecord, TermHash } from './record.ts'

/**
 * HMAC-SHA-256 over a search term, its type, and the site, token and version of the record that it leads to: only the
 * vault can write it beside a term. `key` is the index key that made the term, so a rotation replaces both at once; the
 * domain keeps the two apart.
 *
 * @returns 32 bytes
 */
export function termMac(
  key: Key,
  { hash, type }: Pick<TermHash, 'hash' | 'type'>,
  { site, token, version }: Pick<StoredRecord, 'site' | 'token' | 'version'>,
): Buffer {
  return keyedHash(key, 'search-term', [{ untagged: hash }, type, site, token, String(version)])
}
