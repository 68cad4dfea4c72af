import { textArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'

/** A transaction of a session, by what PostgreSQL calls it until it ends. */
export interface OpenTransaction {
  /** `virtualtransaction` of pg_locks. */
  id: string
  pid: number
  role: string
  /** The next three are null for a session of another role, unless this one is a member of pg_read_all_stats. */
  application: string | null
  state: string | null
  since: Date | null
}

/** A transaction that was prepared for a commit in two phases, and waits for the second one. */
export interface PreparedTransaction {
  gid: string
  role: string
  since: Date
}

/**
 * Transactions of this database that may have looked at the keys before this one was retired. Its row was written last by
 * what retired it, or later.
 *
 * A transaction that has written may have done so under an older snapshot than it has now, so all of them count. What a
 * session of another role has read is hidden without pg_read_all_stats; then it counts as well. The locks say of
 * every session that it is in a transaction, and whether that has written. Servers of PostgreSQL's own have no role.
 */
const SELECT_OLDER: Statement = {
  name: 'select-older-transactions',
  text: `SELECT l.virtualtransaction AS id, l.pid, a.usename::text AS role, nullif(a.application_name, '') AS application,
           a.state, a.xact_start AS since
         FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
         WHERE l.locktype = 'virtualxid' AND l.virtualxid = l.virtualtransaction AND l.granted AND l.pid <> pg_backend_pid()
           AND a.datname = current_database() AND a.usesysid IS NOT NULL
           AND (a.query = '<insufficient privilege>'
             OR age(a.backend_xmin) >= (SELECT age(xmin) FROM keys WHERE id = $1)
             OR EXISTS (SELECT FROM pg_locks x WHERE x.locktype = 'transactionid' AND x.mode = 'ExclusiveLock'
                        AND x.virtualtransaction = l.virtualtransaction))
         ORDER BY a.xact_start, l.pid`,
}
const SELECT_STILL_OPEN: Statement = {
  name: 'select-still-open-transactions',
  text: `SELECT virtualtransaction AS id FROM pg_locks
         WHERE locktype = 'virtualxid' AND virtualxid = virtualtransaction AND virtualtransaction = ANY($1::text[])`,
}
const SELECT_PREPARED: Statement = {
  name: 'select-prepared-transactions',
  text: `SELECT gid, owner::text AS role, prepared AS since FROM pg_prepared_xacts
         WHERE database = current_database() ORDER BY prepared, gid`,
}

/** The transactions that may still write under a key that was retired; later ones may not. */
export function selectOlderTransactions(db: Queryable, keyId: string): Promise<OpenTransaction[]> {
  return db.query<OpenTransaction>(SELECT_OLDER, [keyId])
}

/** Those of them that have not ended. */
export async function selectStillOpen(
  db: Queryable,
  transactions: readonly OpenTransaction[],
): Promise<OpenTransaction[]> {
  const rows = await db.query<{ id: string }>(SELECT_STILL_OPEN, [textArray(transactions.map(({ id }) => id))])
  const open = new Set(rows.map(({ id }) => id))
  return transactions.filter(({ id }) => open.has(id))
}

/**
 * The prepared transactions of this database, however old: a session that has been waited for may prepare its own. Ask after
 * the sessions, for a transaction that is being prepared is never in neither.
 */
export function selectPrepared(db: Queryable): Promise<PreparedTransaction[]> {
  return db.query<PreparedTransaction>(SELECT_PREPARED)
}
