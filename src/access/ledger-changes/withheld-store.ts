import type { Queryable, Statement } from '../../database/database.ts'
import { LEDGER_HEAD } from '../ledger/access-ledger-store.ts'

/** Callers without access by the tables, and the head of the ledger at that moment. */
export interface Withheld {
  version: string
  ledger: string | null
  revokedClients: string[]
  endedPartners: string[]
  disabled: string[]
  suspended: string[]
}

const SELECT: Statement = {
  name: 'select-withheld',
  text: `SELECT
    (SELECT version FROM access_version) AS version,
    (${LEDGER_HEAD}) AS ledger,
    ARRAY(SELECT id FROM clients WHERE revoked_at IS NOT NULL) AS "revokedClients",
    ARRAY(SELECT id FROM partners WHERE ended_at IS NOT NULL) AS "endedPartners",
    ARRAY(SELECT id FROM disabled_staff) AS disabled,
    ARRAY(SELECT caller FROM suspended_callers) AS suspended`,
}

export async function selectWithheld(db: Queryable): Promise<Withheld> {
  const [row] = await db.query<Withheld>(SELECT)
  if (row === undefined) throw new Error('a statement without a table must answer with one row')
  return row
}
