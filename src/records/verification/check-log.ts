import type { EventAuthenticity } from '../../audit/log/event-authenticity.ts'
import type { Database } from '../../database/database.ts'
import { timeOfId } from '../../values/identifier.ts'
import { parseToken } from '../record/token.ts'
import { type LoggedRow, selectLoggedPage } from './logged-page-store.ts'
import type { RecordFinding, Walk } from './record-finding.ts'

const PAGE_ROWS = 5_000

interface CheckLogDeps {
  database: Database
  authenticity: EventAuthenticity
  now: () => Date
}

/**
 * Checks the log up to the moment of the walk: its rows are the vault's, and every record that an event says was stored
 * is there, or what is left of it.
 */
export function createLogWalk({ database, authenticity, now }: CheckLogDeps): Walk {
  const until = now()
  return {
    table: 'audit_events',
    async check(after = []) {
      const { count, last, rows } = await selectLoggedPage(database, after, until, PAGE_ROWS)
      const findings: RecordFinding[] = []
      for (const row of rows) {
        const judgement = await authenticity.judge(row, database)
        if (judgement === 'authentic') {
          if (row.is_missed) findings.push(missing(row))
        } else if (judgement === 'forged' || !row.is_left_out) findings.push(forged(row))
      }
      return { rows: count, next: last === null || count < PAGE_ROWS ? undefined : [last], findings, unbound: 0 }
    },
  }
}

function missing({ token }: LoggedRow): RecordFinding {
  const detail = 'an event says that the record was stored, and it is gone without a trace'
  return { code: 'record-missing', token: parseToken(token ?? ''), detail }
}

/** A row that is not what the vault has written. A text in it that is neither an id nor a token is not repeated. */
export function forged({ id, token }: { id: string; token: string | null }): RecordFinding {
  const detail = 'a row among the events is not what the vault has written'
  const event = timeOfId(id) === undefined ? undefined : id
  return { code: 'log-forged', token: parseToken(token ?? ''), event, detail }
}
