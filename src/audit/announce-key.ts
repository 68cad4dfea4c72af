import type { Queryable } from '../database/database.ts'
import type { NewAuditEvent } from './audit-event.ts'
import { insertEvents } from './audit-store.ts'
import { isAnnounced } from './log-store.ts'

/** A key that signs the log, or has signed it: what `audit.key` says. */
export interface AnnouncedKey {
  id: string
  /** The raw 32 bytes of the Ed25519 public key, base64. */
  publicKey: string
}

/** Says in the log which key signs it, unless an event that is still there says so. */
export async function announceKey(
  db: Queryable,
  newAuditEvent: NewAuditEvent,
  { id, publicKey }: AnnouncedKey,
): Promise<void> {
  if (await isAnnounced(db, id, publicKey)) return
  await insertEvents(db, [newAuditEvent({ type: 'audit.key', outcome: 'success', subject: id, public_key: publicKey })])
}
