import type { CheckoutConfig } from '../config/config-sections.ts'
import type { Database } from '../database/database.ts'
import type { Job } from '../observability/jobs.ts'
import { once } from '../values/once.ts'
import type { RandomBytes } from '../values/random.ts'
import type { VisitCounter } from './visits/visit-counter.ts'
import type { VisitsOfDay } from './visits/visit-report.ts'

const STORE_EVERY_MS = 60 * 1000

export interface CreateVisitsDeps {
  database: Database
  now: () => Date
  randomBytes: RandomBytes
  config: Pick<CheckoutConfig, 'countsVisits'>
}

/** Statistics of the pages for shoppers, without a person. */
export interface Visits {
  /** Undefined where visits are not counted, which is the default. */
  counter(): Promise<VisitCounter | undefined>
  commands: {
    /** The counts by day. @param range the first day, and the day after the last one, as YYYY-MM-DD */
    countVisits(range: { since?: string | undefined; until?: string | undefined }): Promise<VisitsOfDay[]>
  }
  jobs: readonly Job[]
  /** Stores what was counted since the last time. */
  close(): Promise<void>
}

export function createVisits({ database, now, randomBytes, config }: CreateVisitsDeps): Visits {
  const made = once(async () => (await import('./visits/visit-counter.ts')).createVisitCounter({ now, randomBytes }))
  const counter = async () => (config.countsVisits ? made() : undefined)
  const storing = () => import('./visits/visit-store.ts')
  const store = async () => {
    for (const counts of (await counter())?.take() ?? []) await (await storing()).addVisitCounts(database, counts)
  }
  return {
    counter,
    commands: {
      async countVisits({ since, until }) {
        const { visitsByDay } = await import('./visits/visit-report.ts')
        return visitsByDay(await (await storing()).selectVisitCounts(database, since, until))
      },
    },
    jobs: [{ name: 'store-visits', everyMs: STORE_EVERY_MS, firstMs: STORE_EVERY_MS, run: store }],
    close: store,
  }
}
