import type { AuditEvent } from '../audit/event/audit-event.ts'
import { EVENT_ARRAYS, type EventArrays, insertEventsSql, writeEvents } from '../audit/event/audit-store.ts'
import { buildStatement } from '../database/build-statement.ts'
import type { Database, Queryable, Statement } from '../database/database.ts'
import { numberOf, spellOut } from '../database/lean-rows.ts'
import { requireDone } from '../database/require-done.ts'
import { sweep } from '../database/sweep.ts'
import { createCommitBeside, type Match } from '../records/search/search-store.ts'
import type { ForwardPlace, StoredForward } from './forward-record.ts'

const ROW = {
  id: 'text',
  attempt: 'integer',
  state: 'text',
  deadline: 'timestamptz',
  expires_at: 'timestamptz',
  facts_key: 'smallint',
  facts_sealed: 'bytea',
} as const
const COLUMNS = Object.keys(ROW).join(', ')

const INSERT = buildStatement(
  'insert-forward',
  ROW,
  (p) => `INSERT INTO forwards (${COLUMNS})
          VALUES (${p.id}, ${p.attempt}, ${p.state}, ${p.deadline}, ${p.expires_at}, ${p.facts_key}, ${p.facts_sealed})
          RETURNING true AS done`,
)
/** The same in the statement that commits the events. */
const commitBeside = createCommitBeside({
  name: 'forward',
  types: Object.fromEntries(Object.entries(ROW).map(([name, type]) => [`forward_${name}`, type])),
  insert: (p, condition) =>
    `INSERT INTO forwards (${COLUMNS}) SELECT ${Object.keys(ROW)
      .map((name) => p[`forward_${name}`])
      .join(', ')} WHERE ${condition}`,
})
/** The next attempt of a request of unknown outcome. */
const SEND_AGAIN = buildStatement(
  'send-forward-again',
  ROW,
  (p) => `UPDATE forwards
          SET attempt = ${p.attempt}, state = ${p.state}, deadline = ${p.deadline}, expires_at = ${p.expires_at},
              facts_key = ${p.facts_key}, facts_sealed = ${p.facts_sealed}
          WHERE id = ${p.id} AND attempt = ${p.attempt} - 1 AND state = 'unknown' RETURNING true AS done`,
)
/** The state of an attempt with the event that says so, if no other server was first. */
const END = buildStatement(
  'end-forward',
  { ...EVENT_ARRAYS, id: 'text', attempt: 'integer', state: 'text', facts_key: 'smallint', facts_sealed: 'bytea' },
  (p) => `WITH ended AS (
            UPDATE forwards SET state = ${p.state}, facts_key = ${p.facts_key}, facts_sealed = ${p.facts_sealed}
            WHERE id = ${p.id} AND attempt = ${p.attempt} AND state = 'sending' RETURNING id)
          ${insertEventsSql(p)} WHERE EXISTS (SELECT FROM ended) RETURNING true AS done`,
)
const REMOVE: Statement = {
  name: 'remove-forward',
  text: `DELETE FROM forwards WHERE id = $1 AND attempt = $2 AND state = 'sending' RETURNING true AS done`,
}
const SELECT: Statement = { name: 'select-forward', text: `SELECT ${COLUMNS} FROM forwards WHERE id = $1` }
const SELECT_OVERDUE: Statement = {
  name: 'select-overdue-forwards',
  text: `SELECT ${COLUMNS} FROM forwards WHERE state = 'sending' AND deadline <= $1 ORDER BY deadline LIMIT $2`,
}
const SWEEP: Statement = {
  name: 'sweep-forwards',
  text: `DELETE FROM forwards WHERE id IN (
           SELECT id FROM forwards WHERE expires_at <= $1 AND state <> 'sending' LIMIT $2 FOR UPDATE SKIP LOCKED)
         RETURNING true`,
}

async function valuesOf(db: Queryable, { id, attempt, state, deadline, expiresAt, facts }: StoredForward) {
  const facts_key = await numberOf(db, 'key', facts.keyId)
  return { id, attempt, state, deadline, expires_at: expiresAt, facts_key, facts_sealed: facts.bytes }
}

/** Stores the intent of a request, in the transaction of its events. */
export async function insertForward(tx: Queryable, forward: StoredForward): Promise<void> {
  requireDone(await tx.query(INSERT, INSERT.valuesOf(await valuesOf(tx, forward))))
}

/** The same with everything that commits with it, in one statement. */
export async function commitForward(db: Database, match: Match, forward: StoredForward) {
  const row = Object.entries(await valuesOf(db, forward)).map(([name, value]) => [`forward_${name}`, value] as const)
  return commitBeside(db, match, Object.fromEntries(row))
}

/** The same of a further attempt. False if its outcome is not unknown any longer. */
export async function sendAgain(tx: Queryable, forward: StoredForward): Promise<boolean> {
  return (await tx.query(SEND_AGAIN, SEND_AGAIN.valuesOf(await valuesOf(tx, forward)))).length > 0
}

/** Ends an attempt with its event. False if another server has ended it. @throws {Problem} audit-unavailable */
export async function endForward(db: Database, forward: StoredForward, event: AuditEvent): Promise<boolean> {
  const row = await valuesOf(db, forward)
  const write = (arrays: EventArrays, on: Queryable) => on.query(END, END.valuesOf({ ...arrays, ...row }))
  return (await writeEvents(db, [event], write, (written) => written.length > 0)).length > 0
}

/** Removes the first attempt of a request that has not left. False if another server has ended it. */
export async function removeForward(tx: Queryable, { id, attempt }: ForwardPlace): Promise<boolean> {
  return (await tx.query(REMOVE, [id, attempt])).length > 0
}

export async function selectForward(db: Queryable, id: string): Promise<StoredForward | undefined> {
  return (await storedForwards(db, SELECT, [id]))[0]
}

/** What is still being sent though its server has ended. */
export function selectOverdue(db: Queryable, now: Date, most: number): Promise<StoredForward[]> {
  return storedForwards(db, SELECT_OVERDUE, [now, most])
}

/** Removes what has expired, and answers with how much that was. */
export function sweepForwards(db: Queryable, now: Date): Promise<number> {
  return sweep(db, SWEEP, [now])
}

async function storedForwards(db: Queryable, statement: Statement, values: unknown[]): Promise<StoredForward[]> {
  const rows = await spellOut<
    Pick<ForwardPlace, 'id' | 'attempt' | 'state' | 'deadline'> & {
      expires_at: Date
      facts_key_id: string
      facts_sealed: Buffer
    }
  >(db, await db.query<Record<string, unknown>>(statement, values))
  return rows.map(({ expires_at, facts_key_id, facts_sealed, ...place }) => ({
    ...place,
    expiresAt: expires_at,
    facts: { keyId: facts_key_id, bytes: facts_sealed },
  }))
}
