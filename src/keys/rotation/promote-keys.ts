import type { AuditCaller } from '../../audit/event/audit-event.ts'
import type { Queryable } from '../../database/database.ts'
import { isIndexPurpose, type Key, type KeyPurpose } from '../key/key.ts'
import { changeRegistry } from '../registry/registry.ts'
import { countOld } from './old-values.ts'
import { pause } from './pause.ts'
import { type RotateDeps, type RotationControl, type RotationRequest, RUNNER } from './rotation.ts'
import { beginRotation, type RotationRow, selectRotations } from './rotation-store.ts'

/**
 * Notes that a rotation begins, and in the same transaction makes a pre-active key for every purpose that needs one.
 * None is made if an earlier rotation has not ended, or if old keys still encrypt something, such as a compromised one:
 * then that is moved first. Values that did not open the last time are no obstacle. One is made after all if the key
 * that an earlier rotation had made was lost before it was promoted.
 */
export async function startRotation(
  deps: RotateDeps,
  operator: AuditCaller,
  { purposes, rowsPerSecond, detached = false, makesKeys = true, keepsKeys = false }: RotationRequest,
): Promise<{ resumed: boolean; rows: RotationRow[] }> {
  const { database, keys, targets, now } = deps
  await keys.refresh()
  const earlier = new Map((await selectRotations(database)).map((row) => [row.purpose, row]))
  const moving = targets.filter((target) => target.purposes.some((purpose) => purposes.includes(purpose)))
  const old = await countOld(keys, moving, purposes, database)
  const activatedAt = (purpose: KeyPurpose) =>
    keys.verified.keys.find((key) => key.purpose === purpose && key.state === 'active')?.activated_at ?? null
  const isUnfinished = (purpose: KeyPurpose) => {
    const row = earlier.get(purpose)
    return row !== undefined && row.begun_at !== null && row.finished_at === null
  }
  const goesOn = (purpose: KeyPurpose) =>
    isUnfinished(purpose) || (old.byPurpose.get(purpose) ?? 0) > (earlier.get(purpose)?.damaged ?? 0)
  /** Its keys were made when it began: one that has been active since before then is the one to be replaced. */
  const hasLostKey = (purpose: KeyPurpose) =>
    isUnfinished(purpose) && Number(activatedAt(purpose)) < Number(earlier.get(purpose)?.begun_at)
  const needKeys = purposes.filter(
    (purpose) => makesKeys && preActive(deps, purpose) === undefined && (hasLostKey(purpose) || !goesOn(purpose)),
  )
  const startedAt = now()
  const begin = async (tx: Queryable) => {
    for (const purpose of purposes) {
      const replaces = needKeys.includes(purpose) || preActive(deps, purpose) !== undefined
      const begunAt = replaces ? startedAt : (activatedAt(purpose) ?? startedAt)
      const by = { operator: operator.id, runner: RUNNER, now: startedAt, begunAt }
      await beginRotation(tx, { ...by, purposes: [purpose], detached, rowsPerSecond, keepsKeys })
    }
  }
  if (needKeys.length === 0) await database.transaction(begin)
  else {
    await changeRegistry(deps, operator, async (change) => {
      for (const purpose of needKeys) await change.create(purpose)
      await begin(change.tx)
    })
  }
  const rows = (await selectRotations(database)).filter(({ purpose }) => purposes.includes(purpose))
  return { resumed: purposes.some(goesOn), rows }
}

/** Promotes the pre-active keys of these purposes, once every server can know them. */
export async function promoteKeys(
  deps: RotateDeps,
  operator: AuditCaller,
  purposes: readonly KeyPurpose[],
  { signal, onWait }: RotationControl,
): Promise<void> {
  const waiting = purposes.map((purpose) => preActive(deps, purpose)).filter((key) => key !== undefined)
  if (waiting.length === 0 || signal.aborted) return
  onWait?.('until every server knows the new keys')
  // A server that has not read the registry for so long stops sealing until it has. What one has hashed under the old index
  // key alone by then commits before the new key is the only one.
  const { ringMaxAgeMs, inFlightMs } = deps.keys.times
  await pause(ringMaxAgeMs + (purposes.some(isIndexPurpose) ? inFlightMs : 0), signal)
  if (signal.aborted) return
  await changeRegistry(deps, operator, async (change) => {
    for (const { id } of waiting) {
      if (change.rows.find((row) => row.id === id)?.state === 'pre-active') await change.transition(id, 'active')
    }
  })
}

function preActive({ keys }: Pick<RotateDeps, 'keys'>, purpose: KeyPurpose): Key | undefined {
  return keys.ring.all(purpose).find(({ state }) => state === 'pre-active')
}
