import type { Bench } from './bench.ts'
import { query } from './cluster.ts'
import { residentMebibytesOf } from './cpu-time.ts'
import type { Figure } from './figures.ts'
import { type Measurement, medianOf } from './measurement.ts'

export type Line = Omit<Figure, 'measure' | 'prepare'>
export type Progress = (text: string) => void

const CONNECTIONS = 64
const SOAK_MINUTES = 5
const EMPTY = 'TRUNCATE records, search_terms, audit_events'

export const soakLines: readonly Line[] = [
  { name: 'memory-1', title: 'resident memory after 1 minute, MiB', connections: CONNECTIONS, unit: 'requests' },
  { name: 'memory-5', title: 'resident memory after 5 minutes, MiB', connections: CONNECTIONS, unit: 'requests' },
]

/**
 * Five minutes of load, a minute at a time since a client's token lives no longer than five. What was stored is thrown away
 * between two of them, so that the disk does not fill; memory is the vault's, which does not see that.
 */
export async function soak(bench: Bench, progress: Progress): Promise<Map<string, Measurement>> {
  const vault = await bench.vault()
  const results = new Map<string, Measurement>()
  for (let minute = 1; minute <= SOAK_MINUTES; minute++) {
    const measured = await bench.load(vault, vault, { kind: 'tokenize', connections: CONNECTIONS, seconds: 60 })
    const mebibytes = residentMebibytesOf(vault.pid)
    progress(`soak, minute ${minute}: ${Math.round(measured.perSecond)} requests/s, ${mebibytes.toFixed(0)} MiB`)
    const line = { ...measured, perSecond: mebibytes }
    if (minute === 1) results.set('memory-1', line)
    if (minute === SOAK_MINUTES) results.set('memory-5', line)
    await query(vault.database.superuser, EMPTY)
  }
  return results
}

const SIZES = { small: 10_000, large: 1_000_000 } as const
const KINDS = ['tokenize', 'reveal'] as const

export const millionLines: readonly Line[] = KINDS.flatMap((kind) =>
  (['small', 'large'] as const).map((size) => ({
    name: `${kind}-${size}`,
    title: `${kind} with ${SIZES[size].toLocaleString('en-US')} records stored`,
    connections: CONNECTIONS,
    unit: 'requests' as const,
  })),
)

/**
 * Two vaults that differ in how much they hold, filled through the API, measured in turn. The small one is emptied and filled
 * again before each measurement, or what it stores meanwhile would make it a large one.
 */
export async function million(bench: Bench, progress: Progress): Promise<Map<string, Measurement>> {
  progress(`filled with ${SIZES.large} records, ${Math.round(await fill(bench, 'large'))} a second`)
  const rounds = new Map<string, Measurement[]>()
  for (let round = 0; round < bench.options.rounds; round++) {
    for (const kind of KINDS) {
      for (const size of ['small', 'large'] as const) {
        const vault = await bench.vault(size)
        if (size === 'small') {
          await query(vault.database.superuser, EMPTY)
          await fill(bench, size)
        }
        // The first change of a page after a checkpoint goes to the log whole: the dearest moment, and the same for both.
        await query(vault.database.superuser, 'CHECKPOINT')
        const measured = await bench.load(vault, vault, { kind, connections: CONNECTIONS })
        const name = `${kind}-${size}`
        progress(`round ${round + 1}/${bench.options.rounds}  ${name}: ${Math.round(measured.perSecond)} requests/s`)
        rounds.set(name, [...(rounds.get(name) ?? []), measured])
      }
    }
  }
  return new Map([...rounds].map(([name, measured]) => [name, medianOf(measured)]))
}

/** Answers with the records stored per second. */
async function fill(bench: Bench, size: keyof typeof SIZES): Promise<number> {
  const vault = await bench.vault(size)
  const requests = SIZES[size] / 1000
  const { perSecond } = await bench.load(vault, vault, { kind: 'batch-1000', connections: 4, requests })
  await query(vault.database.superuser, 'VACUUM (ANALYZE)')
  return perSecond
}
