import type { AuditCaller } from '../../audit/event/audit-event.ts'
import { Problem } from '../../values/problem.ts'
import { titleOf } from '../../values/problem-codes.ts'
import { pause } from './pause.ts'
import {
  type RotateControl,
  type RotateDeps,
  type RotationRequest,
  type RotationResult,
  RotationRunning,
} from './rotation.ts'
import { beginRotation, ROTATION_LOCK, selectRunning } from './rotation-store.ts'
import { runRotation } from './run-rotation.ts'

const TRY_AGAIN_MS = 500
/** How long a rotation waits for a database that does not answer, from the last time that it did. */
const PATIENCE_MS = 5 * 60 * 1000

/**
 * Rotates keys: makes new ones and promotes them, then moves everything off the old ones while the vault serves. After
 * a kill or a pause the next run continues. After an outage of the database this run continues. Only one runs at a time
 * in a vault.
 *
 * @param control.wait waits for another rotation to end, instead of refusing
 * @throws {RotationRunning} when another rotation runs
 * @throws {Problem} when the database was away for minutes, or the signal came during that
 */
export async function rotateKeys(
  deps: RotateDeps,
  operator: AuditCaller,
  request: RotationRequest,
  control: RotateControl,
): Promise<RotationResult> {
  let outage: { error: Problem; since: number } | undefined
  let hasBegun = false
  /** What this command moved before the database went away, and since then. */
  const moved = { before: 0, now: 0 }
  const watched: RotateControl = {
    ...control,
    onProgress(progress) {
      hasBegun = true
      outage = undefined
      moved.now = progress.moved
      control.onProgress(withEarlier(progress, moved.before))
    },
  }
  for (;;) {
    try {
      // A rotation that has begun has its keys. No further ones are made, even if it ended just when the answer was
      // lost.
      const makesKeys = request.makesKeys !== false && !hasBegun
      const run = () => runRotation(deps, operator, { ...request, makesKeys }, watched)
      const result = await deps.database.tryLock(ROTATION_LOCK, run)
      if (result !== undefined) return withEarlier(result, moved.before)
      const running = new RotationRunning(await selectRunning(deps.database))
      // After an outage it may be this one's own session, which the database has not missed yet.
      const isPatient = control.wait || (outage !== undefined && performance.now() - outage.since < PATIENCE_MS)
      if (!isPatient || control.signal.aborted) throw running
      control.onWait?.(running.message)
    } catch (error) {
      if (!isOutage(error) || control.signal.aborted) throw error
      outage = { error, since: outage?.since ?? performance.now() }
      if (performance.now() - outage.since > PATIENCE_MS) throw error
      moved.before += moved.now
      moved.now = 0
      control.onWait?.(`${titleOf(error.code)}; it goes on by itself`)
    }
    await pause(TRY_AGAIN_MS, control.signal)
    if (control.signal.aborted && outage !== undefined) throw outage.error
  }
}

function withEarlier<T extends { moved: number; total: number }>(progress: T, moved: number): T {
  return { ...progress, moved: progress.moved + moved, total: progress.total + moved }
}

/**
 * The database is away or slow, or was until just now, so that the ring is too old. A vault that is sealed for another
 * reason stays sealed.
 */
function isOutage(error: unknown): error is Problem {
  if (!(error instanceof Problem)) return false
  return (
    error.code === 'database-unavailable' ||
    error.code === 'busy' ||
    (error.code === 'sealed' && error.cause === undefined)
  )
}

/**
 * Asks the vault's servers to rotate keys; one of them begins within seconds, and if it ends, another one continues.
 *
 * @throws {RotationRunning} when a rotation runs
 */
export async function requestRotation(
  { database, now }: Pick<RotateDeps, 'database' | 'now'>,
  operator: AuditCaller,
  { purposes, rowsPerSecond, keepsKeys = false }: RotationRequest,
): Promise<void> {
  const noted = await database.tryLock(ROTATION_LOCK, async () => {
    const by = { operator: operator.id, now: now() }
    await beginRotation(database, { ...by, purposes, detached: true, rowsPerSecond, keepsKeys })
    return true
  })
  if (noted === undefined) throw new RotationRunning(await selectRunning(database))
}
