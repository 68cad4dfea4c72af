import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import type { AuditCaller, AuditFacts } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { RecordDeps, RequestFacts } from '../dependencies.ts'
import type { StoredRecord } from '../record/record.ts'
import { holdRecords, lockRecord } from '../record/record-store.ts'
import type { ErasedPlace, ErasureReason } from './erasure-ledger.ts'

/** Who erases records, and why. */
export interface ErasureOrder {
  by: AuditCaller
  reason: ErasureReason
  /** Asked under the lock: a record that is not due any more is left alone. Left out: every one is. */
  isDue?: (record: StoredRecord) => boolean | Promise<boolean>
  /** What else the events say. */
  facts?: Pick<AuditFacts, 'request_id' | 'purpose' | 'ticket'>
}

/** The order of a caller of the API. */
export function orderOf(
  caller: Caller,
  request: RequestFacts,
  facts: Pick<AuditFacts, 'purpose' | 'ticket'>,
): ErasureOrder {
  return {
    by: auditCaller(caller, request),
    reason: 'request',
    facts: { ...facts, request_id: request.requestId },
  }
}

/** Which of the records are to be erased. */
export interface OrderedErasures {
  /** Those that may be erased now. */
  free: Pick<ErasedPlace, 'token' | 'site'>[]
  /** Those that a hold keeps. */
  held: string[]
}

/**
 * Writes ahead that records are to be erased: a line of the ledger and an event for each that is there, in one
 * transaction, and then the line outside. Nothing is removed here. What a hold keeps is written too, and erased once the
 * hold is released; its line stays inside until then. Retention writes nothing of what is held: it comes again.
 *
 * @throws {Problem} audit-unavailable, sealed
 */
export async function orderErasures(
  { database, erasures, newAuditEvent, now }: Pick<RecordDeps, 'database' | 'erasures' | 'newAuditEvent' | 'now'>,
  records: readonly Pick<ErasedPlace, 'token' | 'site'>[],
  { by, reason, isDue = () => true, facts }: ErasureOrder,
): Promise<OrderedErasures> {
  const ordered = await database.transaction(async (tx) => {
    const at = now()
    const found: (StoredRecord & { isHeld: boolean })[] = []
    await holdRecords(
      tx,
      records.map(({ token }) => token),
    )
    for (const { token, site } of records) {
      const record = await lockRecord(tx, site, token)
      if (record === undefined || record === 'erased' || !(await isDue(record))) continue
      found.push({ ...record, isHeld: await erasures.isHeld(tx, token) })
    }
    const listed = reason === 'retention' ? found.filter(({ isHeld }) => !isHeld) : found
    const written = await erasures.write(tx, listed, { reason, at })
    const news = listed.filter(({ token }) => written.has(token))
    const events = news.map(({ token, site, kind, policyVersion, isHeld }) => {
      const said = { type: 'record.erase-intent', outcome: 'success', caller: by, site, token, kind } as const
      const code = isHeld ? 'erasure-postponed' : undefined
      return newAuditEvent({ ...said, policy_version: policyVersion, code, reason, ...facts })
    })
    await insertEvents(tx, events)
    return found
  })
  const free = ordered.filter(({ isHeld }) => !isHeld)
  if (free.length > 0) await erasures.file(free.map(({ token }) => token))
  const held = ordered.filter(({ isHeld }) => isHeld).map(({ token }) => token)
  if (held.length > 0 && reason !== 'retention') await erasures.restrict(held)
  return { free, held }
}
