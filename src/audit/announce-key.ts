import type { Queryable } from '../database/database.ts'
import type { NewAuditEvent } from './audit-event.ts'
import { insertEvents } from './audit-store.ts'
import { type AnnouncedKey, isAnnounced } from './log-store.ts'

/** Says in the log which key signs it, unless an event that is still there says so. */
export async function announceKey(db: Queryable, newAuditEvent: NewAuditEvent, key: AnnouncedKey): Promise<void> {
  if (await isAnnounced(db, key)) return
  await insertEvents(db, [
    newAuditEvent({ type: 'audit.key', outcome: 'success', subject: key.id, public_key: key.publicKey }),
  ])
}
