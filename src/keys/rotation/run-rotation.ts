import type { AuditCaller } from '../../audit/event/audit-event.ts'
import { isIndexPurpose } from '../key/key.ts'
import { isKeyRefused } from '../ring/store-under-keys.ts'
import { dropKeyPartitions } from './drop-key-partitions.ts'
import { findClosable } from './find-closable.ts'
import { moveValues } from './move-values.ts'
import { countOld } from './old-values.ts'
import { pause } from './pause.ts'
import { createProgress } from './progress.ts'
import { promoteKeys, startRotation } from './promote-keys.ts'
import type { DamagedValue } from './reencryption-target.ts'
import { retireKeys } from './retire-keys.ts'
import type { RotateDeps, RotationControl, RotationRequest, RotationResult } from './rotation.ts'
import { createRowBudget } from './row-budget.ts'

/** It does not wait for long readers: a server drops the table later. */
const DROP_ATTEMPTS = 8

/**
 * One rotation from its beginning, or from where an earlier one stopped, to its end or until it is paused: census → new
 * keys → known by every server → promoted → moved in passes until a census finds nothing → retired. Its state is in the
 * rows, so it can end at any point and any process can continue it. The caller holds the lock of rotations.
 */
export async function runRotation(
  deps: RotateDeps,
  operator: AuditCaller,
  request: RotationRequest,
  control: RotationControl,
): Promise<RotationResult> {
  const { keys, targets, database } = deps
  const { purposes } = request
  const isPaused = () => control.signal.aborted
  const moving = targets.filter((target) => target.purposes.some((purpose) => purposes.includes(purpose)))

  const { resumed, rows } = await startRotation(deps, operator, request)
  await promoteKeys(deps, operator, purposes, control)
  // Until then a server that missed the notification may seal under an old key, or wait for the commit of what it sealed.
  // Should one take longer, a census shows it and the next run moves it.
  const { ringMaxAgeMs, inFlightMs } = keys.times
  const settledAt = performance.now() + (moving.length > 0 ? ringMaxAgeMs + inFlightMs : 0)

  const budget = createRowBudget(request.rowsPerSecond, {
    now: () => performance.now(),
    wait: (ms) => pause(ms, control.signal),
  })
  const progress = createProgress(deps, rows, control.onProgress)
  const seen = new Set<string>()
  let damaged = new Map<string, DamagedValue>()
  let stuck = 0
  let orphans = 0
  let closable: ReadonlySet<string> = new Set()
  let old = await countOld(keys, moving, purposes, database)
  while (!isPaused()) {
    damaged = new Map()
    stuck = 0
    progress.startPass(old)
    for (const target of moving) {
      const oldKeys = old.keysOf(target)
      for (const id of oldKeys) seen.add(id)
      if (oldKeys.length === 0) continue
      const moved = moveValues(target, {
        database,
        oldKeys,
        budget,
        isPaused,
        onMoved: progress.add,
        onDamaged(values, count) {
          for (const value of values) damaged.set(Object.values(value).join(' '), value)
          stuck += count
        },
        onOrphans(count) {
          orphans += count
        },
      })
      // Its new key was retired in its turn: the next pass moves what is left to the key after it.
      await moved.catch((error) => {
        if (!isKeyRefused(error, keys.referencing)) throw error
        return keys.refresh()
      })
    }
    old = await countOld(keys, moving, purposes, database)
    if (old.total > stuck) continue
    // What was read before it was moved is opened by then: the old keys are closed next.
    const openedMs = seen.size > 0 ? inFlightMs : 0
    await pause(Math.max(settledAt - performance.now(), openedMs), control.signal)
    closable = await findClosable(deps, purposes)
    old = await countOld(keys, moving, purposes, database)
    if (old.total <= stuck) break
  }
  await progress.flush()
  const paused = isPaused()
  const retired = paused
    ? []
    : await retireKeys(deps, operator, {
        purposes,
        old,
        isDamaged: stuck > 0,
        progress,
        seen,
        closable,
        keepsKeys: request.keepsKeys === true,
      })
  if (retired.length > 0 && purposes.some(isIndexPurpose)) await dropKeyPartitions(deps, DROP_ATTEMPTS)
  return {
    done: !paused && stuck === 0,
    paused,
    ...progress.result(old),
    active: Object.fromEntries(purposes.map((purpose) => [purpose, keys.ring.active(purpose).id])),
    retired,
    damaged: [...damaged.values()],
    orphans,
    resumed,
  }
}
