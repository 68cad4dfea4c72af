import { type Alert, createNewsAlert } from '../alert.ts'
import type { Database, Queryable, Transaction } from '../database/database.ts'
import type { AuditEvent, AuditFacts, NewAuditEvent } from './audit-event.ts'
import { insertEvents } from './audit-store.ts'
import { insertUnvouched, selectUnvouched, takeUnvouched, type UnvouchedEvent } from './unvouched-store.ts'

/** What is done without keys too, since it only takes access away, or is on its way to the keys. */
export const vouchedTypes = ['client.revoke', 'staff.disable', 'partner.end', 'root-key.share'] as const
export type VouchedType = (typeof vouchedTypes)[number]

/** Whether the state is there that an event of that type describes. */
export type FindState = (db: Queryable, type: VouchedType, subject: string) => Promise<boolean>

/** Writes the event of something that is done without keys too; where there are none, a server with keys vouches for it later. */
export async function insertVouchable(db: Queryable | Transaction, event: AuditEvent): Promise<void> {
  if (event.book?.isSealed === true) await insertUnvouched(db, event)
  else await insertEvents(db, [event])
}

export interface VouchDeps {
  database: Database
  newAuditEvent: NewAuditEvent
  findState: FindState
  alert: Alert
}

/** Puts an event of its own into the log for each that was left without a MAC, if it finds the state that it describes. */
export function createVouching({ database, newAuditEvent, findState, alert }: VouchDeps): () => Promise<void> {
  const tell = createNewsAlert(alert)

  async function vouchFor(event: UnvouchedEvent): Promise<void> {
    const facts = readFacts(event.body)
    await database.transaction(async (tx) => {
      if (facts === undefined || !(await findState(tx, facts.type, facts.subject))) {
        tell(event.id, 'audit-forged', { event: event.id })
        return
      }
      if (await takeUnvouched(tx, event.id)) await insertEvents(tx, [newAuditEvent({ ...facts, vouched: true })])
    })
  }

  return async () => {
    for (const event of await selectUnvouched(database)) await vouchFor(event)
  }
}

/** What of it the vault repeats. Anything else may have been added by somebody. */
function readFacts(body: string): (AuditFacts & { type: VouchedType; subject: string }) | undefined {
  try {
    const { type, outcome, caller, subject, site, partner, count, at } = JSON.parse(body)
    if (!vouchedTypes.includes(type) || typeof subject !== 'string') return undefined
    // When it was done; the event's own time is that of the vouching.
    return { type, outcome, caller, subject, site, partner, count, since: at }
  } catch {
    return undefined
  }
}
