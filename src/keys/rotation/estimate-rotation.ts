import type { Queryable } from '../../database/database.ts'
import { Problem } from '../../values/problem.ts'
import type { KeyPurpose, KeyState } from '../key/key.ts'
import type { Keys } from '../ring/keys.ts'
import type { ReencryptionTarget } from './reencryption-target.ts'
import type { RotationRequest } from './rotation.ts'

/** What a rotation would do, for `--dry-run`. Nothing was changed. */
export interface RotationEstimate {
  dry_run: true
  /** How many values a rotation would move. */
  total: number
  /** The values under each key that would be left. */
  keys: { id: string; purpose: KeyPurpose; state: KeyState; values: number }[]
  /** Measured by re-encrypting a sample in memory, or the limit that was asked for. */
  values_per_second: number
  estimate_seconds: number
  /**
   * How many bytes of WAL it writes: what backups, standbys and the disk have to take. More if checkpoints come in
   * between.
   */
  wal_bytes: number
}

const SAMPLE_ROWS = 500
/** Code is slow the first times that it runs, so these rows are not measured. */
const WARM_UP_ROWS = 100
/** If nothing can be sealed now, since its key has expired, and if there is too little to measure. */
const STATED_PER_SECOND = 20_000
/** Reading and writing take their share beside the measured opening and sealing (see test/bench). */
const SHARE_OF_CRYPTO = 0.7

/** The census of what a rotation would move, and how long that would take. */
export async function estimateRotation(
  {
    database,
    keys,
    targets,
  }: { database: Queryable; keys: Pick<Keys, 'ring' | 'refresh' | 'times'>; targets: readonly ReencryptionTarget[] },
  { purposes, rowsPerSecond = Number.POSITIVE_INFINITY }: RotationRequest,
): Promise<RotationEstimate> {
  await keys.refresh()
  const leaving = purposes.flatMap((purpose) => keys.ring.all(purpose)).filter(({ state }) => state !== 'pre-active')
  const moving = targets.filter((target) => target.purposes.some((purpose) => purposes.includes(purpose)))
  const values = new Map<string, number>()
  let seconds = 0
  let walBytes = 0
  for (const target of moving) {
    let total = 0
    const census = await target.census(database)
    for (const [id, count] of census) {
      // Values under no key of the ring are moved as well.
      if (keys.ring.find(id) !== undefined && !leaving.some((key) => key.id === id)) continue
      values.set(id, (values.get(id) ?? 0) + count)
      total += count
    }
    if (total === 0) continue
    const standing = [...census.values()].reduce((sum, count) => sum + count, 0)
    walBytes += await target.wal(database, { values: total, total: standing })
    const ids = leaving.map(({ id }) => id)
    const rate = Math.min(rowsPerSecond, await measureRate({ database, target, ids }))
    seconds += total / rate
  }
  const { ringMaxAgeMs, inFlightMs } = keys.times
  const settleSeconds = moving.length > 0 ? (ringMaxAgeMs + inFlightMs) / 1000 : 0
  const total = [...values.values()].reduce((sum, count) => sum + count, 0)
  return {
    dry_run: true,
    total,
    keys: leaving.map(({ id, purpose, state }) => ({ id, purpose, state, values: values.get(id) ?? 0 })),
    values_per_second: seconds === 0 ? 0 : Math.max(1, Math.round(total / seconds)),
    estimate_seconds: Math.ceil(ringMaxAgeMs / 1000 + Math.max(seconds, settleSeconds)),
    wal_bytes: Math.round(walBytes),
  }
}

/** Values a second, from the first rows: they are opened and sealed as a rotation would, and the result is dropped. */
async function measureRate(sample: {
  database: Queryable
  target: ReencryptionTarget
  ids: readonly string[]
}): Promise<number> {
  const { database, target, ids } = sample
  const { rows } = await target.readPage(database, ids, SAMPLE_ROWS, undefined)
  if (rows.length <= WARM_UP_ROWS) return STATED_PER_SECOND
  let made = 0
  let startedAt = performance.now()
  try {
    for (const row of rows.slice(0, WARM_UP_ROWS)) await target.reencrypt(row)
    startedAt = performance.now()
    // Until the keys are replaced, a term is the same when it is made again. Then its row counts.
    for (const row of rows.slice(WARM_UP_ROWS, SAMPLE_ROWS)) made += Math.max(1, (await target.reencrypt(row)).values)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    return STATED_PER_SECOND
  }
  const seconds = (performance.now() - startedAt) / 1000
  return (made / seconds) * SHARE_OF_CRYPTO
}
