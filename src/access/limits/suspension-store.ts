import type { Queryable, Statement } from '../../database/database.ts'
import { requireDone } from '../../database/require-done.ts'
import type { BudgetOwner } from './budget-store.ts'

export interface Suspension extends BudgetOwner {
  suspended_at: Date
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

/** Ends the suspension of a caller, under each of its spellings, and empties its budgets. Returns false if it was not suspended. */
export async function endSuspension(tx: Queryable, spellings: readonly string[]): Promise<boolean> {
  const lifted = await tx.query(LIFT, [spellings])
  await tx.query(FORGET, [spellings])
  requireDone(await tx.query(IS_LIFTED, [spellings]))
  return lifted.length > 0
}

export function selectSuspended(db: Queryable): Promise<Suspension[]> {
  return db.query(SELECT_SUSPENDED)
}
