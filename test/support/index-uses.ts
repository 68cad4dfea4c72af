import { appendFileSync } from 'node:fs'
import pg from 'pg'

/** A file that takes what the indexes of every database of a run were used for, one line of JSON for each database. */
const FILE = process.env.INDEX_USES_FILE

/** How often an index was used, and how large it is; partitions of an index count as the index. */
export interface IndexUse {
  index: string
  scans: number
  bytes: number
  /** The rows of its table, as PostgreSQL estimates them. */
  rows: number
}

/** What PostgreSQL has counted is complete only when the sessions that counted are over. */
const END_OTHERS =
  'SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'
const USES = `
  SELECT coalesce(pg_partition_root(i.indexrelid), i.indexrelid)::regclass::text AS index, sum(i.idx_scan)::float8 AS scans,
         sum(pg_relation_size(i.indexrelid))::float8 AS bytes, sum(t.n_live_tup)::float8 AS rows
  FROM pg_stat_user_indexes i JOIN pg_stat_user_tables t USING (relid) WHERE i.schemaname = 'public' GROUP BY 1`

/** Notes them if the run was started with INDEX_USES_FILE. The database is not used afterwards. */
export async function noteIndexUses(superuserUrl: string): Promise<void> {
  if (FILE === undefined) return
  const client = new pg.Client({ connectionString: superuserUrl })
  await client.connect()
  try {
    await client.query(END_OTHERS)
    const { rows } = await client.query<IndexUse>(USES)
    appendFileSync(FILE, `${JSON.stringify(rows)}\n`)
  } finally {
    await client.end()
  }
}
