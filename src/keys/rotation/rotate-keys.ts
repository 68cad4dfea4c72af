import type { AuditCaller } from '../../audit/audit-event.ts'
import { pause } from './pause.ts'
import {
  type RotateControl,
  type RotateDeps,
  type RotationRequest,
  type RotationResult,
  RotationRunning,
} from './rotation.ts'
import { beginRotation, selectRotations } from './rotation-store.ts'
import { runRotation } from './run-rotation.ts'

const ROTATION_LOCK = 0x7374_7203
const TRY_AGAIN_MS = 500

/**
 * Rotates keys: new ones are made and promoted, then everything that stands on old ones is moved while the service goes
 * on. After a kill or a pause the next run goes on where this one was. Only one runs at a time in a vault.
 *
 * @param control.wait waits for another rotation to end, instead of refusing
 * @throws {RotationRunning} when another rotation runs
 */
export async function rotateKeys(
  deps: RotateDeps,
  operator: AuditCaller,
  request: RotationRequest,
  control: RotateControl,
): Promise<RotationResult> {
  for (;;) {
    const result = await deps.database.tryLock(ROTATION_LOCK, () => runRotation(deps, operator, request, control))
    if (result !== undefined) return result
    const running = new RotationRunning(await selectRotations(deps.database))
    if (!control.wait || control.signal.aborted) throw running
    control.onWait?.(running.message)
    await pause(TRY_AGAIN_MS, control.signal)
  }
}

/**
 * Asks the vault's servers to rotate keys; one of them begins within seconds, and should it end, another one goes on.
 *
 * @throws {RotationRunning} when a rotation runs
 */
export async function requestRotation(
  { database, now }: Pick<RotateDeps, 'database' | 'now'>,
  operator: AuditCaller,
  { purposes, rowsPerSecond }: RotationRequest,
): Promise<void> {
  const noted = await database.tryLock(ROTATION_LOCK, async () => {
    await beginRotation(database, { purposes, operator: operator.id, now: now(), detached: true, rowsPerSecond })
    return true
  })
  if (noted === undefined) throw new RotationRunning(await selectRotations(database))
}
