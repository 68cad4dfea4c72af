/**
 * How fast is the audit log kept? `node test/bench/audit-log.ts [--events 200000]`. Needs no build; takes about a minute.
 *
 * Fills a throw-away vault with events like those of reveals, in batches of 50 with one commit each, lets the sequencer put
 * all of them into the tree, and measures what each of the two takes of PostgreSQL and of this process. The inserts are
 * also made into one plain table with the indexes that the events had before there was a log.
 */
import { generateKeyPairSync } from 'node:crypto'
import { parseArgs } from 'node:util'
import { eventColumns, insertEventsSql, numbersFor } from '../../src/audit/event/audit-store.ts'
import { inBook } from '../../src/audit/event/event-book.ts'
import { createNewAuditEvent } from '../../src/audit/event/new-audit-event.ts'
import { openSequencer } from '../../src/audit/log/sequencer.ts'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { createNewId } from '../../src/values/identifier.ts'
import { createRandomBytes } from '../../src/values/random.ts'
import { bookOfNoVault, eventsOfNoVault } from '../support/event-books.ts'
import { query } from './cluster.ts'
import { cpuSecondsOf } from './cpu-time.ts'
import { count, fixed, markdown } from './table.ts'
import { withThrowAwayCluster } from './throw-away-cluster.ts'

const { values } = parseArgs({ options: { events: { type: 'string', default: '200000' } } })
const total = Number(values.events)
const BATCH = 50
const DEADLINE_SECONDS = 1800

const PLAIN = `CREATE TABLE plain_events (LIKE audit_events INCLUDING DEFAULTS, PRIMARY KEY (id));
  CREATE INDEX ON plain_events (token, id) WHERE token IS NOT NULL;
  CREATE INDEX ON plain_events (caller, id) WHERE caller IS NOT NULL;
  ALTER TABLE plain_events ALTER COLUMN position DROP NOT NULL, ALTER COLUMN position DROP DEFAULT;
  GRANT INSERT ON plain_events TO strongroom_runtime`

const now = () => new Date()
const book = bookOfNoVault()
const newAuditEvent = inBook(book, createNewAuditEvent(now, createNewId(now, createRandomBytes())))

interface Line {
  title: string
  perSecond: number
  postgresMicroseconds: number
  ownMicroseconds: number
}

await withThrowAwayCluster(DEADLINE_SECONDS, async (cluster) => {
  const { postmasterPid } = cluster
  const urls = await cluster.createDatabase('log')
  await query(urls.superuser, PLAIN)
  const database = openDatabase({ url: urls.server })
  const lines = [
    await measure('inserting events, before there was a log', postmasterPid, () => fill(database, 'plain_events')),
    await measure('inserting events', postmasterPid, () => fill(database, 'audit_events')),
    await measure('putting them into the tree', postmasterPid, () => sequence(database)),
  ]
  await database.close()
  process.stdout.write(
    markdown(
      ['what', 'events/s', 'PostgreSQL, µs/event', 'vault, µs/event'],
      lines.map((line) => [
        line.title,
        count(line.perSecond),
        fixed(line.postgresMicroseconds),
        fixed(line.ownMicroseconds),
      ]),
      new Set([1, 2, 3]),
    ),
  )
})

async function measure(title: string, postmasterPid: number, work: () => Promise<void>): Promise<Line> {
  const cpu = () => [cpuSecondsOf(postmasterPid, { children: true }) ?? 0, cpuSecondsOf(process.pid) ?? 0] as const
  const [postgres, own] = cpu()
  const started = performance.now()
  await work()
  const seconds = (performance.now() - started) / 1000
  const [postgresAfter, ownAfter] = cpu()
  return {
    title,
    perSecond: total / seconds,
    postgresMicroseconds: ((postgresAfter - postgres) / total) * 1e6,
    ownMicroseconds: ((ownAfter - own) / total) * 1e6,
  }
}

async function fill(database: Database, table: 'audit_events' | 'plain_events'): Promise<void> {
  const statement = { name: `fill-${table}`, text: insertEventsSql(1).replace('audit_events', table) }
  for (let done = 0; done < total; done += BATCH) {
    const events = Array.from({ length: BATCH }, (_, at) =>
      newAuditEvent({
        type: 'record.reveal',
        outcome: 'success',
        request_id: 'req_01m875zq8h6y8ccxhhdmq8bhda',
        caller: { id: 'client_01m875zq8h6y8ccxhhdmq8bhda', kind: 'client', role: 'billing' },
        site: 'default',
        token: `card_${String(done + at).padStart(26, '0')}`,
        kind: 'card',
        purpose: 'process-payment',
        fields: ['number', 'exp_month', 'exp_year'],
        record_version: 1,
      }),
    )
    const entry = book.enter(events)
    await database.query(statement, eventColumns(entry.events, await numbersFor(database, events)))
    entry.close([], [])
  }
}

async function sequence(database: Database): Promise<void> {
  const key = { id: 'key_bench', secret: generateKeyPairSync('ed25519').privateKey }
  const deps = {
    newAuditEvent,
    now,
    origin: 'bench/audit',
    events: eventsOfNoVault(book),
    keys: { active: () => key, all: () => [key], mark: () => ({ vault: `vault_${'0'.repeat(26)}`, generation: 1 }) },
  }
  const sequencer = await openSequencer(deps, database, undefined)
  while ((await sequencer.advance()).isBehind);
}
