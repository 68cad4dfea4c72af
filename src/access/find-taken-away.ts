import type { FindState } from '../audit/vouch.ts'
import type { Queryable, Statement } from '../database/database.ts'

const FIND: Record<string, Statement> = {
  'client.revoke': {
    name: 'find-revoked-client',
    text: 'SELECT FROM clients WHERE id = $1 AND revoked_at IS NOT NULL',
  },
  'staff.disable': { name: 'find-disabled-staff', text: 'SELECT FROM disabled_staff WHERE id = $1' },
  'partner.end': {
    name: 'find-ended-partner',
    text: 'SELECT FROM partners WHERE id = $1 AND ended_at IS NOT NULL',
  },
  'root-key.share': {
    name: 'find-shared-root-key',
    text: "SELECT FROM root_keys WHERE id = $1 AND provider = 'custodian-shares'",
  },
}

/** Whether a client is revoked, a person disabled, a contract ended, or a root key one of custodians. */
export const findTakenAway: FindState = async (db: Queryable, type, subject) => {
  const statement = FIND[type]
  return statement !== undefined && (await db.query(statement, [subject])).length > 0
}
