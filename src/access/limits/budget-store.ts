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

/** Waits until no other request counts this caller's records; until the end of the transaction. */
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

/** Removes counts of windows that began before then, and answers with the number of rows. */
export function sweepBudgets(db: Queryable, before: Date): Promise<number> {
  return sweep(db, SWEEP, [before])
}
