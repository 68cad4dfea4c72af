import { lapseApprovals } from '../access/approvals/approval-store.ts'
import type { AuditCaller, AuditEvent, NewAuditEvent } from '../audit/event/audit-event.ts'
import { insertEvents } from '../audit/event/audit-store.ts'
import type { Database } from '../database/database.ts'
import type { ErasureLedger } from '../records/change/erasure-ledger.ts'
import { eraseRecordRow } from '../records/change/record-change-store.ts'
import { holdRecords, lockRecord } from '../records/record/record-store.ts'
import { kindNameOf, type Token } from '../records/record/token.ts'
import type { Takeaway } from './takeaways.ts'

/** A record that was erased and that a backup has brought back. */
export interface ErasedRecord extends Takeaway {
  token: Token
  site: string
}

export interface EraseAgainDeps {
  database: Database
  erasures: Pick<ErasureLedger, 'write' | 'finish'>
  newAuditEvent: NewAuditEvent
  now: () => Date
}

/** How many are erased in one transaction. */
const AT_A_TIME = 100

/**
 * Erases records again, each with an event of its own that names the first erasure. A row that is marked as erased may
 * still hold something.
 *
 * @param onErased gets how many records were looked at in all, after each transaction
 */
export async function eraseAgain(
  { database, erasures, newAuditEvent, now }: EraseAgainDeps,
  operator: AuditCaller,
  records: readonly ErasedRecord[],
  onErased: (done: number) => void,
): Promise<void> {
  for (let at = 0; at < records.length; at += AT_A_TIME) {
    const some = records.slice(at, at + AT_A_TIME)
    await database.transaction(async (tx) => {
      const events: AuditEvent[] = []
      await holdRecords(
        tx,
        some.map(({ token }) => token),
      )
      for (const { token, site, event } of some) {
        const record = await lockRecord(tx, site, token)
        if (record === undefined) continue
        const at = now()
        // The ledger knows it from now on, whether it lies outside or not.
        const place = { token, site, kind: kindNameOf(token) }
        await erasures.write(tx, [place], { reason: 'request', at })
        await eraseRecordRow(tx, token, at)
        await erasures.finish(tx, [record === 'erased' ? place : record], at)
        await lapseApprovals(tx, token, now())
        const kind = kindNameOf(token)
        const policy_version = record === 'erased' ? undefined : record.policyVersion
        const facts = { type: 'record.erase', outcome: 'success', caller: operator, site, token, kind } as const
        events.push(newAuditEvent({ ...facts, policy_version, replay_of: event }))
      }
      await insertEvents(tx, events)
    })
    onErased(at + some.length)
  }
}
