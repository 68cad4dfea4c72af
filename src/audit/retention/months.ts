/** The beginning of the month so many months before, in UTC. */
export function monthsBefore(at: Date, months: number): Date {
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - months, 1))
}

/** PCI DSS 10.5.1: audit logs are kept for twelve months at least. */
export const MIN_MONTHS_KEPT = 12

/** How many months after the current one have partitions before their first event. */
export const MONTHS_AHEAD = 3

/**
 * With fewer an operator must find out why: an event of a month without a partition goes into the default one, and
 * blocks the partition.
 */
export const FEWEST_MONTHS_AHEAD = 2
