import { createHmac } from 'node:crypto'
import type { RandomBytes } from '../../values/random.ts'

export type PageMode = 'hosted' | 'framed'

/** How a shopper came to the page: from a page of the shop, from elsewhere, or from nowhere that the browser names. */
export type Entry = 'shop' | 'elsewhere' | 'unnamed'

/** How the page ended. */
export type Exit = 'stored' | 'left'

/** The longest time of each class, in seconds; above the last one it is `longer`. */
const TIMES = [10, 30, 60, 180, 600] as const

export const timeClasses = [...TIMES.map((seconds) => `${seconds}s`), 'longer']

/** 64 bits: two visitors of a day are hardly ever taken for one. */
const VISITOR_BYTES = 8

/** A page of the vault that a shopper was shown. */
export interface PageView {
  page: PageMode
  entry: Entry
  /** Of the request; it is hashed under the key of the day and not kept. */
  address: string
}

/** Counts of one day, by the name of what was counted. */
export interface DayCounts {
  /** YYYY-MM-DD, in UTC. */
  day: string
  counts: ReadonlyMap<string, number>
}

/**
 * Counts visits of one process without a person: no address, no cookie and no name is kept. Whether a visitor was seen before on the
 * same day is known by a hash under a random key that is only in memory and is destroyed with the day. So a visitor of two days, of
 * two processes, or before and after a restart, counts twice.
 */
export interface VisitCounter {
  viewed(view: PageView): void
  ended(visit: { page: PageMode; seconds: number; exit: Exit }): void
  /** Gives what was counted since the last time, and forgets it; after the end of a day also its key and its visitors. */
  take(): DayCounts[]
}

export function createVisitCounter({ now, randomBytes }: { now: () => Date; randomBytes: RandomBytes }): VisitCounter {
  let day = ''
  let key: Buffer = Buffer.alloc(0)
  let visitors = new Set<string>()
  const counted = new Map<string, Map<string, number>>()

  const present = () => now().toISOString().slice(0, 10)

  /** Forgets who was seen on a day that is over. */
  function endDay(): void {
    if (day === present()) return
    day = ''
    key.fill(0)
    visitors = new Set()
  }

  function today(): Map<string, number> {
    endDay()
    if (day === '') {
      day = present()
      key = randomBytes(32)
    }
    const counts = counted.get(day) ?? new Map<string, number>()
    counted.set(day, counts)
    return counts
  }
  const add = (counts: Map<string, number>, measure: string) => counts.set(measure, (counts.get(measure) ?? 0) + 1)

  return {
    viewed({ page, entry, address }) {
      const counts = today()
      add(counts, `views:${page}`)
      add(counts, `entry:${entry}`)
      const visitor = createHmac('sha256', key)
        .update(address)
        .digest('base64')
        .slice(0, (VISITOR_BYTES * 4) / 3)
      if (visitors.has(visitor)) return
      visitors.add(visitor)
      add(counts, 'visitors')
    },
    ended({ seconds, exit }) {
      const counts = today()
      add(counts, `exit:${exit}`)
      const at = TIMES.findIndex((most) => seconds <= most)
      add(counts, `time:${at < 0 ? 'longer' : timeClasses[at]!}`)
    },
    take() {
      endDay()
      const taken = [...counted].map(([of, counts]) => ({ day: of, counts: new Map(counts) }))
      counted.clear()
      return taken.filter(({ counts }) => counts.size > 0)
    },
  }
}
