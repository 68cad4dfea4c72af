import type { AuditCaller } from '../../audit/audit-event.ts'
import { insertEvents } from '../../audit/audit-store.ts'
import type { Queryable } from '../../database/database.ts'
import { boundRowsMark } from '../bound-rows-mark.ts'
import type { Key, KeyPurpose } from '../key.ts'
import { changeRegistry } from '../registry.ts'
import { termMacsMark } from '../term-marks.ts'
import type { OldValues } from './old-values.ts'
import type { Progress } from './progress.ts'
import type { RotateDeps } from './rotation.ts'
import { finishRotation, saveRetirement, selectRetirements } from './rotation-store.ts'

/**
 * Ends a rotation: notes which keys the last census found nothing on, each with an event that says how many values were
 * moved off it, and answers with them. From then on nothing of earlier versions is believed under a key that the census found
 * empty: no term without a MAC, and no value that is not bound to its row. All of it commits together.
 */
export async function retireKeys(
  deps: RotateDeps,
  operator: AuditCaller,
  end: {
    purposes: readonly KeyPurpose[]
    old: OldValues
    isDamaged: boolean
    progress: Progress
    seen: ReadonlySet<string>
  },
): Promise<string[]> {
  const { database, keys, newAuditEvent, now } = deps
  const { purposes, old, isDamaged, progress, seen } = end
  const left = purposes
    .flatMap((purpose) => keys.ring.all(purpose))
    .filter(({ id, state }) => state !== 'active' && state !== 'pre-active' && !old.byKey.has(id))
  const commit = async (tx: Queryable) => {
    const known = await selectRetirements(
      tx,
      left.map(({ id }) => id),
    )
    const earlier = new Map(known.map((row) => [row.key_id, row]))
    const retired = left.filter(({ id }) => seen.has(id) || !earlier.get(id)?.empty_at).map(({ id }) => id)
    const about = { outcome: 'success', caller: operator } as const
    for (const id of retired) {
      const event = newAuditEvent({ ...about, type: 'key.retire', subject: id, count: earlier.get(id)?.moved ?? 0 })
      await insertEvents(tx, [event])
      await saveRetirement(tx, id, now(), event.id)
    }
    for (const purpose of purposes) {
      const { moved } = progress.ofPurpose(purpose)
      const remaining = old.byPurpose.get(purpose) ?? 0
      await finishRotation(tx, purpose, { moved, total: moved + remaining, damaged: remaining, now: now() })
    }
    const outcome = isDamaged ? 'failed' : 'success'
    await insertEvents(tx, [newAuditEvent({ type: 'keys.rotate', outcome, caller: operator, count: progress.moved })])
    return retired
  }
  const { marks } = keys.verified
  const missing = left.flatMap((key) => markOf(key) ?? []).filter((name) => !marks.includes(name))
  if (missing.length === 0) return database.transaction(commit)
  return changeRegistry(deps, operator, async ({ tx, mark }) => {
    for (const name of missing) mark(name)
    return commit(tx)
  })
}

function markOf({ id, purpose }: Pick<Key, 'id' | 'purpose'>): string | undefined {
  if (purpose === 'index') return termMacsMark(id)
  return purpose === 'display' || purpose === 'secret' ? boundRowsMark(id) : undefined
}
