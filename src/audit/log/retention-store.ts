import type { Queryable, Statement } from '../../database/database.ts'
import { EVENT_ROW, type LoggedEvent, queryEvents } from '../event/event-row-store.ts'
import { isSought } from '../event/sought-type.ts'

const SELECT_DROPS: Statement = {
  name: 'select-audit-drops',
  text: `SELECT ${EVENT_ROW}, (SELECT sequence::float8 FROM audit_leaves l WHERE l.event = e.id) AS sequence
         FROM audit_events e WHERE ${isSought('audit.drop')} ORDER BY id`,
}

/** The rows that say that events were dropped, before they are believed. */
export function selectDrops(db: Queryable): Promise<LoggedEvent[]> {
  return queryEvents(db, SELECT_DROPS)
}
