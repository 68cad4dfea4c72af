import type { Queryable } from '../../database/database.ts'
import type { KeyPurpose } from '../key/key.ts'
import type { Keys } from '../ring/keys.ts'
import type { OldValues } from './old-values.ts'
import type { KeyCounts } from './reencryption-target.ts'
import type { RotationProgress } from './rotation.ts'
import { type RotationRow, saveRotationProgress } from './rotation-store.ts'

/** The progress of a rotation: reported to its own process, and kept in the database for all others. */
export interface Progress {
  startPass(old: OldValues): void
  add(moved: KeyCounts): void
  /** Writes what was not written yet. */
  flush(): Promise<void>
  result(old: OldValues): RotationProgress
  /** What earlier runs moved of this rotation, and this one. */
  ofPurpose(purpose: KeyPurpose): { moved: number; total: number }
  readonly moved: number
}

const SAVE_EVERY_MS = 1000

export function createProgress(
  { database, keys }: { database: Queryable; keys: Pick<Keys, 'ring'> },
  rows: readonly RotationRow[],
  onProgress: (progress: RotationProgress) => void,
): Progress {
  const kept = new Map(rows.map(({ purpose, moved }) => [purpose, { moved, total: moved }]))
  let moved = 0
  let total = 0
  let savedAt = performance.now()
  let saving: Promise<void> = Promise.resolve()

  const report = () => onProgress({ moved, total: Math.max(total, moved), remaining: Math.max(0, total - moved) })

  async function save(): Promise<void> {
    for (const [purpose, progress] of kept) await saveRotationProgress(database, purpose, progress)
  }

  return {
    startPass(old) {
      total = moved + old.total
      for (const [purpose, progress] of kept) progress.total = progress.moved + (old.byPurpose.get(purpose) ?? 0)
      savedAt = Number.NEGATIVE_INFINITY
      report()
    },
    add(counts) {
      for (const [id, count] of counts) {
        moved += count
        const purpose = keys.ring.find(id)?.purpose
        const progress = purpose && kept.get(purpose)
        if (progress) progress.moved += count
      }
      report()
      if (performance.now() - savedAt < SAVE_EVERY_MS) return
      savedAt = performance.now()
      // For display only. The exact count is in the rows.
      saving = saving.then(save).catch(() => {})
    },
    async flush() {
      await saving
      await save()
    },
    result: (old) => ({ moved, total: moved + old.total, remaining: old.total }),
    ofPurpose: (purpose) => kept.get(purpose) ?? { moved: 0, total: 0 },
    get moved() {
      return moved
    },
  }
}
