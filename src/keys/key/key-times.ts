/**
 * The times that the servers of a vault keep about keys, and that a change of keys waits for. All servers must have the
 * same.
 */
export interface KeyTimes {
  /** How often the registry is read, in case a notification was lost. */
  readonly lookEveryMs: number
  /** How often the uses of keys are reported without being asked for. */
  readonly reportEveryMs: number
  /**
   * How old the ring may become. A server that cannot read the registry for so long stops sealing and signing, because
   * a key may have been retired. Opening still works.
   */
  readonly ringMaxAgeMs: number
  /** How long a statement under way has to commit before a rotation takes its last census. */
  readonly inFlightMs: number
  /** How often a server looks whether a key is due for replacement, and whether a rotation waits for a server. */
  readonly tendEveryMs: number
  /**
   * After this time, which is longer than its time limit, a statement has committed or never will. A transaction that
   * began before a key was retired gets the same time again. If it has not ended then, the key is not destroyed.
   */
  readonly statementMs: number
}

export const keyTimes: KeyTimes = {
  lookEveryMs: 500,
  reportEveryMs: 5_000,
  ringMaxAgeMs: 3_000,
  inFlightMs: 2_000,
  tendEveryMs: 2_000,
  statementMs: 12_000,
}
