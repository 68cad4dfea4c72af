import { query } from './cluster.ts'

/** The tables that a tokenization writes to, with all their partitions and indexes. */
export const RECORD_TABLES = ['records', 'search_terms', 'audit_events', 'audit_leaves', 'audit_subtrees'] as const

const SIZE = `SELECT coalesce(sum(pg_total_relation_size(relid)), 0)::float8 AS bytes
  FROM unnest($1::text[]) AS t (name),
       LATERAL (SELECT relid FROM pg_partition_tree(name::regclass) UNION SELECT name::regclass) AS parts (relid)`

/** What tables take on the disk, with their partitions, their indexes and what is stored beside them. */
export async function bytesOf(superuserUrl: string, tables: readonly string[]): Promise<number> {
  const [row] = await query<{ bytes: number }>(superuserUrl, SIZE, [tables])
  return row!.bytes
}

/** How much write-ahead log the cluster has written since it was made. */
export async function walBytes(superuserUrl: string): Promise<number> {
  const text = `SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::float8 AS bytes`
  const [row] = await query<{ bytes: number }>(superuserUrl, text)
  return row!.bytes
}
