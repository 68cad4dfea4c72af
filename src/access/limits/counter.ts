import { createBatch } from '../../database/batch.ts'
import type { Database } from '../../database/database.ts'
import { Problem } from '../../values/problem.ts'
import { addToCounters, type Count, type Counted } from './counter-store.ts'

/** Counts things in windows of time, across processes and servers. What arrives together shares a statement. */
export type IncrementCounters = (counts: readonly Count[]) => Promise<Counted[]>

export function createCounters(database: Database, now: () => Date): IncrementCounters {
  const add = createBatch({
    run: async (items: readonly (readonly Count[])[]) => {
      const found = await addToCounters(database, items.flat(), now().getTime())
      // Each gets the count after its own increment, as if the increments had come one after the other.
      const toCome = new Map<string, number>()
      for (const { key, add: points } of items.flat()) toCome.set(key, (toCome.get(key) ?? 0) + points)
      const standing = ({ key, add: points }: Count): Counted => {
        const later = toCome.get(key)! - points
        toCome.set(key, later)
        const { points: all, endsAt } = found.get(key)!
        return { points: all - later, endsAt }
      }
      return items.map((counts) => counts.map(standing))
    },
    weigh: (counts) => Math.max(1, counts.length),
  })
  return (counts) => (counts.length === 0 ? Promise.resolve([]) : add(counts))
}

/** The answer to all who are above a limit, until the window ends. */
export function tooMany(endsAt: number, now: Date): Problem {
  return new Problem('too-many-requests', {
    retryAfterSeconds: Math.max(1, Math.ceil((endsAt - now.getTime()) / 1000)),
  })
}
