import { lapseApprovals } from '../../access/approvals/approval-store.ts'
import type { AuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Transaction } from '../../database/database.ts'
import { storeUnderKeys } from '../../keys/ring/store-under-keys.ts'
import type { RecordDeps } from '../dependencies.ts'
import type { StoredRecord } from '../record/record.ts'
import { holdRecords, lockRecord } from '../record/record-store.ts'
import { kindNameOf } from '../record/token.ts'
import type { ErasedPlace } from './erasure-ledger.ts'
import type { ErasureOrder } from './order-erasures.ts'
import { eraseRecordRow } from './record-change-store.ts'

/** What became of records that were to be erased. */
export interface ErasedOrdered {
  erased: string[]
  /** Those that a hold keeps. */
  postponed: string[]
}

/**
 * Removes records whose erasure was ordered, in one transaction, with an event for each. Those that a hold keeps stay,
 * and so does their order. A record that is gone already counts as neither.
 *
 * @throws {Problem} audit-unavailable, sealed
 */
export function eraseOrdered(
  deps: EraseOrderedDeps & Pick<RecordDeps, 'database' | 'keys'>,
  records: readonly Pick<ErasedPlace, 'token' | 'site'>[],
  order: ErasureOrder,
): Promise<ErasedOrdered> {
  return storeUnderKeys(deps.keys, async () => {
    await deps.keys.ensureFresh()
    return deps.database.transaction((tx) => eraseOrderedIn(deps, tx, records, order))
  })
}

export type EraseOrderedDeps = Pick<RecordDeps, 'erasures' | 'newAuditEvent' | 'now'>

/** Does the same in a transaction that does more. */
export async function eraseOrderedIn(
  { erasures, newAuditEvent, now }: EraseOrderedDeps,
  tx: Transaction,
  records: readonly Pick<ErasedPlace, 'token' | 'site'>[],
  { by, reason, facts }: ErasureOrder,
): Promise<ErasedOrdered> {
  const at = now()
  const done: ErasedOrdered = { erased: [], postponed: [] }
  const gone: (ErasedPlace | StoredRecord)[] = []
  const events: AuditEvent[] = []
  await holdRecords(
    tx,
    records.map(({ token }) => token),
  )
  for (const { token, site } of records) {
    const record = await lockRecord(tx, site, token)
    if (record === undefined) continue
    if (record === 'erased') {
      gone.push({ token, site, kind: kindNameOf(token) })
      continue
    }
    if (await erasures.isHeld(tx, token)) {
      done.postponed.push(token)
      continue
    }
    await eraseRecordRow(tx, token, at)
    await lapseApprovals(tx, token, at)
    done.erased.push(token)
    gone.push(record)
    const { kind, policyVersion: policy_version } = record
    const said = { type: 'record.erase', outcome: 'success', caller: by, site, token, kind } as const
    events.push(newAuditEvent({ ...said, policy_version, reason, ...facts }))
  }
  await erasures.finish(tx, gone, at)
  await insertEvents(tx, events)
  return done
}
