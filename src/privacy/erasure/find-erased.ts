import type { Queryable } from '../../database/database.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import type { KindName } from '../../kinds/registry.ts'
import { digestsOf, isCustomerOf } from './erased-customer.ts'
import { latestUnknown, selectErasedOf } from './erased-customer-store.ts'

/** A record of a customer that was erased. Nothing else of it is there, beside its events. */
export interface ErasedRecord {
  token: string
  kind: KindName
  /** RFC 3339, in UTC. */
  erased_at: string
}

export interface FoundErased {
  erased: ErasedRecord[]
  truncated: boolean
  /** Records that were erased until then may be missing, since it is not known whose they were; null if none is missing. */
  unknownUntil: Date | null
}

/** The erased records of a customer on a site, as far as the vault still knows whose they were, the latest first. */
export async function findErased(
  { database, keys }: { database: Queryable; keys: Pick<Keys, 'ring' | 'verified'> },
  { site, customer }: { site: string; customer: string },
  most: number,
): Promise<FoundErased> {
  const known = digestsOf(keys, site, customer)
  const rows = await selectErasedOf(
    database,
    site,
    known.map(({ digest }) => digest),
    most + 1,
  )
  const erased = rows.flatMap(({ token, kind, done_at, customer: digest, customer_mac, customer_key_id }) => {
    const key = known.find(({ key: { id } }) => id === customer_key_id)?.key
    const isWritten = key !== undefined && isCustomerOf(key, digest, customer_mac, { site, token })
    return isWritten ? [{ token: token as string, kind, erased_at: done_at.toISOString() }] : []
  })
  return {
    erased: erased.slice(0, most),
    truncated: rows.length > most,
    unknownUntil: await latestUnknown(database, site),
  }
}
