import { Problem } from '../values/problem.ts'
import type { ForwardDeps } from './dependencies.ts'
import { settleUnknown } from './end-forward.ts'
import { selectOverdue, sweepForwards } from './forward-store.ts'

const PAGE = 100

/**
 * Says of each request whose server has ended between the intent and the outcome that its outcome is unknown, once, and removes
 * requests whose Idempotency-Keys have expired.
 */
export async function settleForwards(
  deps: Pick<ForwardDeps, 'database' | 'keys' | 'newAuditEvent' | 'now'>,
): Promise<void> {
  let found: number
  do {
    const overdue = await selectOverdue(deps.database, deps.now(), PAGE)
    const settled = await Promise.all(overdue.map((stored) => settleUnknown(deps, stored).catch(unlessChanged)))
    // What was changed outside the vault stays, so that a page of nothing else is the last one.
    found = settled.filter((one) => one !== undefined).length
  } while (found === PAGE)
  await sweepForwards(deps.database, deps.now())
}

/** A row that was changed outside the vault is an alert of its own, and must not hold up the others. */
function unlessChanged(error: unknown): undefined {
  if (error instanceof Problem && error.code === 'record-integrity') return undefined
  throw error
}
