import { createPublicKey } from 'node:crypto'
import type { Queryable } from '../database/database.ts'
import type { NewAuditEvent } from './audit-event.ts'
import { insertEvents } from './audit-store.ts'
import { isAnnounced } from './log-store.ts'
import { rawPublicKey } from './note.ts'
import type { LogKey } from './sequencer.ts'

/** Says in the log which key signs it, unless an event that is still there says so. */
export async function announceKey(db: Queryable, newAuditEvent: NewAuditEvent, { id, secret }: LogKey): Promise<void> {
  const publicKey = rawPublicKey(createPublicKey(secret)).toString('base64')
  if (await isAnnounced(db, id, publicKey)) return
  await insertEvents(db, [newAuditEvent({ type: 'audit.key', outcome: 'success', subject: id, public_key: publicKey })])
}
