/** The beginning of the month so many months before, in UTC. */
export function monthsBefore(at: Date, months: number): Date {
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - months, 1))
}

/** PCI DSS 10.5.1: audit logs are kept for twelve months at least. */
export const MIN_MONTHS_KEPT = 12
