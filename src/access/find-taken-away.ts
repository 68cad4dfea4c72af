import type { FindState, VouchedType } from '../audit/vouch.ts'
import type { Statement } from '../database/database.ts'

/** Each takes the subject of an event and its position. */
const FIND: Partial<Record<VouchedType, Statement>> = {
  'client.revoke': {
    name: 'find-revoked-client',
    text: 'SELECT FROM clients WHERE id = $1 AND revoked_at IS NOT NULL AND $2::bigint IS NOT NULL',
  },
  'partner.end': {
    name: 'find-ended-partner',
    text: 'SELECT FROM partners WHERE id = $1 AND ended_at IS NOT NULL AND $2::bigint IS NOT NULL',
  },
  // Somebody may have been let in again before a server with keys was there.
  'staff.disable': {
    name: 'find-disabled-staff',
    text: `SELECT FROM disabled_staff WHERE id = $1 UNION ALL
           SELECT FROM audit_events
           WHERE position > $2 AND type = 'staff.enable' AND mac IS NOT NULL AND body::json ->> 'subject' = $1`,
  },
  // Shares are brought to a vault that has no keys yet.
  'root-key.share': {
    name: 'find-shared-root-key',
    text: "SELECT FROM root_keys WHERE id = $1 AND provider = 'custodian-shares' AND $2::bigint IS NOT NULL",
  },
}

/** Whether a client is revoked, a person disabled, a contract ended, or a root key one of custodians. A look leaves no state. */
export const findTakenAway: FindState = async (db, { type, subject, position }) => {
  const statement = FIND[type]
  return statement === undefined || (await db.query(statement, [subject, position])).length > 0
}
