import { timingSafeEqual } from 'node:crypto'
import type { Key } from '../../keys/key/key.ts'
import { keyedHash } from '../../keys/key/keyed-hash.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import { hashedColumn } from '../../keys/sealing/hashed-column.ts'
import type { ReferencingTables } from '../../keys/sealing/referencing-tables.ts'
import { normaliseSearchValue } from '../../kinds/kinds.ts'
import type { ErasedPlace } from '../../records/change/erasure-ledger.ts'
import { type StoredRecord, TERM_BYTES } from '../../records/record/record.ts'
import { openDisplay } from '../../records/record/sealed-record.ts'
import { keysOfTerms } from '../../records/record/term-keys.ts'
import { Problem } from '../../values/problem.ts'

/**
 * Whose an erased record was, as a keyed hash: it answers one question, whether the record was this customer's, for a caller who
 * names the customer. Without the key nothing can be tried, and no search finds an erased record. A rotation of the index keys
 * forgets it, since a hash cannot be moved to another key.
 */
export interface ErasedCustomer {
  keyId: string | null
  /** 16 bytes; none for a record that had no customer. */
  digest: Buffer
  /** Binds the digest to the record: 32 bytes, under the same key. */
  mac: Buffer | null
}

const NO_CUSTOMER: ErasedCustomer = { keyId: null, digest: Buffer.alloc(0), mac: null }

/** What the ledger keeps needs its key until a rotation forgets it. */
export const erasedCustomerTables: ReferencingTables = {
  sealed: [],
  hashed: [hashedColumn('erasures.customer', { table: 'erasures', key: 'customer_key' })],
}

type Place = Pick<ErasedPlace, 'site' | 'token'>

/**
 * What the ledger keeps of the customer of a record that is about to be erased. Undefined when that is not known: an erasure does
 * not depend on it, so not on a record that opens either, nor on an index key that has not expired.
 *
 * @throws {Problem} sealed
 */
export async function customerOfErased(
  keys: Pick<Keys, 'active' | 'open'>,
  record: ErasedPlace | StoredRecord,
): Promise<ErasedCustomer | undefined> {
  if (!('display' in record)) return undefined
  try {
    const { customer } = await openDisplay(keys, record)
    if (customer === undefined) return NO_CUSTOMER
    const key = keys.active('index')
    const digest = digestOf(key, record.site, customer)
    return { keyId: key.id, digest, mac: macOf(key, digest, record) }
  } catch (error) {
    if (error instanceof Problem && (error.code === 'record-integrity' || error.code === 'key-expired'))
      return undefined
    throw error
  }
}

/** The hash under which a customer's erased records may be kept, for each key. */
export function digestsOf(
  keys: Pick<Keys, 'ring' | 'verified'>,
  site: string,
  customer: string,
): { key: Key; digest: Buffer }[] {
  const [value] = normaliseSearchValue('customer', customer)
  if (value === undefined) return []
  return keysOfTerms(keys, 'customer').map((key) => ({ key, digest: digestOf(key, site, value) }))
}

/** Whether the vault wrote that about this record. */
export function isCustomerOf(key: Key, digest: Buffer, mac: Buffer | null, place: Place): boolean {
  const expected = macOf(key, digest, place)
  return mac?.length === expected.length && timingSafeEqual(mac, expected)
}

function digestOf(key: Key, site: string, customer: string): Buffer {
  return keyedHash(key, 'customer-of-erased', [site, customer]).subarray(0, TERM_BYTES)
}

function macOf(key: Key, digest: Buffer, { site, token }: Place): Buffer {
  return keyedHash(key, 'erased-of-customer', [digest, site, token])
}
