import { FIND_DIFFERING } from '../audit/event/audit-store.ts'
import type { Database } from '../database/database.ts'
import { LOOK_UP } from './search/look-up-store.ts'
import { FIRST_COMMITS } from './search/search-store.ts'
import { FIRST_INSERTS } from './tokenize/tokenize-store.ts'

/** PostgreSQL plans a prepared statement five times for its values, and then keeps a plan for any. */
const UNTIL_KEPT = 6
/** As many as calls that begin together use at once. */
const SESSIONS = 4

/**
 * Opens sessions and runs in each the statements of the calls that shops wait for, about no record, until PostgreSQL keeps their plans.
 * Nothing is written. Otherwise the first calls wait for it: a new session reads the catalog and plans, which takes longer than a call.
 */
export async function prepareSessions(database: Database): Promise<void> {
  const prepare = () =>
    // Each transaction has a session of its own.
    database.transaction(async (tx) => {
      for (let times = 0; times < UNTIL_KEPT; times++) {
        for (const statement of [LOOK_UP, ...FIRST_INSERTS, ...FIRST_COMMITS, FIND_DIFFERING]) {
          await tx.query(statement, statement.noValues)
        }
      }
    })
  await Promise.all(Array.from({ length: SESSIONS }, prepare))
}
