import type { Queryable, Statement } from '../../database/database.ts'
import { requireDone } from '../../database/require-done.ts'
import { sweep, takeTurn } from '../../database/sweep.ts'

/** Whose records are counted, and for what: `purpose` is empty for masked views. */
export interface BudgetOwner {
  caller: string
  role: string
  purpose: string
}

export interface BudgetWindow {
  span: 'hour' | 'day'
  startsAt: Date
}

export interface Suspension extends BudgetOwner {
  suspended_at: Date
}

const LOCK: Statement = { name: 'lock-budget', text: 'SELECT pg_advisory_xact_lock(hashtextextended($1, 7374))' }
const SELECT_USED: Statement = {
  name: 'select-budget-used',
  text: `SELECT count(*)::integer AS used, coalesce(array_agg(record) FILTER (WHERE record = ANY($6::text[])), '{}') AS known
         FROM budget_records WHERE caller = $1 AND role = $2 AND purpose = $3 AND span = $4 AND starts_at = $5`,
}
const INSERT: Statement = {
  name: 'insert-budget-records',
  text: `INSERT INTO budget_records (caller, role, purpose, span, starts_at, record)
         SELECT $1, $2, $3, $4, $5, record FROM unnest($6::text[]) AS n (record) RETURNING true AS done`,
}
const SUSPEND: Statement = {
  name: 'suspend-caller',
  text: `INSERT INTO suspended_callers (caller, role, purpose, suspended_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING RETURNING caller`,
}
const IS_SUSPENDED: Statement = {
  name: 'is-caller-suspended',
  text: 'SELECT true AS done FROM suspended_callers WHERE caller = $1 LIMIT 1',
}
const IS_LIFTED: Statement = {
  name: 'is-suspension-lifted',
  text: `SELECT NOT EXISTS (SELECT FROM suspended_callers WHERE caller = ANY($1::text[]))
            AND NOT EXISTS (SELECT FROM budget_records WHERE caller = ANY($1::text[])) AS done`,
}
const LIFT: Statement = {
  name: 'lift-suspension',
  text: 'DELETE FROM suspended_callers WHERE caller = ANY($1::text[]) RETURNING caller',
}
const FORGET: Statement = {
  name: 'forget-budget-records',
  text: 'DELETE FROM budget_records WHERE caller = ANY($1::text[])',
}
const SELECT_SUSPENDED: Statement = {
  name: 'select-suspended-callers',
  text: 'SELECT caller, role, purpose, suspended_at FROM suspended_callers ORDER BY suspended_at, caller',
}
/** Any number that nothing else in this database locks. */
const SWEEP_LOCK = 0x7374_7212
/** The rows by their places: their key has six columns, and no row is ever moved. */
const SWEEP: Statement = {
  name: 'sweep-budget-records',
  text: `WITH ${takeTurn(SWEEP_LOCK)}
         DELETE FROM budget_records WHERE ctid = ANY(ARRAY(
           SELECT budget_records.ctid FROM turn, budget_records WHERE is_mine AND starts_at < $1 LIMIT $2))
         RETURNING true`,
}

/** Waits until nobody else counts this caller's records; until the end of the transaction. */
export async function lockBudget(tx: Queryable, caller: string): Promise<void> {
  await tx.query(LOCK, [caller])
}

/** How many records were counted in a window, and which of the given ones are among them. */
export async function selectUsed(
  tx: Queryable,
  { caller, role, purpose }: BudgetOwner,
  { span, startsAt }: BudgetWindow,
  records: readonly string[],
): Promise<{ used: number; known: string[] }> {
  const values = [caller, role, purpose, span, startsAt, records]
  const [row] = await tx.query<{ used: number; known: string[] }>(SELECT_USED, values)
  return row ?? { used: 0, known: [] }
}

export async function insertUsed(
  tx: Queryable,
  { caller, role, purpose }: BudgetOwner,
  { span, startsAt }: BudgetWindow,
  records: readonly string[],
): Promise<void> {
  requireDone(await tx.query(INSERT, [caller, role, purpose, span, startsAt, records]), records.length)
}

/** False for a caller that is suspended already. */
export async function suspendCaller(
  tx: Queryable,
  { caller, role, purpose }: BudgetOwner,
  now: Date,
): Promise<boolean> {
  const isNews = (await tx.query(SUSPEND, [caller, role, purpose, now])).length > 0
  requireDone(await tx.query(IS_SUSPENDED, [caller]))
  return isNews
}

/** Ends the suspension of a caller, under each of its spellings, and empties its counts. False when there was no row of it. */
export async function liftSuspension(tx: Queryable, spellings: readonly string[]): Promise<boolean> {
  const lifted = await tx.query(LIFT, [spellings])
  await tx.query(FORGET, [spellings])
  requireDone(await tx.query(IS_LIFTED, [spellings]))
  return lifted.length > 0
}

export function selectSuspended(db: Queryable): Promise<Suspension[]> {
  return db.query(SELECT_SUSPENDED)
}

/** Removes what was counted in windows that began before then, and answers with how many rows that were. */
export function sweepBudgets(db: Queryable, before: Date): Promise<number> {
  return sweep(db, SWEEP, [before])
}
