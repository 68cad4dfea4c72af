import { VAULT } from '../../audit/event/audit-event.ts'
import type { Alert } from '../../observability/alert.ts'
import { type ErasedOrdered, eraseOrdered } from '../../records/change/erase-ordered.ts'
import type { ErasureOrder } from '../../records/change/order-erasures.ts'
import type { RecordDeps } from '../../records/dependencies.ts'
import type { VaultLedger } from './erasure-ledger.ts'
import { type StoredErasure, selectUndone } from './erasure-store.ts'

export interface FinishErasuresDeps extends Pick<RecordDeps, 'database' | 'keys' | 'newAuditEvent' | 'now'> {
  erasures: VaultLedger
  alert: Alert
}

/** A request that is under way finishes its erasure itself. */
const UNDER_WAY_MS = 60_000

/**
 * Erases what was ordered and not done: the process that took the order was killed, or a hold that kept the record is
 * released. A row that the vault did not write erases nothing, and is an alert.
 */
export async function finishErasures(deps: FinishErasuresDeps, underWayMs = UNDER_WAY_MS): Promise<ErasedOrdered> {
  const done: ErasedOrdered = { erased: [], postponed: [] }
  const before = new Date(deps.now().getTime() - underWayMs)
  for await (const rows of selectUndone(deps.database, before)) {
    const { erased, postponed } = await finishAll(deps, rows)
    done.erased.push(...erased)
    done.postponed.push(...postponed)
  }
  return done
}

/** Erases the records of these rows, unless a hold keeps them. */
export async function finishAll(
  deps: FinishErasuresDeps,
  rows: readonly StoredErasure[],
  by: ErasureOrder['by'] = VAULT,
): Promise<ErasedOrdered> {
  const { alert, erasures } = deps
  const done: ErasedOrdered = { erased: [], postponed: [] }
  const reasons = Map.groupBy(rows, (row) => erasures.entryOf(row)?.reason)
  for (const [reason, some] of reasons) {
    if (reason === undefined) {
      alert('erasure-forged', { count: some.length })
      continue
    }
    // Outside first, unless a hold keeps the record.
    const free = await filterFree(deps, some)
    await erasures.file(free.map(({ token }) => token))
    const { erased, postponed } = await eraseOrdered(deps, free, { by, reason })
    done.erased.push(...erased)
    const held = [...postponed, ...some.filter((row) => !free.includes(row)).map(({ token }) => token)]
    // The process that took the order may have ended before it could say so.
    if (held.length > 0) await erasures.restrict(held)
    done.postponed.push(...held)
  }
  return done
}

async function filterFree(
  { database, erasures }: Pick<FinishErasuresDeps, 'database' | 'erasures'>,
  rows: readonly StoredErasure[],
): Promise<StoredErasure[]> {
  const free: StoredErasure[] = []
  for (const row of rows) if (!(await erasures.isHeld(database, row.token))) free.push(row)
  return free
}
