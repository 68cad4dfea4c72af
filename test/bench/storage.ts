import type { Amount, Amounts } from './amounts.ts'
import type { Bench } from './bench.ts'
import { query } from './cluster.ts'
import { bytesOf, RECORD_TABLES, walBytes } from './database-sizes.ts'
import type { Progress } from './extras.ts'
import { fillVault } from './fill.ts'
import { waitForLog } from './hold-log.ts'
import type { RequestKind } from './requests.ts'
import { sampleTokens } from './sample-tokens.ts'

const CALLS = {
  'tokenize-with-customer': 'tokenize a card with two terms',
  reveal: 'reveal a card',
  read: 'masked read',
  correct: 'correct a contact with three terms',
} as const satisfies Partial<Record<RequestKind, string>>
type Call = keyof typeof CALLS

/** A few, right after a checkpoint: nearly each of them changes pages that nothing has changed since. */
const CALLS_BEHIND_CHECKPOINT = 500
/** The warm-up uses the records of the measured calls, so that their pages are in the log already. */
const CALLS_STEADY = 1_000

export const storageAmounts: readonly Amount[] = [
  {
    name: 'record-bytes',
    title: 'stored for a card with two terms, its event and its leaf',
    unit: 'bytes',
    target: { atMost: 1700 },
  },
  { name: 'record-wal', title: 'WAL of it, in batches of 1,000', unit: 'bytes', target: { atMost: 2350 } },
  ...Object.entries(CALLS).flatMap(([name, title]): Amount[] => [
    { name: `${name}-wal`, title: `WAL of a call: ${title}`, unit: 'bytes' },
    { name: `${name}-wal-behind-checkpoint`, title: `the same, right behind a checkpoint`, unit: 'bytes' },
  ]),
]

/**
 * What records and calls cost the disk. Records are stored through the vault's batches, with no checkpoint in between; calls
 * come one after the other over one connection, so that each has a commit of its own.
 */
export async function storage(bench: Bench, progress: Progress): Promise<Amounts> {
  const vault = await bench.vault('storage')
  const { superuser } = vault.database
  const results = new Map<string, number>()
  const records = bench.options.quick ? 10_000 : 50_000
  const send = async (load: Parameters<Bench['load']>[2]) => {
    const { failures = {} } = await bench.load(vault, vault, load)
    if (Object.keys(failures).length > 0) throw new Error(`${load.kind} was answered: ${JSON.stringify(failures)}`)
    await waitForLog(superuser)
  }
  const fill = (kind: RequestKind, batches: number) => fillVault(bench, vault, kind, batches * 1000)

  // The first batch makes what there is once: the first pages of indexes, plans, a month.
  await fill('batch-with-customer', 1)
  await query(superuser, 'CHECKPOINT')
  const before = { bytes: await bytesOf(superuser, RECORD_TABLES), wal: await walBytes(superuser) }
  await fill('batch-with-customer', records / 1000)
  results.set('record-wal', ((await walBytes(superuser)) - before.wal) / records)
  results.set('record-bytes', ((await bytesOf(superuser, RECORD_TABLES)) - before.bytes) / records)
  progress(`stored ${records} cards, ${Math.round(results.get('record-bytes')!)} bytes each`)

  await fill('batch-contacts', 10)
  await query(superuser, 'VACUUM (ANALYZE)')
  const tokens = {
    card: await sampleTokens(superuser, 'card', 20_000),
    contact: await sampleTokens(superuser, 'contact', 20_000),
  }
  for (const kind of Object.keys(CALLS) as Call[]) {
    const wal = async (requests: number) => {
      const from = await walBytes(superuser)
      const of = kind === 'correct' ? tokens.contact : tokens.card
      await send({ kind, connections: 1, requests, tokens: of })
      return ((await walBytes(superuser)) - from) / requests
    }
    await query(superuser, 'CHECKPOINT')
    results.set(`${kind}-wal-behind-checkpoint`, await wal(CALLS_BEHIND_CHECKPOINT))
    await wal(CALLS_STEADY)
    results.set(`${kind}-wal`, await wal(CALLS_STEADY))
    progress(`${kind}: ${Math.round(results.get(`${kind}-wal`)!)} bytes of WAL a call`)
  }
  return results
}
