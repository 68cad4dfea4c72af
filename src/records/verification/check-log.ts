import { eventIdAt } from '../../audit/event-id.ts'
import type { Database } from '../../database/database.ts'
import { parseToken } from '../token.ts'
import type { RecordFinding, Walk } from './record-finding.ts'
import { selectLoggedRecords } from './verification-store.ts'

const PAGE_ROWS = 5_000

/** The log, up to the moment at which the walk was made: every record that an event says was stored is there, or what is left of it. */
export function createLogWalk({ database, now }: { database: Database; now: () => Date }): Walk {
  const until = eventIdAt(now())
  return {
    table: 'audit_events',
    async check(after = []) {
      const { count, last, missing } = await selectLoggedRecords(database, after, until, PAGE_ROWS)
      const findings = missing.map((text): RecordFinding => {
        const detail = 'an event says that the record was stored, and it is gone without a trace'
        return { code: 'record-missing', token: parseToken(text), detail }
      })
      return { rows: count, next: last === null || count < PAGE_ROWS ? undefined : [last], findings, unbound: 0 }
    },
  }
}
