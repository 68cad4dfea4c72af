import type { Queryable } from '../../database/database.ts'
import { eventIdOf } from '../event/event-id.ts'
import type { EventAuthenticity } from '../log/event-authenticity.ts'
import { type EventPage, lookThroughEvents, spanOf } from './event-page-store.ts'

/** Events as the log has them. One that cannot be authenticated now says `unverified`. */
export interface ReadEvents {
  events: (Record<string, unknown> & { id: string })[]
  /**
   * The last row that was looked at, which the next page comes after; null at the end. A page may hold fewer events than asked
   * for: what is forged is left out, and what is rare is not looked for through the whole log at once.
   */
  next: string | null
}

/** How many events the first look of a page goes through for each that is asked for, where not all of them are wanted. */
const LOOKED_AT_FOR_ONE = 4
const FEWEST_LOOKED_AT = 1_000
/** Some 20 ms of PostgreSQL's. */
const MOST_LOOKED_AT = 8_000

/**
 * A page of events, without the rows that the vault has not written: of each of those there is an alert.
 *
 * @param patienceMs for how long further looks begin that may find more
 */
export async function readEvents(
  { database, authenticity }: { database: Queryable; authenticity: EventAuthenticity },
  page: EventPage,
  patienceMs: number,
): Promise<ReadEvents> {
  const { limit, newestFirst } = page
  const events = new Map<string, ReadEvents['events'][number]>()
  const begun = performance.now()
  let span = spanOf(page)
  let most = Math.max(FEWEST_LOOKED_AT, LOOKED_AT_FOR_ONE * limit)
  let found = 0
  let last: string | null
  do {
    const look = await lookThroughEvents(database, page, span, { most, limit: limit - found, newestFirst })
    for (const row of look.rows) {
      const judgement = await authenticity.judge(row, database)
      // If the primary key was removed, there may be two rows of an event.
      if (judgement === 'forged' || events.has(row.id)) continue
      const event = JSON.parse(row.body) as ReadEvents['events'][number]
      events.set(row.id, judgement === 'authentic' ? event : { ...event, unverified: true })
    }
    found += look.rows.length
    last = look.last
    if (last !== null) span = newestFirst ? { ...span, before: last } : { ...span, after: last }
    most = Math.min(MOST_LOOKED_AT, 4 * most)
  } while (last !== null && found < limit && performance.now() - begun < patienceMs)
  return { events: [...events.values()], next: last === null ? null : eventIdOf(last) }
}
