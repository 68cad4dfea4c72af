import type { Queryable } from '../database/database.ts'
import { type EventPage, selectEventRows } from './audit-store.ts'
import type { EventAuthenticity } from './event-authenticity.ts'

/** Events as the log has them. One that cannot be authenticated now says `unverified`. */
export interface ReadEvents {
  events: (Record<string, unknown> & { id: string })[]
  /** The last row of the page, which the next page comes after; null at the end. What is forged is left out, so that a page may be shorter. */
  next: string | null
}

/** A page of events, without the rows that the vault has not written: of each of those there is an alert. */
export async function readEvents(
  { database, authenticity }: { database: Queryable; authenticity: EventAuthenticity },
  page: EventPage,
): Promise<ReadEvents> {
  const rows = await selectEventRows(database, page)
  const events = new Map<string, ReadEvents['events'][number]>()
  for (const row of rows) {
    const judgement = await authenticity.judge(row, database)
    // Where the primary key was taken away there may be two of an event.
    if (judgement === 'forged' || events.has(row.id)) continue
    const event = JSON.parse(row.body) as ReadEvents['events'][number]
    events.set(row.id, judgement === 'authentic' ? event : { ...event, unverified: true })
  }
  return { events: [...events.values()], next: rows.length === page.limit ? (rows.at(-1)?.id ?? null) : null }
}
