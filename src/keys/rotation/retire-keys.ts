import type { AuditCaller } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Queryable } from '../../database/database.ts'
import { mayBeClosed } from '../key/closed-keys.ts'
import { isIndexPurpose, type Key, type KeyPurpose } from '../key/key.ts'
import { boundRowsMark, destroyWhenFreeMark, termMacsMark } from '../key/marks.ts'
import { changeRegistry } from '../registry/registry.ts'
import type { OldValues } from './old-values.ts'
import type { Progress } from './progress.ts'
import type { RotateDeps } from './rotation.ts'
import { finishRotation, saveRetirement, selectRetirements } from './rotation-store.ts'

/**
 * Ends a rotation: notes which keys the last census found empty, each with an event that says how many values were
 * moved off it, and answers with them. From then on these keys are closed, and values of earlier versions under them do
 * not count: no term without a MAC, and no value that is not bound to its row. All of it commits together.
 *
 * What is left under a key at the end does not open. It is a finding, and does not keep a data key or a compromised key
 * open: it may have been planted for that. Such a key is not retired. Under an index key that is only deactivated, a
 * damaged record is still found.
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
    /** Keys under which nothing can be stored any longer. */
    closable: ReadonlySet<string>
    /** Whether the index keys among them are kept, rather than destroyed when nothing needs them. */
    keepsKeys: boolean
  },
): Promise<string[]> {
  const { database, keys, newAuditEvent, now } = deps
  const { purposes, old, isDamaged, progress, seen, closable, keepsKeys } = end
  const left = purposes
    .flatMap((purpose) => keys.ring.all(purpose))
    .filter(({ id, state }) => state !== 'active' && state !== 'pre-active' && !old.byKey.has(id))
  const closing = purposes
    .flatMap((purpose) => keys.ring.all(purpose))
    .filter((key) => closable.has(key.id) && (!old.byKey.has(key.id) || !isNeededDamaged(key)))
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
  if (closing.length === 0 && !left.some(mayBeClosed)) return database.transaction(commit)
  return changeRegistry(deps, operator, async ({ tx, mark, close }) => {
    const retired = await commit(tx)
    for (const { id, purpose } of left) {
      const former = markOf({ id, purpose })
      if (former !== undefined) mark(former)
      const isLeftNow = closable.has(id) || retired.includes(id)
      if (isIndexPurpose(purpose) && isLeftNow && !keepsKeys) mark(destroyWhenFreeMark(id))
    }
    for (const { id } of closing) close(id)
    return retired
  })
}

/** Whether a key does something for what does not open: an index key finds a record of which only a part is damaged. */
function isNeededDamaged({ purpose, state }: Pick<Key, 'purpose' | 'state'>): boolean {
  return isIndexPurpose(purpose) && state !== 'compromised'
}

/** From the end of its rotation on nothing of an earlier version is believed under a key. */
function markOf({ id, purpose }: { id: string; purpose: KeyPurpose }): string | undefined {
  if (isIndexPurpose(purpose)) return termMacsMark(id)
  return purpose === 'display' || purpose === 'secret' ? boundRowsMark(id) : undefined
}
