import type { AuditCaller, NewAuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { Database, Queryable } from '../../database/database.ts'
import type { AccessLedger } from '../ledger/access-ledger.ts'
import { stateOf } from '../ledger/access-macs.ts'
import { type AppliedSet, type SetMacs, setText } from './applied-set.ts'
import { insertSet, lockSet, selectNewestSet } from './applied-set-store.ts'
import type { CurrentSet, InForce } from './current-set.ts'

export interface ApplySetDeps<Set extends InForce> {
  database: Database
  current: CurrentSet<Set>
  macs: SetMacs
  ledger: AccessLedger
  newAuditEvent: NewAuditEvent
  now: () => Date
}

/** A file in its canonical form, and how many members its set has. */
export interface NewSet {
  text: string
  count: number
}

export interface Applied {
  revision: number
  changed: boolean
}

/**
 * Puts a set in the place of the one in force, as its next revision, together with the event that says so. Every server
 * goes by it from its next request on. What is in force already is not written again.
 *
 * @param textOf the canonical form of what is in force
 * @param check refuses, in the transaction, what does not fit the rest of the database
 */
export async function applySet<Set extends InForce>(
  { database, current, macs, ledger, newAuditEvent, now }: ApplySetDeps<Set>,
  applied: AppliedSet,
  operator: AuditCaller,
  { text, count }: NewSet,
  textOf: (set: Set) => string,
  check: (tx: Queryable) => Promise<void> = async () => {},
): Promise<Applied> {
  const result = await database.transaction(async (tx) => {
    await macs.hold(tx)
    await lockSet(tx, applied)
    await check(tx)
    const newest = (await selectNewestSet(tx, applied))?.revision ?? 0
    const inForce = await current.refresh(tx)
    if (!inForce.distrusted && textOf(inForce) === text) return { revision: newest, changed: false }
    const revision = newest + 1
    const set = { revision, text }
    await insertSet(tx, applied, { ...set, mac: macs.of(set) }, now())
    await ledger.record(tx, [{ subject: applied.subject, state: stateOf(setText(applied, set)) }])
    const subject = `${applied.subject}:${revision}`
    await insertEvents(tx, [
      newAuditEvent({ type: applied.event, outcome: 'success', caller: operator, subject, count }),
    ])
    return { revision, changed: true }
  })
  await current.at(result.revision)
  return result
}
