import { setTimeout as sleep } from 'node:timers/promises'
import type { Amount, Amounts } from './amounts.ts'
import type { Bench } from './bench.ts'
import { query } from './cluster.ts'
import type { Progress } from './extras.ts'
import { waitForLog } from './hold-log.ts'

const CALLS = [
  { name: 'tokenize', title: 'tokenize a card', kind: 'tokenize', connections: 64 },
  { name: 'reveal', title: 'reveal a card', kind: 'reveal', connections: 64 },
  { name: 'bound', title: 'the same, with a token bound to a key', kind: 'reveal', connections: 64, bound: true },
  { name: 'reveal-single', title: 'reveal a card', kind: 'reveal', connections: 1 },
  { name: 'bound-single', title: 'the same, with a token bound to a key', kind: 'reveal', connections: 1, bound: true },
] as const

/** A process of PostgreSQL that has nothing to do reports what it counted after so long (PGSTAT_IDLE_INTERVAL). */
const UNTIL_REPORTED_MS = 10_500

/** Every transaction that writes takes one id. The pages of the log are flushed by whichever process needs it first. */
const COUNTS = `SELECT pg_snapshot_xmax(pg_current_snapshot())::text::float8 AS commits,
  (SELECT sum(fsyncs)::float8 FROM pg_stat_io WHERE object = 'wal') AS fsyncs`

export const commitAmounts: readonly Amount[] = CALLS.flatMap(({ name, title, connections }): Amount[] => {
  const over = connections === 1 ? 'one connection' : `${connections} connections`
  return [
    { name: `${name}-commits`, title: `commits a call, ${over}: ${title}`, unit: 'times' },
    { name: `${name}-fsyncs`, title: `fsyncs of the WAL a call, ${over}: ${title}`, unit: 'times' },
  ]
})

/** Commits and fsyncs of the whole PostgreSQL for each call, those of the audit log's keeper among them. */
export async function commits(bench: Bench, progress: Progress): Promise<Amounts> {
  const vault = await bench.vault()
  const { superuser } = vault.database
  const counts = async () => {
    await waitForLog(superuser)
    await sleep(UNTIL_REPORTED_MS)
    const [row] = await query<{ commits: number; fsyncs: number }>(superuser, COUNTS)
    return row!
  }
  const results = new Map<string, number>()
  let before = await counts()
  for (const { name, ...load } of CALLS) {
    const requests = load.connections * 100
    await bench.load(vault, vault, { ...load, requests })
    const after = await counts()
    for (const count of ['commits', 'fsyncs'] as const) {
      results.set(`${name}-${count}`, (after[count] - before[count]) / requests)
    }
    progress(`${name}: ${results.get(`${name}-commits`)!.toFixed(2)} commits a call`)
    before = after
  }
  return results
}
