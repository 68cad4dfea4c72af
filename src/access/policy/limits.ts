/**
 * The most records that one caller may see in an hour and a day: above it the answer is 429, or the caller is
 * suspended.
 */
export interface Limits {
  per_hour?: number | undefined
  per_day?: number | undefined
  /** Default: refuse, until the hour or the day is over. */
  beyond?: 'refuse' | 'suspend' | undefined
}

/** Holds for each purpose separately; `total` for all of them together, masked views and searches too. */
export interface Budget extends Limits {
  total?: Limits | undefined
}
