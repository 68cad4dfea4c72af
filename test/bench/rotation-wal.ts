/**
 * What does a rotation write? `node test/bench/rotation-wal.ts [--records 50000] [--rounds 1]`. Needs no build; 400,000 records take
 * some ten minutes.
 *
 * Fills a throw-away vault with cards of customers, which have two search terms each, and rotates its keys: the data keys, then
 * the index keys. Says of each rotation how much WAL it wrote, how many values it moved a second, how many rows were updated
 * in their place, and how large the tables are afterwards.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { AuditCaller } from '../../src/audit/event/audit-event.ts'
import { inBook } from '../../src/audit/event/event-book.ts'
import { createDevelopmentPassphrase } from '../../src/keys/root-key/passphrase-file.ts'
import { estimateRotation } from '../../src/keys/rotation/estimate-rotation.ts'
import { rotateKeys } from '../../src/keys/rotation/rotate-keys.ts'
import { type RotationName, rotations } from '../../src/keys/rotation/rotation.ts'
import { createRecordBatches } from '../../src/records/record-batches.ts'
import { createReencryptionTargets } from '../../src/records/reencryption-targets.ts'
import { checkoutSchema } from '../../src/records/tokenize/checkout-schema.ts'
import { tokenizeCheckouts } from '../../src/records/tokenize/tokenize.ts'
import { parseInput } from '../../src/values/parse-input.ts'
import { bookOfNoVault } from '../support/event-books.ts'
import { query } from './cluster.ts'
import { cpuSecondsOf } from './cpu-time.ts'
import { requestParts } from './requests.ts'
import { withThrowAwayCluster } from './throw-away-cluster.ts'
import { openVaultParts } from './vault-parts.ts'

const { values } = parseArgs({
  options: { records: { type: 'string', default: '50000' }, rounds: { type: 'string', default: '1' } },
})
const total = Number(values.records)
const OPERATOR: AuditCaller = { id: 'operator:bench', kind: 'operator' }
const CALLER = { id: 'bench', kind: 'client', role: 'checkout', site: 'default' } as const
const MIB = 1024 * 1024

const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-rotation-'))
try {
  await withThrowAwayCluster(3600, async (cluster) => {
    const urls = await cluster.createDatabase('rotation')
    const rootKeyFile = path.join(directory, 'root-key')
    await createDevelopmentPassphrase(rootKeyFile)
    const opened = await openVaultParts({ databaseUrl: urls.server, rootKeyFile })
    const parts = { ...opened, newAuditEvent: inBook(bookOfNoVault(), opened.newAuditEvent) }
    const targets = createReencryptionTargets({ ...parts, findsCards: true })
    await fill(parts)
    await query(urls.superuser, 'VACUUM ANALYZE')
    await sizes(urls.superuser, 'filled')
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const name of ['data', 'index'] as const) {
        await rotate({ ...parts, targets }, urls.superuser, name, cluster.postmasterPid)
      }
    }
    await parts.close()
  })
} finally {
  rmSync(directory, { recursive: true, force: true })
}

type Parts = Awaited<ReturnType<typeof openVaultParts>>

async function fill(parts: Parts): Promise<void> {
  const schema = checkoutSchema(parts.kinds)
  const batches = createRecordBatches(parts.database)
  const caller = { ...CALLER, scopes: new Set<never>(), purposes: new Set<never>() }
  for (let stored = 0; stored < total; stored += 1000) {
    const { body } = requestParts('batch-1000', { accessToken: '', tokens: [] }, 0)
    const { items } = JSON.parse(body ?? '') as { items: object[] }
    const checkouts = items.map((item, at) => parseInput(schema, { ...item, customer: `cus_${stored + at}` }))
    await tokenizeCheckouts({ ...parts, batches }, caller, checkouts, {
      requestId: 'req_bench',
      source: { address: '127.0.0.1', network: '127.0.0.1' },
    })
  }
}

async function rotate(
  deps: Parts & { targets: ReturnType<typeof createReencryptionTargets> },
  superuser: string,
  name: RotationName,
  postmasterPid: number,
): Promise<void> {
  await query(superuser, 'CHECKPOINT')
  const request = { purposes: rotations[name] }
  const estimate = await estimateRotation(deps, request)
  const [before] = await walAt(superuser)
  const postgresCpu = () => cpuSecondsOf(postmasterPid, { children: true }) ?? Number.NaN
  const [startedAt, cpu, cpuBefore] = [performance.now(), process.cpuUsage(), postgresCpu()]
  let [firstAt, lastAt, lastMoved] = [0, 0, 0]
  const onProgress = ({ moved }: { moved: number }) => {
    firstAt ||= performance.now()
    if (moved > lastMoved) lastAt = performance.now()
    lastMoved = moved
  }
  const control = { onProgress, signal: new AbortController().signal }
  const { moved, done } = await rotateKeys(deps, OPERATOR, request, control)
  const endedAt = performance.now()
  const { user, system } = process.cpuUsage(cpu)
  const wal = await walAt(superuser, before!.lsn)
  const seconds = (lastAt - firstAt) / 1000
  print(
    `${name}: ${moved} values, done ${done}, ${(Number(wal[0]!.bytes) / MIB).toFixed(0)} MiB of WAL, ` +
      `${(moved / seconds).toFixed(0)} values/s in ${seconds.toFixed(1)} s, ${((endedAt - startedAt) / 1000).toFixed(1)} s in all, ` +
      `CPU ${((user + system) / 1e6).toFixed(1)} s here and ${(postgresCpu() - cpuBefore).toFixed(1)} s in PostgreSQL; estimated ${JSON.stringify({ ...estimate, keys: undefined })}`,
  )
  await explain(superuser, before!.lsn)
  await query(superuser, 'SELECT pg_stat_force_next_flush()')
  const rows = await query<{ relname: string; upd: string; hot: string; dead: string }>(
    superuser,
    `SELECT relname, n_tup_upd AS upd, n_tup_hot_upd AS hot, n_dead_tup AS dead, autovacuum_count AS vacuums FROM pg_stat_user_tables
     WHERE relname = 'records' OR relname LIKE 'search_terms%'`,
  )
  for (const row of rows) print(`  ${JSON.stringify(row)}`)
  await sizes(superuser, `after ${name}`)
}

async function walAt(superuser: string, since = '0/0'): Promise<{ lsn: string; bytes: string }[]> {
  return query(
    superuser,
    `SELECT pg_current_wal_insert_lsn()::text AS lsn, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1) AS bytes`,
    [since],
  )
}

async function sizes(superuser: string, when: string): Promise<void> {
  const rows = await query<{ relname: string; heap: string; indexes: string }>(
    superuser,
    `SELECT relname, pg_table_size(c.oid) / 1024 AS heap, pg_indexes_size(c.oid) / 1024 AS indexes FROM pg_class c
     WHERE relkind = 'r' AND (relname = 'records' OR relname LIKE 'search_terms%') ORDER BY 1`,
  )
  print(`${when}: ${rows.map(({ relname, heap, indexes }) => `${relname} ${heap} kB + ${indexes} kB`).join(', ')}`)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function explain(superuser: string, since: string): Promise<void> {
  await query(superuser, 'CREATE EXTENSION IF NOT EXISTS pg_walinspect')
  const rows = await query<Record<string, unknown>>(
    superuser,
    `SELECT "resource_manager/record_type" AS type, count, record_size / 1024 AS record_kb, fpi_size / 1024 AS fpi_kb
     FROM pg_get_wal_stats($1::pg_lsn, pg_current_wal_insert_lsn(), true) WHERE combined_size > 500000 ORDER BY combined_size DESC`,
    [since],
  )
  for (const row of rows) print(`    ${JSON.stringify(Object.values(row))}`)
}
