import type { AuditCaller, NewAuditEvent } from '../audit/audit-event.ts'
import { insertEvents } from '../audit/audit-store.ts'
import type { Database } from '../database/database.ts'
import { Problem } from '../problem.ts'
import { listKeys, lockRegistry, notifyKeysChanged, promoteKey } from './key-store.ts'
import { type Keys, RING_MAX_AGE_MS } from './keys.ts'
import { type SealedColumn, sealedColumns, takeCensus } from './sealed-columns.ts'

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

export interface RotationResult extends RotationProgress {
  done: true
  /** The keys that seal now. */
  active: { display: string; secret: string }
  /** The keys that nothing stands on any more. */
  retired: string[]
  /** Whether this run went on with a rotation that had been interrupted. */
  resumed: boolean
}

/** Another rotation holds the lock. */
export class RotationRunning extends Error {
  override readonly name = 'RotationRunning'
}

const ROTATION_LOCK = 0x7374_7203
const BATCH_ROWS = 1000
/** `seal` pads what it is given; a plaintext that was unpadded is padded to the same multiple again. */
const PADS = { card: 64, other: 128 } as const

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
  const { database, keys } = deps
  await keys.refresh()
  let old = await countOld(deps)
  const resumed = old.total > 0
  if (!resumed) {
    await promoteNewKeys(deps, operator)
    old = await countOld(deps)
  }
  // Until then a server that missed the notification may still seal under an old key.
  const settledAt = performance.now() + 2 * RING_MAX_AGE_MS

  let moved = 0
  const retired = new Set<string>()
  for (;;) {
    const report = () => onProgress({ moved, total: Math.max(total, moved), remaining: Math.max(0, total - moved) })
    const total = moved + old.total
    report()
    for (const keyId of old.byKey.keys()) {
      retired.add(keyId)
      for (const column of columnsOf(keys, keyId)) {
        for (let batch = await resealBatch(deps, column, keyId); batch.found > 0; ) {
          moved += batch.moved
          report()
          batch = await resealBatch(deps, column, keyId)
        }
      }
    }
    old = await countOld(deps)
    const wait = settledAt - performance.now()
    if (old.total === 0 && wait > 0) {
      await new Promise((resolve) => setTimeout(resolve, wait))
      old = await countOld(deps)
    }
    if (old.total === 0) break
  }
  const event = deps.newAuditEvent({ type: 'keys.rotate', outcome: 'success', caller: operator, count: moved })
  await insertEvents(database, [event])
  const active = { display: keys.ring.active('display').id, secret: keys.ring.active('secret').id }
  return { done: true, moved, total: moved, remaining: 0, active, retired: [...retired], resumed }
}

function columnsOf(keys: Keys, keyId: string): readonly SealedColumn[] {
  const purpose = keys.ring.find(keyId)?.purpose
  if (purpose !== 'display' && purpose !== 'secret')
    throw new Error(`values are sealed under ${keyId}, which is no data key`)
  return sealedColumns[purpose]
}

/** Makes a new key for each part and promotes it, in one transaction with its events. */
async function promoteNewKeys(
  { database, keys, newAuditEvent, now }: RotateDeps,
  operator: AuditCaller,
): Promise<void> {
  await database.transaction(async (tx) => {
    await lockRegistry(tx)
    for (const purpose of ['display', 'secret'] as const) {
      const id = await keys.create(tx, purpose, 'pre-active', now())
      await promoteKey(tx, { id, purpose }, now())
      await insertEvents(tx, [
        newAuditEvent({ type: 'key.create', outcome: 'success', caller: operator, subject: id }),
        newAuditEvent({ type: 'key.promote', outcome: 'success', caller: operator, subject: id }),
      ])
    }
    await notifyKeysChanged(tx)
  })
  await keys.refresh()
}

/** What stands on data keys that are no longer active. */
async function countOld({ database, keys }: RotateDeps): Promise<{ total: number; byKey: Map<string, number> }> {
  const census = await takeCensus(database)
  const active = new Set([keys.ring.active('display').id, keys.ring.active('secret').id])
  const byKey = new Map([...census].filter(([id]) => !active.has(id)))
  return { total: [...byKey.values()].reduce((sum, count) => sum + count, 0), byKey }
}

async function resealBatch(
  { database, keys }: RotateDeps,
  column: SealedColumn,
  oldKeyId: string,
): Promise<{ found: number; moved: number }> {
  const rows = await database.query<Record<string, unknown>>(column.select, [oldKeyId, BATCH_ROWS])
  if (rows.length === 0) return { found: 0, moved: 0 }
  const resealed = []
  for (const row of rows) {
    const value = column.toValue(row)
    const plaintext = await keys.open(value.sealed, value.context).catch((error: unknown) => {
      if (!(error instanceof Problem)) throw error
      throw new Error(
        `${column.name}: a value does not open (${value.context.kind} ${value.context.token}); restore it, or erase the record`,
      )
    })
    const pad = value.context.kind === 'card' ? PADS.card : PADS.other
    resealed.push({ value, fresh: keys.seal(column.purpose, value.context, plaintext, pad) })
    plaintext.fill(0)
  }
  const replaced = await database.query(column.replace, column.toParameters(resealed, oldKeyId))
  return { found: rows.length, moved: replaced.length }
}

/** One line of `keys status`: a key and how many sealed values stand on it. */
export interface KeyStatus {
  id: string
  purpose: string
  state: string
  created_at: string
  activated_at: string | null
  deactivated_at: string | null
  /** Sealed values for a data key, search terms are not counted; null for keys that seal nothing. */
  sealed_values: number | null
}

/** Every key with its state, and the census of the data keys. */
export async function keyStatus({ database }: Pick<RotateDeps, 'database'>): Promise<KeyStatus[]> {
  const [rows, census] = await Promise.all([listKeys(database), takeCensus(database)])
  return rows.map((row) => ({
    id: row.id,
    purpose: row.purpose,
    state: row.state,
    created_at: row.created_at.toISOString(),
    activated_at: row.activated_at?.toISOString() ?? null,
    deactivated_at: row.deactivated_at?.toISOString() ?? null,
    sealed_values: row.purpose === 'display' || row.purpose === 'secret' ? (census.get(row.id) ?? 0) : null,
  }))
}
