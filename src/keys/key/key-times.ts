/**
 * What the servers of a vault promise one another about keys, and how long a change of keys waits for that. All of them
 * must have the same.
 */
export interface KeyTimes {
  /** How often the registry is looked at, should a notification be lost. */
  readonly lookEveryMs: number
  /** How often the uses of keys are reported without being asked for. */
  readonly reportEveryMs: number
  /**
   * How old the ring may become. A server that cannot read the registry for so long stops sealing and signing, because
   * a key may have been retired. Opening still works.
   */
  readonly ringMaxAgeMs: number
  /** What a statement that is on its way gets to commit, before a rotation takes its last census. */
  readonly inFlightMs: number
  /** How often a server looks whether a key is due for replacement, and whether a rotation waits for a server. */
  readonly tendEveryMs: number
  /**
   * After so long a statement is acknowledged or never will be: it is longer than its time limit. A transaction that began
   * before a key was retired gets as long again to end before the key is not destroyed for its sake.
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
