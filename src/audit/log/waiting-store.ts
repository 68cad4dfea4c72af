import type { Queryable, Statement } from '../../database/database.ts'
import { eventIdOf } from '../event/event-id.ts'
import { numberSql } from '../event/event-row-store.ts'
import type { PlacedEvent } from './log-store.ts'

const SELECT_MIGRATIONS: Statement = {
  name: 'select-migrate-events',
  text: `SELECT id AS event, position::float8 AS position, body, mac FROM audit_events
         WHERE position >= $1 AND type = ${numberSql('type', "'migrate'")} AND strpos(body, $2) > 0 ORDER BY position`,
}

/** Events of type `migrate` from that position on that name an event. */
export async function selectMigrations(
  db: Queryable,
  from: number,
  named: string,
): Promise<{ event: string; position: number; body: string; mac: Buffer | null }[]> {
  const rows = await db.query<Awaited<ReturnType<typeof selectMigrations>>[number]>(SELECT_MIGRATIONS, [
    from,
    JSON.stringify(named),
  ])
  return rows.map((row) => ({ ...row, event: eventIdOf(row.event) }))
}

const SELECT_WITHOUT_MAC: Statement = {
  name: 'select-waiting-events-without-mac',
  text: `SELECT id AS event, sha256('\\x00'::bytea || convert_to(body, 'UTF8')) AS hash FROM audit_events e
         WHERE position >= coalesce((SELECT next_position FROM audit_head), 0) AND mac IS NULL
           AND (SELECT true FROM audit_leaves l WHERE l.event = e.id) IS NULL ORDER BY position`,
}

/** The events that wait for their leaf and have no MAC. */
export async function selectWaitingWithoutMac(db: Queryable): Promise<Pick<PlacedEvent, 'event' | 'hash'>[]> {
  const rows = await db.query<Pick<PlacedEvent, 'event' | 'hash'>>(SELECT_WITHOUT_MAC)
  return rows.map((row) => ({ ...row, event: eventIdOf(row.event) }))
}

const SELECT_EARLIER: Statement = {
  name: 'select-earlier-audit-processes',
  text: `SELECT process FROM (
           SELECT process FROM audit_claims UNION
           SELECT process FROM audit_processes UNION
           SELECT substring(body, '"process":"(proc_[0-9a-z]+)"') FROM audit_events
           WHERE position >= coalesce((SELECT next_position FROM audit_head), 0) AND mac IS NOT NULL) AS p
         WHERE process IS NOT NULL`,
}

/** The processes that have numbered events, in the log or waiting for it, or have claimed something. */
export async function selectEarlier(db: Queryable): Promise<string[]> {
  return (await db.query<{ process: string }>(SELECT_EARLIER)).map(({ process }) => process)
}
