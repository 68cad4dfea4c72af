import type { Database } from '../../database/database.ts'
import { isClosed } from '../key/closed-keys.ts'
import { isIndexPurpose } from '../key/key.ts'
import { selectRegistry } from '../key/key-store.ts'
import { parseManifest } from '../key/registry-manifest.ts'
import type { Keys } from '../ring/keys.ts'
import type { KeyCounts, ReencryptionTarget } from '../rotation/reencryption-target.ts'
import { selectRotations, selectRunning } from '../rotation/rotation-store.ts'
import { type SealedCount, sumByKey, takeCensus } from '../sealing/census.ts'

/** One line of `keys status`: a key and what it encrypts. */
export interface KeyStatus {
  id: string
  purpose: string
  state: string
  /** Whether nothing opens under it, as the manifest says. */
  closed: boolean
  created_at: string
  activated_at: string | null
  deactivated_at: string | null
  /** Records under a data key; null for keys that seal none. */
  records: number | null
  /** Everything sealed under it: records, their old versions, kept answers and reasons. */
  sealed_values: number | null
  /** How many search terms were made under it; null for keys that make none. */
  search_terms: number | null
  /** For the active key: the rotation to it that has not ended. */
  rotation: RotationStatus | null
}

/** How far a rotation is. */
interface RotationStatus {
  operator: string
  /** `waiting` for a server to begin; `paused` when nothing runs it: the next run continues. */
  state: 'waiting' | 'running' | 'paused'
  runner: string | null
  since: string
  moved: number
  total: number
  remaining: number
}

/** Every key with its state, the census, and the rotations that have not ended. */
export async function keyStatus(deps: {
  database: Database
  keys: Pick<Keys, 'referencing'>
  targets: readonly ReencryptionTarget[]
}): Promise<KeyStatus[]> {
  const { database, targets } = deps
  const { sealed: tables } = deps.keys.referencing
  const hashed = targets.filter(({ purposes }) => purposes.some(isIndexPurpose))
  const [{ keys: rows, stored }, census, terms, rotations, running] = await Promise.all([
    selectRegistry(database),
    takeCensus(database, tables),
    Promise.all(hashed.map((target) => target.census(database))).then(added),
    selectRotations(database),
    selectRunning(database),
  ])
  const recordColumns = tables.filter(({ holdsRecords }) => holdsRecords).flatMap(({ columns }) => columns)
  const isOfRecord = ({ column }: SealedCount) => recordColumns.includes(column)
  const sealed = sumByKey(census)
  const records = sumByKey(census.filter(isOfRecord))
  const unfinished = new Map(rotations.filter((row) => row.finished_at === null).map((row) => [row.purpose, row]))
  const isRunning = new Set(running.map(({ purpose }) => purpose))
  const marks = (stored && parseManifest(stored.manifest).marks) ?? []
  return rows.map((row) => {
    const seals = row.purpose === 'display' || row.purpose === 'secret'
    const rotation = row.state === 'active' ? unfinished.get(row.purpose) : undefined
    return {
      id: row.id,
      purpose: row.purpose,
      state: row.state,
      closed: isClosed(marks, row.id),
      created_at: row.created_at.toISOString(),
      activated_at: row.activated_at?.toISOString() ?? null,
      deactivated_at: row.deactivated_at?.toISOString() ?? null,
      records: seals ? (records.get(row.id) ?? 0) : null,
      sealed_values: seals ? (sealed.get(row.id) ?? 0) : null,
      search_terms: isIndexPurpose(row.purpose) ? (terms.get(row.id) ?? 0) : null,
      rotation: rotation
        ? {
            operator: rotation.operator,
            state: rotation.runner === null ? 'waiting' : isRunning.has(rotation.purpose) ? 'running' : 'paused',
            runner: rotation.runner,
            since: (rotation.runner_since ?? rotation.requested_at).toISOString(),
            moved: rotation.moved,
            total: rotation.total,
            remaining: Math.max(0, rotation.total - rotation.moved),
          }
        : null,
    }
  })
}

function added(counts: readonly KeyCounts[]): Map<string, number> {
  const sum = new Map<string, number>()
  for (const [id, count] of counts.flatMap((one) => [...one])) sum.set(id, (sum.get(id) ?? 0) + count)
  return sum
}
