import { lapseApprovals } from '../access/approvals/approval-store.ts'
import type { AuditCaller, AuditEvent, NewAuditEvent } from '../audit/event/audit-event.ts'
import { insertEvents } from '../audit/event/audit-store.ts'
import type { Database } from '../database/database.ts'
import { eraseRecordRow } from '../records/change/record-change-store.ts'
import { lockRecord } from '../records/record/record-store.ts'
import { kindNameOf, type Token } from '../records/record/token.ts'
import type { Takeaway } from './takeaways.ts'

/** A record that was erased and that a backup has brought back. */
export interface ErasedRecord extends Takeaway {
  token: Token
  site: string
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
  { database, newAuditEvent, now }: { database: Database; newAuditEvent: NewAuditEvent; now: () => Date },
  operator: AuditCaller,
  records: readonly ErasedRecord[],
  onErased: (done: number) => void,
): Promise<void> {
  // In one order, so that two of these commands do not wait for one another.
  const ordered = records.toSorted((one, other) => (one.token < other.token ? -1 : 1))
  for (let at = 0; at < ordered.length; at += AT_A_TIME) {
    const some = ordered.slice(at, at + AT_A_TIME)
    await database.transaction(async (tx) => {
      const events: AuditEvent[] = []
      for (const { token, site, event } of some) {
        const record = await lockRecord(tx, site, token)
        if (record === undefined) continue
        await eraseRecordRow(tx, token, now())
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
