import { type AuditCaller, VAULT } from '../../audit/event/audit-event.ts'
import { isIndexPurpose, type KeyRow } from '../key/key.ts'
import { destroyWhenFreeMark } from '../key/marks.ts'
import type { Keys } from '../ring/keys.ts'
import { dropKeyPartitions } from '../rotation/drop-key-partitions.ts'
import { findExpiring } from '../rotation/reference-store.ts'
import { type DestroyKeyDeps, destroyKey, KeyStillNeeded } from './destroy.ts'

/** The keys that were destroyed, and the reason why others are not yet. */
export interface DestroyedKeys {
  destroyed: string[]
  awaited: { id: string; reason: string }[]
}

/**
 * Destroys the index keys that rotations have emptied, except those that are still needed: by an answer that is kept
 * for an Idempotency-Key, a transaction that has not ended. These wait for the next time.
 */
export async function destroyEmptied(
  deps: DestroyKeyDeps,
  operator: AuditCaller,
  { onWait, signal }: { onWait?: ((reason: string) => void) | undefined; signal?: AbortSignal } = {},
): Promise<DestroyedKeys> {
  const result: DestroyedKeys = { destroyed: [], awaited: [] }
  for (const { id } of emptiedKeys(deps)) {
    if (signal?.aborted) break
    const reason = await neededBecause(deps, id)
    if (reason !== undefined) {
      result.awaited.push({ id, reason })
      continue
    }
    try {
      await destroyKey(deps, operator, id, onWait)
      result.destroyed.push(id)
    } catch (error) {
      if (!(error instanceof KeyStillNeeded)) throw error
      result.awaited.push({ id, reason: error.message })
    }
  }
  return result
}

function emptiedKeys({ keys }: DestroyKeyDeps): readonly KeyRow[] {
  const { keys: rows, marks } = keys.verified
  return rows.filter(({ id, purpose, state }) => {
    const isLeft = state === 'deactivated' || state === 'compromised'
    return isLeft && isIndexPurpose(purpose) && marks.includes(destroyWhenFreeMark(id))
  })
}

/** A cheap check, before everything is counted. */
async function neededBecause(deps: DestroyKeyDeps, id: string): Promise<string | undefined> {
  const expiring = await findExpiring(deps.database, deps.keys.referencing, id, deps.now())
  return expiring && `${expiring.count} in ${expiring.name} need it. ${expiring.expires}`
}

/** Destroys emptied keys while the vault is open, and answers with their number. */
export async function destroyFreed(deps: DestroyKeyDeps & { keys: Pick<Keys, 'isSealed'> }): Promise<number> {
  if (deps.keys.isSealed) return 0
  await dropKeyPartitions(deps)
  return (await destroyEmptied(deps, VAULT)).destroyed.length
}
