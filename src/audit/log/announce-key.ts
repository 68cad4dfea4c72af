import type { Queryable } from '../../database/database.ts'
import type { NewAuditEvent } from '../event/audit-event.ts'
import { insertEvents } from '../event/audit-store.ts'
import { differingColumns, membersOf } from '../event/event-columns.ts'
import type { EventRow } from '../event/event-row-store.ts'
import { hashLeaf } from '../formats/merkle.ts'
import { type AnnouncedKey, findAnnouncements, type PlacedEvent } from './log-store.ts'

/** Whether the vault made an event that waits for its leaf. */
type IsOfVault = (event: PlacedEvent, db: Queryable) => Promise<boolean>

/**
 * Says in the log which key signs it, unless an event of the vault that is still there says so.
 *
 * @param isOfVault left out, what waits for its leaf does not count
 */
export async function announceKey(
  db: Queryable,
  newAuditEvent: NewAuditEvent,
  key: AnnouncedKey,
  isOfVault: IsOfVault = async () => false,
): Promise<void> {
  for (const row of await findAnnouncements(db, key)) if (await isAnnouncement(row, db, isOfVault)) return
  await insertEvents(db, [
    newAuditEvent({ type: 'audit.key', outcome: 'success', subject: key.id, public_key: key.publicKey }),
  ])
}

async function isAnnouncement(row: EventRow, db: Queryable, isOfVault: IsOfVault): Promise<boolean> {
  const { id: event, position, body, mac, leaf } = row
  const members = membersOf(body)
  if (members === undefined || differingColumns(row, members).length > 0) return false
  const hash = hashLeaf(Buffer.from(body))
  return leaf?.equals(hash) ?? isOfVault({ event, position, hash, body, mac, isSequenced: false }, db)
}
