import type { Queryable } from '../../database/database.ts'
import type { EventAuthenticity } from '../log/event-authenticity.ts'
import type { EventFilter } from './event-filter-store.ts'
import { readEvents } from './read-events.ts'

/** An event with the members that it may have. */
export type ReadEvent = Readonly<Record<string, unknown>> & { id: string }

/** Every event of the vault that the filter names, in the order of time, read page by page. */
export async function* readAllEvents(
  deps: { database: Queryable; authenticity: EventAuthenticity },
  filter: EventFilter,
  pageSize = 1_000,
): AsyncGenerator<ReadEvent> {
  let after: string | undefined
  do {
    const page = await readEvents(deps, { ...filter, after, limit: pageSize }, Number.POSITIVE_INFINITY)
    yield* page.events
    after = page.next ?? undefined
  } while (after !== undefined)
}
