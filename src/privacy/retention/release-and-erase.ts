import { restrictedSubject } from '../../access/ledger/ledger-subject.ts'
import type { AuditCaller } from '../../audit/event/audit-event.ts'
import { findErasures } from '../erasure/erasure-store.ts'
import { type FinishErasuresDeps, finishAll } from '../erasure/finish-erasures.ts'
import { hashOfToken } from '../erasure/ledger-line.ts'
import { type HoldDeps, type ReleasedHolds, releaseHold } from './holds.ts'
import { eraseIfDue, type RunRetentionDeps } from './run-retention.ts'

export interface ReleasedAndErased extends ReleasedHolds {
  /** Whether the release has erased the record: that was ordered or due while the hold kept it. */
  isErased: boolean
}

type ReleaseAndEraseDeps = HoldDeps & RunRetentionDeps & FinishErasuresDeps

/** Releases holds, and erases the record at once if that was postponed and nothing else keeps it. */
export async function releaseAndErase(
  deps: ReleaseAndEraseDeps,
  operator: AuditCaller,
  name: string,
): Promise<ReleasedAndErased> {
  const released = await releaseHold(deps, operator, name)
  if (released.isHeld) return { ...released, isErased: false }
  const { token } = released
  const rows = await findErasures(deps.database, [hashOfToken(token)])
  const undone = rows.filter(({ done_at }) => done_at === null)
  const { erased } = await finishAll(deps, undone, operator)
  const isErased = erased.length > 0 || (await eraseIfDue(deps, operator, token))
  if (isErased) await liftRestriction(deps, token)
  return { ...released, isErased }
}

/** What is erased needs no restriction any more. */
async function liftRestriction({ database, ledger }: HoldDeps, token: string): Promise<void> {
  await database.transaction(async (tx) => {
    await ledger.hold(tx)
    const subject = restrictedSubject(token)
    await ledger.record(tx, (state) => (state.has(subject) ? [{ subject, state: null }] : []))
  })
}
