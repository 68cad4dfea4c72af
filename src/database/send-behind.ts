import { isUnavailable } from './database-error.ts'
import type { Dictionary } from './dictionary.ts'
import type { SessionPool, Statement } from './session-pool.ts'

/** A statement that is sent right behind another on the same session, and sees what that has committed. */
export interface Behind<Row> {
  /** Runs the other statement. Call it once. */
  query<First>(statement: Statement, values?: readonly unknown[]): Promise<First[]>
  readonly dictionary: Dictionary
  /** The answer of the one behind it. Nothing is known of it if the other has failed. */
  rows(): Promise<Row[]>
}

/** Sends a statement right behind the next one that runs on what this returns, on the same session: see `Behind`. */
export function sendBehind<Row>(
  pool: SessionPool,
  dictionary: Dictionary,
  statement: Statement,
  values: readonly unknown[],
): Behind<Row> {
  let second: Promise<Row[]> | undefined
  return {
    dictionary,
    async query<First>(first: Statement, firstValues: readonly unknown[] = []): Promise<First[]> {
      const client = await pool.take()
      const sent = pool.runBoth<First, Row>(client, [first, firstValues], [statement, values])
      void sent
        .then((both) => Promise.allSettled(both))
        .then(
          (outcomes) => outcomes.some((one) => one.status === 'rejected' && isUnavailable(one.reason)),
          () => true,
        )
        .then((isBroken) => pool.giveBack(client, isBroken ? 'broken' : 'good'))
      const [answer, behind] = await sent
      second = behind
      return answer
    },
    rows() {
      if (second === undefined) throw new Error('nothing was sent that this could be behind')
      return second
    },
  }
}
