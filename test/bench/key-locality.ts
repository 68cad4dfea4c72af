/**
 * Does it pay to store records under a time-ordered key, with the random token in a unique index beside it?
 * `node test/bench/key-locality.ts [--records 1000000]`. Takes some minutes; needs no build.
 *
 * Each form gets a database of its own in one throw-away PostgreSQL, filled with as many records as were asked for, each
 * with two search terms and its event, in the order in which a shop would make them, so that the indexes have grown and
 * not been built. Then batches of 50 records, one commit each, are copied from an unlogged table by one statement like
 * the vault's. Every round starts with a CHECKPOINT, after which the first change of a page writes the whole page to the log.
 */
import { parseArgs } from 'node:util'
import pg from 'pg'
import type { DatabaseUrls } from '../../src/embedded-postgres/database-file.ts'
import { query } from './cluster.ts'
import { type Form, forms, makeRows } from './key-locality-forms.ts'
import { median } from './measurement.ts'
import { count, fixed, markdown } from './table.ts'
import { withThrowAwayCluster } from './throw-away-cluster.ts'

const { values } = parseArgs({ options: { records: { type: 'string', default: '1000000' } } })
const records = Number(values.records)
const ROUNDS = 3
const BATCH_ROWS = 50
const BATCHES = 1000
const CONNECTIONS = 2
const FILL_ROWS = 20_000
const DEADLINE_SECONDS = 1800

interface Round {
  perSecond: number
  walBytes: number
}

const progress = (text: string) => process.stderr.write(`${text}\n`)

await withThrowAwayCluster(DEADLINE_SECONDS, async (cluster) => {
  const databases = new Map<Form, DatabaseUrls>()
  for (const form of forms) {
    const urls = await cluster.createDatabase(form.name)
    databases.set(form, urls)
    progress(`filling ${form.name} with ${count(records)} records`)
    await fill(form, urls.superuser)
  }
  const rounds = new Map<Form, Round[]>(forms.map((form) => [form, []]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [form, urls] of databases) {
      const measured = await measure(form, urls.superuser)
      progress(`round ${round + 1}/${ROUNDS}  ${form.name}: ${count(measured.perSecond)} records/s`)
      rounds.get(form)!.push(measured)
    }
  }
  const sizes = new Map<Form, string[]>()
  for (const [form, urls] of databases) sizes.set(form, await indexSizes(urls.superuser))
  const rows = forms.map((form) => [
    form.title,
    count(median(rounds.get(form)!.map((round) => round.perSecond))!),
    count(median(rounds.get(form)!.map((round) => round.walBytes))!),
    ...sizes.get(form)!,
  ])
  const head = [
    'records are keyed by',
    'records/s',
    'WAL bytes/record',
    'tables MiB',
    'indexes MiB',
    'of these on records',
  ]
  process.stdout.write(
    `\n${count(records)} records, then ${ROUNDS} rounds of ${BATCHES} batches of ${BATCH_ROWS}, ${CONNECTIONS} connections, medians\n\n${markdown(head, rows, new Set([1, 2, 3, 4, 5]))}\n`,
  )
})

async function fill(form: Form, url: string): Promise<void> {
  await query(url, form.schema)
  await query(
    url,
    'CREATE UNLOGGED TABLE made (n bigint PRIMARY KEY, token text, event text, term1 bytea, term2 bytea)',
  )
  for (let from = 0; from < records; from += FILL_ROWS) {
    await query(url, makeRows, [from, Math.min(records, from + FILL_ROWS) - 1])
    await query(url, form.insert, [from, from + FILL_ROWS - 1])
    await query(url, 'TRUNCATE made')
  }
  await query(url, 'VACUUM (ANALYZE)')
}

async function measure(form: Form, url: string): Promise<Round> {
  await query(url, 'TRUNCATE made')
  await query(url, makeRows, [0, BATCHES * BATCH_ROWS - 1])
  await query(url, 'ANALYZE made')
  await query(url, 'CHECKPOINT')
  const clients = Array.from({ length: CONNECTIONS }, () => new pg.Client({ connectionString: url }))
  await Promise.all(clients.map((client) => client.connect()))
  try {
    const before = await walPosition(url)
    const startedAt = performance.now()
    let next = 0
    await Promise.all(
      clients.map(async (client) => {
        while (next < BATCHES) {
          const from = next++ * BATCH_ROWS
          await client.query({ name: 'insert', text: form.insert, values: [from, from + BATCH_ROWS - 1] })
        }
      }),
    )
    const seconds = (performance.now() - startedAt) / 1000
    const bytes = (await walPosition(url)) - before
    return { perSecond: (BATCHES * BATCH_ROWS) / seconds, walBytes: bytes / (BATCHES * BATCH_ROWS) }
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
}

async function walPosition(url: string): Promise<number> {
  const [row] = await query<{ bytes: string }>(url, `SELECT pg_current_wal_lsn() - '0/0'::pg_lsn AS bytes`)
  return Number(row?.bytes)
}

async function indexSizes(url: string): Promise<string[]> {
  const [row] = await query<Record<'tables' | 'indexes' | 'records', string>>(
    url,
    `SELECT sum(pg_table_size(c.oid)) AS tables, sum(pg_indexes_size(c.oid)) AS indexes,
            sum(pg_indexes_size(c.oid)) FILTER (WHERE relname = 'records') AS records
     FROM pg_class c WHERE relname IN ('records', 'search_terms', 'audit_events') AND relkind = 'r'`,
  )
  const mebibytes = (bytes: string | undefined) => fixed(Number(bytes) / 2 ** 20)
  return [mebibytes(row?.tables), mebibytes(row?.indexes), mebibytes(row?.records)]
}
