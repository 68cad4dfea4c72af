import type { AuditEvent } from '../audit/event/audit-event.ts'
import { EVENT_ARRAYS, type EventArrays, insertEventsSql, writeEvents } from '../audit/event/audit-store.ts'
import { buildStatement } from '../database/build-statement.ts'
import type { Database, Queryable, Statement } from '../database/database.ts'
import { numberOf, spellOut } from '../database/lean-rows.ts'
import { opaqueArray } from '../database/opaque-array.ts'
import { requireDone } from '../database/require-done.ts'
import { sweep } from '../database/sweep.ts'
import type { Sealed } from '../keys/sealing/seal-context.ts'

/** A session as it is stored. */
export interface StoredSession {
  id: string
  expiresAt: Date
  facts: Sealed
}

const INSERT = buildStatement(
  'insert-checkout-session',
  {
    ...EVENT_ARRAYS,
    id: 'text',
    created_at: 'timestamptz',
    expires_at: 'timestamptz',
    facts_key: 'smallint',
    facts_sealed: 'bytea',
  },
  (p) => `WITH opened AS (
            INSERT INTO checkout_sessions (id, created_at, expires_at, facts_key, facts_sealed)
            VALUES (${p.id}, ${p.created_at}, ${p.expires_at}, ${p.facts_key}, ${p.facts_sealed}) RETURNING id),
          written AS (${insertEventsSql(p)} RETURNING id)
          SELECT EXISTS (SELECT FROM opened) AND EXISTS (SELECT FROM written) AS done`,
)
const SELECT: Statement = {
  name: 'select-checkout-sessions',
  text: `SELECT id, expires_at, facts_key, facts_sealed
         FROM unnest(${opaqueArray('$1::text[]')}) AS wanted (session) CROSS JOIN LATERAL (
           SELECT * FROM checkout_sessions WHERE id = wanted.session OFFSET 0) found`,
}
/** What has expired and was not looked at since. */
const SELECT_OVER: Statement = {
  name: 'select-expired-checkout-sessions',
  text: `SELECT id, expires_at, facts_key, facts_sealed FROM checkout_sessions
         WHERE expires_at <= $1 AND closed_at IS NULL ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED`,
}
const CLOSE: Statement = {
  name: 'close-checkout-sessions',
  text: 'UPDATE checkout_sessions SET closed_at = $2 WHERE id = ANY ($1::text[]) RETURNING true AS done',
}
const SWEEP: Statement = {
  name: 'sweep-checkout-sessions',
  text: `DELETE FROM checkout_sessions WHERE id IN (
           SELECT id FROM checkout_sessions WHERE expires_at <= $1 AND closed_at IS NOT NULL LIMIT $2 FOR UPDATE SKIP LOCKED)
         RETURNING true`,
}

/** Stores a session with the event that it was opened, in one statement. @throws {Problem} audit-unavailable */
export async function insertSession(
  db: Database,
  session: StoredSession,
  opened: { at: Date; event: AuditEvent },
): Promise<void> {
  const { id, expiresAt, facts } = session
  const facts_key = await numberOf(db, 'key', facts.keyId)
  const row = { id, created_at: opened.at, expires_at: expiresAt, facts_key, facts_sealed: facts.bytes }
  const write = (arrays: EventArrays, on: Queryable) =>
    on.query<{ done: boolean }>(INSERT, INSERT.valuesOf({ ...arrays, ...row }))
  requireDone(await writeEvents(db, [opened.event], write))
}

/** In the order of the ids; undefined where there is none. */
export async function selectSessions(db: Queryable, ids: readonly string[]): Promise<(StoredSession | undefined)[]> {
  const found = new Map((await storedSessions(db, SELECT, [ids])).map((session) => [session.id, session]))
  return ids.map((id) => found.get(id))
}

/** Sessions that have expired and were not closed, locked until the transaction ends. */
export function selectExpired(tx: Queryable, now: Date, most: number): Promise<StoredSession[]> {
  return storedSessions(tx, SELECT_OVER, [now, most])
}

export async function closeSessions(tx: Queryable, ids: readonly string[], now: Date): Promise<void> {
  if (ids.length > 0) requireDone(await tx.query(CLOSE, [ids, now]), ids.length)
}

/** Removes the sessions that expired before then, and answers with how many that were. */
export function sweepSessions(db: Queryable, before: Date): Promise<number> {
  return sweep(db, SWEEP, [before])
}

async function storedSessions(
  db: Queryable,
  statement: Statement,
  values: readonly unknown[],
): Promise<StoredSession[]> {
  const rows = await spellOut<{ id: string; expires_at: Date; facts_key_id: string; facts_sealed: Buffer }>(
    db,
    await db.query(statement, values),
  )
  return rows.map(({ id, expires_at, facts_key_id, facts_sealed }) => ({
    id,
    expiresAt: expires_at,
    facts: { keyId: facts_key_id, bytes: facts_sealed },
  }))
}
