import { fileURLToPath } from 'node:url'
import type { Amount, Amounts } from './amounts.ts'
import type { Seeded, SeedPlan } from './audit-seed.ts'
import type { Bench } from './bench.ts'
import { runProgram } from './child-process.ts'
import { query } from './cluster.ts'
import type { Progress } from './extras.ts'
import { waitForLog } from './hold-log.ts'
import { median } from './measurement.ts'

const HOUR_MS = 3_600_000
const READERS = 12
const CONNECTIONS = 64
/** The readers begin before the reveals, and end after them. */
const READERS_LONGER_SECONDS = 3

/** What a page is asked for by: what many events have, what one has, and what none has, since then all of them are looked at. */
const FILTERS: Readonly<Record<string, (seeded: Seeded) => string>> = {
  'no filter': () => '',
  'after an event in the middle': ({ middle }) => `after=${middle}`,
  'a caller of many': ({ caller }) => `caller=${caller}`,
  'a caller of none': () => 'caller=staff:nobody',
  'a token': ({ token }) => `token=${token}`,
  'a token of none': () => 'token=card_00000000000000000000000000',
  'a type of many': () => 'type=record.reveal',
  'a type of none': () => 'type=key.compromise',
  'a purpose of many': () => 'purpose=process-payment',
  'a purpose of none': () => 'purpose=marketing',
  'the last hour': () => `since=${new Date(Date.now() - HOUR_MS).toISOString()}`,
  'an hour 60 days ago': () =>
    `since=${new Date(Date.now() - 60 * 24 * HOUR_MS).toISOString()}&until=${new Date(Date.now() - (60 * 24 - 1) * HOUR_MS).toISOString()}`,
  'a purpose of none, and a caller of many': ({ caller }) => `purpose=marketing&caller=${caller}`,
  'a type of none, and a caller of many': ({ caller }) => `type=key.compromise&caller=${caller}`,
  'a purpose of many, in the last hour': () =>
    `purpose=process-payment&since=${new Date(Date.now() - HOUR_MS).toISOString()}`,
}

export const auditAmounts: readonly Amount[] = [
  ...Object.keys(FILTERS).flatMap((name): Amount[] => [
    { name: `audit-p50 ${name}`, title: `a page of the log by ${name}: p50`, unit: 'ms' },
    { name: `audit-p99 ${name}`, title: `the same: p99`, unit: 'ms', target: { atMost: 200 } },
  ]),
  {
    name: 'audit-beside',
    title: `reveals beside ${READERS} readers of a purpose of none / without them`,
    unit: 'times',
    target: { atLeast: 0.9 },
  },
]

/** Pages of a long log, by every filter; and what is left of reveals while some read it all the time. */
export async function auditReads(bench: Bench, progress: Progress): Promise<Amounts> {
  const vault = await bench.vault('log')
  const { superuser, server } = vault.database
  const { auditEvents, rounds, seconds } = bench.options
  const plan: SeedPlan = { databaseUrl: server, rootKeyFile: bench.place.rootKeyFile, events: auditEvents }
  const seeded = await runProgram<Seeded>(
    fileURLToPath(new URL('audit-seed.ts', import.meta.url)),
    plan,
    300 + auditEvents / 1000,
  )
  progress(`made ${auditEvents} events`)
  await waitForLog(superuser)
  await query(superuser, 'VACUUM (ANALYZE)')
  await query(superuser, 'CHECKPOINT')
  const results = new Map<string, number>()
  for (const [name, filter] of Object.entries(FILTERS)) {
    const tokens = [filter(seeded)]
    const { p50, p99, failures = {} } = await bench.load(vault, vault, { kind: 'audit', connections: 1, tokens })
    const failed = Object.keys(failures).length > 0 ? `, not answered: ${JSON.stringify(failures)}` : ''
    progress(`by ${name}: p50 ${p50} ms, p99 ${p99} ms${failed}`)
    // What was refused was not measured, and is not within any bar.
    results.set(`audit-p50 ${name}`, failed === '' ? p50! : Number.NaN)
    results.set(`audit-p99 ${name}`, failed === '' ? p99! : Number.NaN)
  }
  const reveal = () => bench.load(vault, vault, { kind: 'reveal', connections: CONNECTIONS })
  const ratios: number[] = []
  for (let round = 1; round <= rounds; round++) {
    const alone = await reveal()
    const tokens = [FILTERS['a purpose of none']!(seeded)]
    const reading = bench.load(vault, vault, {
      kind: 'audit',
      connections: READERS,
      seconds: seconds + READERS_LONGER_SECONDS,
      tokens,
    })
    const [beside, read] = await Promise.all([reveal(), reading])
    progress(
      `round ${round}/${rounds}  reveals: ${Math.round(alone.perSecond)}/s, beside ${READERS} readers ${Math.round(beside.perSecond)}/s, who got ${Math.round(read.perSecond)} pages/s ${JSON.stringify(read.failures)}`,
    )
    ratios.push(Object.keys(beside.failures ?? {}).length > 0 ? Number.NaN : beside.perSecond / alone.perSecond)
  }
  results.set('audit-beside', ratios.some(Number.isNaN) ? Number.NaN : median(ratios)!)
  return results
}
