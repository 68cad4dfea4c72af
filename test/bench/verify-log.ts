/**
 * How fast is the audit log verified? `node test/bench/verify-log.ts [--events 1000000]`. Needs no build; a million events
 * take some three minutes, most of which is making them.
 *
 * Fills a throw-away vault with events of records, each of them tokenized, read three times and revealed, lets the sequencer
 * put them into the tree, with a kept checkpoint in each of its rounds, and verifies the log as `strongroom audit verify` does.
 */
import { generateKeyPairSync } from 'node:crypto'
import { parseArgs } from 'node:util'
import type { AuditFacts } from '../../src/audit/event/audit-event.ts'
import { insertEvents } from '../../src/audit/event/audit-store.ts'
import { inBook } from '../../src/audit/event/event-book.ts'
import { createNewAuditEvent } from '../../src/audit/event/new-audit-event.ts'
import { openSequencer } from '../../src/audit/log/sequencer.ts'
import { verifyLog } from '../../src/audit/verification/verify-log.ts'
import { openLogOfDatabase } from '../../src/audit/verification/verify-store.ts'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { createNewId } from '../../src/values/identifier.ts'
import { createRandomBytes } from '../../src/values/random.ts'
import { bookOfNoVault, eventsOfNoVault } from '../support/event-books.ts'
import { readableSchemaSql } from '../support/readable-schema.ts'
import { query } from './cluster.ts'
import { cpuSecondsOf } from './cpu-time.ts'
import { count, fixed, markdown } from './table.ts'
import { withThrowAwayCluster } from './throw-away-cluster.ts'

const { values } = parseArgs({ options: { events: { type: 'string', default: '1000000' } } })
const total = Number(values.events)
const RECORDS_PER_BATCH = 500
const DEADLINE_SECONDS = 3600

const LIFE = ['record.tokenize', 'record.read', 'record.read', 'record.read', 'record.reveal'] as const

/** A record for each tokenization, as every form of the tables shows it. */
const RECORDS = `SET search_path = readable, public;
  INSERT INTO records (token, kind, site, version, consents, display_key_id, display_sealed, secret_key_id,
    secret_sealed, terms, created_at, updated_at)
  SELECT token, 'card', 'default', 1, '{}', 'key_1', '', 'key_1', '', '', occurred_at, occurred_at
  FROM audit_events WHERE type = 'record.tokenize';
  ANALYZE`

const book = bookOfNoVault()

await withThrowAwayCluster(DEADLINE_SECONDS, async (cluster) => {
  const urls = await cluster.createDatabase('log')
  const database = openDatabase({ url: urls.server })
  await fill(database)
  await sequence(database)
  await query(urls.superuser, readableSchemaSql())
  await query(urls.superuser, RECORDS)
  await verify(database, cluster.postmasterPid)
  await database.close()
})

async function fill(into: Database): Promise<void> {
  const now = () => new Date()
  const newAuditEvent = inBook(book, createNewAuditEvent(now, createNewId(now, createRandomBytes())))
  const newId = createNewId(now, createRandomBytes())
  for (let done = 0; done < total; done += RECORDS_PER_BATCH * LIFE.length) {
    const tokens = Array.from({ length: RECORDS_PER_BATCH }, () => newId('card'))
    const events = LIFE.flatMap((type) => tokens.map((token) => newAuditEvent(factsOf(type, token))))
    await insertEvents(into, events)
  }
}

function factsOf(type: (typeof LIFE)[number], token: string): AuditFacts {
  return {
    type,
    outcome: 'success',
    request_id: 'req_01m875zq8h6y8ccxhhdmq8bhda',
    site: 'default',
    token,
    kind: 'card',
    caller: { id: 'client_01m875zq8h6y8ccxhhdmq8bhda', kind: 'client', role: 'billing' },
    ...(type === 'record.tokenize' ? {} : { record_version: 1 }),
    ...(type === 'record.reveal' ? { purpose: 'process-payment', fields: ['number', 'exp_month', 'exp_year'] } : {}),
  }
}

async function sequence(database: Database): Promise<void> {
  let minutes = 0
  const now = () => new Date(Date.now() + minutes * 60_000)
  const newAuditEvent = inBook(book, createNewAuditEvent(now, createNewId(now, createRandomBytes())))
  const key = { id: 'key_bench', secret: generateKeyPairSync('ed25519').privateKey }
  const deps = {
    newAuditEvent,
    now,
    origin: 'bench/audit',
    events: eventsOfNoVault(book),
    keys: { active: () => key, all: () => [key], mark: () => ({ vault: `vault_${'0'.repeat(26)}`, generation: 1 }) },
  }
  const sequencer = await openSequencer(deps, database, undefined)
  do minutes += 1
  while ((await sequencer.advance()).isBehind)
}

async function verify(database: Database, postmasterPid: number): Promise<void> {
  const cpu = () => [cpuSecondsOf(postmasterPid, { children: true }) ?? 0, cpuSecondsOf(process.pid) ?? 0] as const
  const [postgres, own] = cpu()
  const started = performance.now()
  const result = await database.transaction(async (tx) =>
    verifyLog(await openLogOfDatabase(tx), { keys: [], checkpoints: [], receipts: [] }),
  )
  const seconds = (performance.now() - started) / 1000
  const [postgresAfter, ownAfter] = cpu()
  if (!result.ok) throw new Error(`the log does not verify: ${JSON.stringify(result.findings.slice(0, 3))}`)
  const { size, checkpoints, records } = result
  const row = [
    ...[size, checkpoints, records].map(count),
    ...[fixed(seconds), count(size / seconds)],
    ...[postgresAfter - postgres, ownAfter - own].map((one) => fixed((one / size) * 1e6)),
    `${Math.round(process.resourceUsage().maxRSS / 1024)} MB`,
  ]
  const head = [
    'events',
    'checkpoints',
    'records',
    'seconds',
    'events/s',
    'PostgreSQL, µs/event',
    'vault, µs/event',
    'memory',
  ]
  process.stdout.write(markdown(head, [row], new Set(row.keys())))
}
