import type { AuditCaller } from '../../audit/audit-event.ts'
import type { Key, KeyPurpose } from '../key.ts'
import { RING_MAX_AGE_MS } from '../keys.ts'
import { changeRegistry } from '../registry.ts'
import { countOld } from './old-values.ts'
import { pause } from './pause.ts'
import { type RotateDeps, type RotationControl, type RotationRequest, RUNNER } from './rotation.ts'
import { beginRotation, type RotationRow, selectRotations } from './rotation-store.ts'

/** What a statement that is on its way gets to commit. */
export const IN_FLIGHT_MS = 2_000

/**
 * Notes that a rotation begins, and in the same transaction makes a pre-active key for every purpose that needs one. None
 * is made where an earlier rotation has not ended, or where something still stands on old keys, such as on a compromised one:
 * then that is moved first. What did not open the last time does not stand in the way.
 */
export async function startRotation(
  deps: RotateDeps,
  operator: AuditCaller,
  { purposes, rowsPerSecond, detached = false }: RotationRequest,
): Promise<{ resumed: boolean; rows: RotationRow[] }> {
  const { database, keys, movables, now } = deps
  await keys.refresh()
  const earlier = new Map((await selectRotations(database)).map((row) => [row.purpose, row]))
  const old = await countOld(keys, movables, purposes, database)
  const goesOn = (purpose: KeyPurpose) => {
    const row = earlier.get(purpose)
    const isUnfinished = row !== undefined && row.begun_at !== null && row.finished_at === null
    return isUnfinished || (old.byPurpose.get(purpose) ?? 0) > (row?.damaged ?? 0)
  }
  const needKeys = purposes.filter((purpose) => !goesOn(purpose) && preActive(deps, purpose) === undefined)
  const rotation = { purposes, operator: operator.id, now: now(), detached, rowsPerSecond, runner: RUNNER }
  if (needKeys.length === 0) await beginRotation(database, rotation)
  else {
    await changeRegistry(deps, operator, async (change) => {
      for (const purpose of needKeys) await change.create(purpose)
      await beginRotation(change.tx, rotation)
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
  await pause(RING_MAX_AGE_MS + (purposes.includes('index') ? IN_FLIGHT_MS : 0), signal)
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
