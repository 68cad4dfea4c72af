import { eventIdAt } from '../audit/event-id.ts'
import { textArray } from '../database/binary-array.ts'
import type { Queryable, Statement } from '../database/database.ts'

const SELECT_LEAF_HASHES: Statement = {
  name: 'select-leaf-hashes-to-compare',
  text: 'SELECT sequence::float8 AS sequence, hash FROM audit_leaves WHERE sequence BETWEEN $1 AND $2',
}

/** The hashes of the leaves from the first to the last, by their numbers. */
export async function selectLeafHashes(db: Queryable, first: number, last: number): Promise<Map<number, Buffer>> {
  const rows = await db.query<{ sequence: number; hash: Buffer }>(SELECT_LEAF_HASHES, [first, last])
  return new Map(rows.map(({ sequence, hash }) => [sequence, hash]))
}

/** A record as the database has it. */
export interface HeldRecord {
  token: string
  site: string
  version: number
  isErased: boolean
}

const SELECT_HELD: Statement = {
  name: 'select-held-records',
  text: `SELECT token, site, version, erased_at IS NOT NULL AS "isErased" FROM records WHERE token = ANY($1::text[])`,
}

/** So many tokens are asked for at a time. */
const TOKENS_AT_A_TIME = 5_000

/** Those of the records that the database has. */
export async function selectHeldRecords(db: Queryable, tokens: readonly string[]): Promise<Map<string, HeldRecord>> {
  const held = new Map<string, HeldRecord>()
  for (let at = 0; at < tokens.length; at += TOKENS_AT_A_TIME) {
    const some = tokens.slice(at, at + TOKENS_AT_A_TIME)
    for (const row of await db.query<HeldRecord>(SELECT_HELD, [textArray(some)])) held.set(row.token, row)
  }
  return held
}

const SELECT_REPEATED: Statement = {
  name: 'select-repeated-events',
  text: `SELECT body::json ->> 'replay_of' AS event FROM audit_events
         WHERE id >= $1 AND type <> 'request.replay' AND position('"replay_of":' IN body) > 0`,
}

/** The events that other events repeat, of those that were made since then. */
export async function selectRepeated(db: Queryable, since: Date): Promise<Set<string>> {
  const rows = await db.query<{ event: string }>(SELECT_REPEATED, [eventIdAt(since)])
  return new Set(rows.map(({ event }) => event))
}

const SELECT_OPEN_APPROVALS: Statement = {
  name: 'select-records-with-open-approvals',
  text: `SELECT DISTINCT token FROM approvals
         WHERE token = ANY($1::text[]) AND state IN ('pending', 'approved') AND expires_at > $2`,
}

/** Those of the records that a release waits for or is approved of. */
export async function selectTokensWithApprovals(
  db: Queryable,
  tokens: readonly string[],
  now: Date,
): Promise<Set<string>> {
  const rows = await db.query<{ token: string }>(SELECT_OPEN_APPROVALS, [textArray(tokens), now])
  return new Set(rows.map(({ token }) => token))
}
