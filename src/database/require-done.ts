import { Problem } from '../values/problem.ts'

/** The watch over the schema looks each minute, and again when it is asked. */
const RETRY_AFTER_SECONDS = 5

/**
 * Requires that statements did what they say. A trigger, a rule or a policy can leave out, rewrite or take back what is
 * written, and PostgreSQL still reports success. RETURNING has no row for a change that was left out. A later statement
 * in the same transaction sees a change that was rewritten or taken back.
 *
 * @param rows one for each change, which says whether it is done
 * @param count how many changes there are
 * @throws {Problem} schema-changed
 */
export function requireDone(rows: readonly { done: boolean | null }[], count = 1): void {
  if (rows.length === count && rows.every(({ done }) => done === true)) return
  throw new Problem('schema-changed', { retryAfterSeconds: RETRY_AFTER_SECONDS })
}
