import type { AuditCaller, NewAuditEvent } from '../audit/audit-event.ts'
import { insertEvents } from '../audit/audit-store.ts'
import type { Database } from '../database/database.ts'
import { Problem } from '../problem.ts'
import { listKeys } from './key-store.ts'
import { type Keys, RING_MAX_AGE_MS } from './keys.ts'
import { changeRegistry } from './registry.ts'
import { paddedLengthOf } from './seal.ts'
import { type SealedColumn, type SealedValue, sealedColumns, takeCensus } from './sealed-columns.ts'

export interface RotateDeps {
  database: Database
  keys: Keys
  newAuditEvent: NewAuditEvent
  now: () => Date
}

export interface RotationProgress {
  /** How many values were re-sealed so far, of how many that were found to stand on old keys. */
  moved: number
  total: number
  remaining: number
}

/** A value that does not open. It stays as it is, under the key that it names. */
export interface DamagedValue {
  column: string
  kind: string
  token: string
}

export interface RotationResult extends RotationProgress {
  /** False when values are damaged: everything else stands on the active keys. */
  done: boolean
  /** The keys that seal now. */
  active: { display: string; secret: string }
  /** The keys that nothing stands on any more. */
  retired: string[]
  damaged: DamagedValue[]
  /** Whether this run went on with a rotation that had been interrupted. */
  resumed: boolean
}

/** Another rotation holds the lock. */
export class RotationRunning extends Error {
  override readonly name = 'RotationRunning'
}

const ROTATION_LOCK = 0x7374_7203
/** What a statement that was on its way at the promotion gets to commit. */
const IN_FLIGHT_MS = 2_000
const BATCH_ROWS = 1000
/**
 * Rotates the data keys: a new `display` and a new `secret` key are made and promoted, then everything that old keys
 * sealed is re-sealed in batches while the service goes on. Its state is in the rows, so after a kill the next run goes
 * on where this one was: as long as something stands on an old key, no further key is made.
 *
 * @throws {RotationRunning} when another rotation runs
 */
export async function rotateDataKeys(
  deps: RotateDeps,
  operator: AuditCaller,
  onProgress: (progress: RotationProgress) => void,
): Promise<RotationResult> {
  const result = await deps.database.tryLock(ROTATION_LOCK, () => rotate(deps, operator, onProgress))
  if (result === undefined) throw new RotationRunning('another rotation is running; wait for it to finish')
  return result
}

async function rotate(
  deps: RotateDeps,
  operator: AuditCaller,
  onProgress: (progress: RotationProgress) => void,
): Promise<RotationResult> {
  const { database, keys, newAuditEvent } = deps
  await keys.refresh()
  let old = await countOld(deps)
  const resumed = old.total > 0
  if (!resumed) {
    await promoteNewKeys(deps, operator)
    old = await countOld(deps)
  }
  // Until then a server that missed the notification may seal under an old key, or wait for the commit of what it sealed.
  // Should one take longer, the census shows it and the next run moves it.
  const settledAt = performance.now() + RING_MAX_AGE_MS + IN_FLIGHT_MS

  let moved = 0
  const retired = new Set<string>()
  const damaged = new Map<string, DamagedValue>()
  for (;;) {
    const total = moved + old.total
    const onBatch = (count: number) => {
      moved += count
      onProgress({ moved, total: Math.max(total, moved), remaining: Math.max(0, total - moved) })
    }
    onBatch(0)
    for (const keyId of old.byKey.keys()) {
      retired.add(keyId)
      for (const column of Object.values(sealedColumns).flat())
        await resealColumn(deps, column, keyId, damaged, onBatch)
    }
    old = await countOld(deps)
    const wait = settledAt - performance.now()
    if (old.total <= damaged.size && wait > 0) {
      await new Promise((resolve) => setTimeout(resolve, wait))
      old = await countOld(deps)
    }
    if (old.total <= damaged.size) break
  }
  const outcome = damaged.size === 0 ? 'success' : 'failed'
  await insertEvents(database, [newAuditEvent({ type: 'keys.rotate', outcome, caller: operator, count: moved })])
  return {
    done: damaged.size === 0,
    moved,
    total: moved + old.total,
    remaining: old.total,
    active: { display: keys.ring.active('display').id, secret: keys.ring.active('secret').id },
    retired: [...retired].filter((id) => !old.byKey.has(id)),
    damaged: [...damaged.values()],
    resumed,
  }
}

/** Makes a new key for each part and promotes it, in one transaction with its events. */
function promoteNewKeys(deps: RotateDeps, operator: AuditCaller): Promise<void> {
  return changeRegistry(deps, operator, async (change) => {
    for (const purpose of ['display', 'secret'] as const)
      await change.transition(await change.create(purpose), 'active')
  })
}

/** What stands on data keys that are no longer active. */
async function countOld({ database, keys }: RotateDeps): Promise<{ total: number; byKey: Map<string, number> }> {
  const census = await takeCensus(database)
  const active = new Set([keys.ring.active('display').id, keys.ring.active('secret').id])
  const byKey = new Map([...census].filter(([id]) => !active.has(id)))
  return { total: [...byKey.values()].reduce((sum, count) => sum + count, 0), byKey }
}

/** Re-seals what a column holds under the old key, in the order of its rows; passes over what does not open. */
async function resealColumn(
  { database, keys }: RotateDeps,
  column: SealedColumn,
  oldKeyId: string,
  damaged: Map<string, DamagedValue>,
  onBatch: (moved: number) => void,
): Promise<void> {
  let after: unknown[] | undefined
  for (;;) {
    const statement = after === undefined ? column.selectFirst : column.selectNext
    const rows = await database.query<Record<string, unknown>>(statement, [oldKeyId, BATCH_ROWS, ...(after ?? [])])
    if (rows.length === 0) return
    const resealed = []
    for (const row of rows) {
      const value = column.toValue(row)
      const plaintext = await openOrReport(keys, column, value, damaged)
      if (plaintext === undefined) continue
      const length = paddedLengthOf(value.sealed.bytes)
      resealed.push({ value, fresh: keys.seal(column.purpose, value.context, plaintext, length) })
      plaintext.fill(0)
    }
    const replaced = await database.query(column.replace, column.toParameters(resealed, oldKeyId))
    onBatch(replaced.length)
    after = column.identify(rows.at(-1)!)
  }
}

async function openOrReport(
  keys: Keys,
  column: SealedColumn,
  { sealed, context }: SealedValue,
  damaged: Map<string, DamagedValue>,
): Promise<Buffer | undefined> {
  try {
    return await keys.open(sealed, context)
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'record-integrity') throw error
    const { kind, token, version } = context
    damaged.set(`${column.name} ${token} ${version}`, { column: column.name, kind, token })
    return undefined
  }
}

/** One line of `keys status`: a key and how many sealed values stand on it. */
export interface KeyStatus {
  id: string
  purpose: string
  state: string
  created_at: string
  activated_at: string | null
  deactivated_at: string | null
  /** Records that stand on a data key; null for keys that seal none. */
  records: number | null
  /** Everything sealed under it: records, their old versions, kept answers and reasons. */
  sealed_values: number | null
}

/** Every key with its state, and the census of the data keys. */
export async function keyStatus({ database }: Pick<RotateDeps, 'database'>): Promise<KeyStatus[]> {
  const [rows, census, records] = await Promise.all([
    listKeys(database),
    takeCensus(database),
    takeCensus(database, ['records.display', 'records.secret']),
  ])
  const counted = (purpose: string, counts: Map<string, number>, id: string) =>
    purpose === 'display' || purpose === 'secret' ? (counts.get(id) ?? 0) : null
  return rows.map((row) => ({
    id: row.id,
    purpose: row.purpose,
    state: row.state,
    created_at: row.created_at.toISOString(),
    activated_at: row.activated_at?.toISOString() ?? null,
    deactivated_at: row.deactivated_at?.toISOString() ?? null,
    records: counted(row.purpose, records, row.id),
    sealed_values: counted(row.purpose, census, row.id),
  }))
}
