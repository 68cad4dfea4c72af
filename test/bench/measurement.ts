import type { LoadResult } from './load.ts'
import { type RequestKind, recordsPerRequest } from './requests.ts'

/** What one figure measured in one round, or its medians over all rounds. */
export interface Measurement {
  /** Requests, cards or records, as the figure counts. */
  perSecond: number
  p50: number | undefined
  p99: number | undefined
  /** CPU seconds for each second of the measurement: 1 is a whole core. */
  cpu: { server?: number | undefined; postgres?: number | undefined; load?: number | undefined }
  /** Answers that were not 2xx, by status; a figure that has some is worth nothing. */
  failures?: Record<string, number>
}

/** The value below which that share of the sorted values lies. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export function median(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined).sort((a, b) => a - b)
  if (known.length === 0) return undefined
  const middle = Math.floor(known.length / 2)
  return known.length % 2 === 1 ? known[middle] : (known[middle - 1]! + known[middle]!) / 2
}

/** Every number of the rounds' measurements replaced by its median; failures add up. */
export function medianOf(rounds: readonly Measurement[]): Measurement {
  const failures: Record<string, number> = {}
  for (const round of rounds) {
    for (const [status, count] of Object.entries(round.failures ?? {})) {
      failures[status] = (failures[status] ?? 0) + count
    }
  }
  return {
    perSecond: median(rounds.map((round) => round.perSecond)) ?? Number.NaN,
    p50: median(rounds.map((round) => round.p50)),
    p99: median(rounds.map((round) => round.p99)),
    cpu: {
      server: median(rounds.map((round) => round.cpu.server)),
      postgres: median(rounds.map((round) => round.cpu.postgres)),
      load: median(rounds.map((round) => round.cpu.load)),
    },
    failures,
  }
}

/** What a load measured. `perSecond` counts records, which are cards in a batch and requests otherwise. */
export function measurementOf(
  kind: RequestKind,
  { requests, seconds, p50, p99, statuses, cpu }: LoadResult,
): Measurement {
  const each = (spent: number | undefined) => (spent === undefined ? undefined : spent / seconds)
  return {
    perSecond: (requests * recordsPerRequest[kind]) / seconds,
    p50,
    p99,
    cpu: { server: each(cpu.server), postgres: each(cpu.postgres), load: each(cpu.load) },
    failures: Object.fromEntries(Object.entries(statuses).filter(([status]) => !/^2\d\d$/.test(status))),
  }
}
