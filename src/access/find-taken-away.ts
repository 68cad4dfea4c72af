import type { VerifyEventMac } from '../audit/event-authenticity.ts'
import { EVENT_DOMAIN } from '../audit/event-book.ts'
import { EVENT_ROW, type EventRow } from '../audit/event-row-store.ts'
import { hashLeaf } from '../audit/merkle.ts'
import type { FindState, Unvouched, VouchedType } from '../audit/vouch.ts'
import type { Queryable, Statement } from '../database/database.ts'

/** Each takes the subject of an event. */
const FIND: Partial<Record<VouchedType, Statement>> = {
  'client.revoke': {
    name: 'find-revoked-client',
    text: 'SELECT FROM clients WHERE id = $1 AND revoked_at IS NOT NULL',
  },
  'partner.end': {
    name: 'find-ended-partner',
    text: 'SELECT FROM partners WHERE id = $1 AND ended_at IS NOT NULL',
  },
  'staff.disable': {
    name: 'find-disabled-staff',
    text: 'SELECT FROM disabled_staff WHERE id = $1',
  },
  // Shares are brought to a vault that has no keys yet.
  'root-key.share': {
    name: 'find-shared-root-key',
    text: "SELECT FROM root_keys WHERE id = $1 AND provider = 'custodian-shares'",
  },
}

const SELECT_ENABLED: Statement = {
  name: 'select-staff-enabled-later',
  text: `SELECT ${EVENT_ROW} FROM audit_events e
         WHERE position > $2 AND type = 'staff.enable' AND mac IS NOT NULL AND strpos(body, $1) > 0
         ORDER BY position LIMIT 100`,
}

/** Whether a client is revoked, a person disabled, a contract ended, or a root key one of custodians. A look leaves no state. */
export function createFindTakenAway(verifyMac: VerifyEventMac): FindState {
  /** Somebody may have been let in again before a server with keys was there: the vault itself says so. */
  async function wasEnabled(db: Queryable, { subject, position }: Unvouched): Promise<boolean> {
    const rows = await db.query<EventRow>(SELECT_ENABLED, [`"subject":${JSON.stringify(subject)}`, position])
    for (const { id, body, mac, leaf } of rows) {
      const isOurs =
        leaf === null ? await verifyMac(EVENT_DOMAIN, body, mac!) : hashLeaf(Buffer.from(body)).equals(leaf)
      const said = isOurs ? (JSON.parse(body) as { id: string; type: string; subject?: string }) : undefined
      if (said?.id === id && said.type === 'staff.enable' && said.subject === subject) return true
    }
    return false
  }

  return async (db, event) => {
    const statement = FIND[event.type]
    if (statement === undefined || (await db.query(statement, [event.subject])).length > 0) return true
    return event.type === 'staff.disable' && wasEnabled(db, event)
  }
}
