import canonicalize from 'canonicalize'
import { expect } from 'vitest'
import type { AuditFacts } from '../../src/audit/event/audit-event.ts'
import type { TestDatabase } from './postgres.ts'
import { secrets } from './samples.ts'

/** What holds of a vault after every test. */
export interface Invariants {
  /** Looks at every row, log line and problem that came or changed since the look before; the first one looks at all. */
  check(): Promise<void>
}

/** Counts of attempts and of uses change all the time, and hold no value. */
const UNREAD = ['rate_limits', 'key_uses']
const FORMS = secrets.flatMap((secret) => [secret, Buffer.from(secret, 'utf8').toString('hex')])

/** @param said the log lines and problems so far, to which the vault goes on adding */
export function createInvariants(
  database: Pick<TestDatabase, 'sql'>,
  said: { log: readonly string[]; problems: readonly string[] },
): Invariants {
  const seen = { log: 0, problems: 0 }
  /** Rows of this transaction and of later ones may not have been looked at. Other databases of the cluster hold it back. */
  let since = '0'

  function latest(place: 'log' | 'problems'): string {
    const from = Math.min(seen[place], said[place].length)
    seen[place] = said[place].length
    return said[place].slice(from).join('\n')
  }

  return {
    async check() {
      // In one statement: what began before and ends after the look is looked at next time. Most tables are empty.
      const [{ next, tables }] = (await database.sql<{ next: string; tables: string[] }>(
        `SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS next, array(
           SELECT quote_ident(relname) FROM pg_class
           WHERE relnamespace = current_schema()::regnamespace AND NOT relispartition AND relname <> ALL ($1)
             AND (relkind = 'p' OR relkind = 'r' AND pg_relation_size(oid) > 0)) AS tables`,
        [UNREAD],
      )) as [{ next: string; tables: string[] }]
      const rows = tables.map((name) => `SELECT '${name} ' || t::text AS line FROM ${name} t WHERE ${isSince(since)}`)
      const lines = await database.sql<{ line: string }>(rows.join(' UNION ALL '))
      const found = {
        database: lines.map(({ line }) => line).join('\n'),
        log: latest('log'),
        problems: latest('problems'),
      }
      const before = since
      since = next
      for (const [place, text] of Object.entries(found)) {
        if (FORMS.some((form) => text.includes(form))) expect.fail(`a sample value stands in the ${place}`)
      }
      await checkEvents(database, before)
    },
  }
}

/** SQL of whether a row is of that transaction or of a later one, by their distance from the present one. */
const isSince = (since: string) => (since === '0' ? 'true' : `age(xmin) <= age('${since}'::xid)`)

/** The bytes that the log is built over are canonical, and the columns repeat them. */
async function checkEvents(database: Pick<TestDatabase, 'sql'>, since: string): Promise<void> {
  const events = await database.sql<Record<string, string | null>>(
    `SELECT id, type, caller, token, site, body FROM readable.audit_events
     WHERE position IN (SELECT position FROM audit_events WHERE ${isSince(since)})`,
  )
  for (const { body, ...columns } of events) {
    const event = JSON.parse(body!) as AuditFacts & { id: string }
    expect(canonicalize(event)).toBe(body)
    const { id, type, caller, token = null, site = null } = event
    expect(columns).toEqual({ id, type, caller: caller?.id ?? null, token, site })
  }
}
