import type { AuditCaller, NewAuditEvent } from '../audit/event/audit-event.ts'
import type { Database } from '../database/database.ts'
import type { Keys } from '../keys/ring/keys.ts'
import { findErasures } from '../privacy/erasure/erasure-store.ts'
import { hashOfToken } from '../privacy/erasure/ledger-line.ts'
import { eraseOrdered } from '../records/change/erase-ordered.ts'
import type { ErasureLedger } from '../records/change/erasure-ledger.ts'
import { orderErasures } from '../records/change/order-erasures.ts'
import type { Token } from '../records/record/token.ts'
import type { OrderedErasure } from './takeaways.ts'

/** A record whose erasure was ordered and not done, and of which the backup does not know that. */
export interface OrderedAgain extends OrderedErasure {
  token: Token
}

export interface OrderAgainDeps {
  database: Database
  erasures: ErasureLedger
  keys: Keys
  newAuditEvent: NewAuditEvent
  now: () => Date
}

/** Those of the records whose order the database does not have. */
export async function withoutOrder(database: Database, records: readonly OrderedAgain[]): Promise<OrderedAgain[]> {
  const rows = await findErasures(
    database,
    records.map(({ token }) => hashOfToken(token)),
  )
  const ordered = new Set(rows.filter(({ done_at }) => done_at === null).map(({ token }) => token))
  return records.filter(({ token }) => !ordered.has(token))
}

/**
 * Orders erasures again. A hold postpones them as before, and its release erases the record; what no hold keeps any more is erased
 * now.
 */
export async function orderAgain(
  deps: OrderAgainDeps,
  operator: AuditCaller,
  records: readonly OrderedAgain[],
): Promise<void> {
  for (const { token, site, event, reason } of records) {
    const repeating: OrderAgainDeps = {
      ...deps,
      newAuditEvent: (facts) => deps.newAuditEvent({ ...facts, replay_of: event }),
    }
    const order = { by: operator, reason }
    const { free } = await orderErasures(repeating, [{ token, site }], order)
    await eraseOrdered(repeating, free, order)
  }
}
