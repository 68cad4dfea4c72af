import type { Bench } from './bench.ts'
import { query } from './cluster.ts'
import { residentMebibytesOf } from './cpu-time.ts'
import type { Figure } from './figures.ts'
import { fillVault } from './fill.ts'
import { waitForLog } from './hold-log.ts'
import { type Measurement, medianOf } from './measurement.ts'
import type { Vault } from './servers.ts'

export type Line = Omit<Figure, 'measure' | 'prepare'>
export type Progress = (text: string) => void

const CONNECTIONS = 64
const SOAK_MINUTES = 5
/** Not the events: the vault would report missing ones as removed. */
const EMPTY = 'TRUNCATE records, search_terms'

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
/** To see that it works. */
const QUICK_LARGE = 50_000
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
 * Vaults that differ in how much they hold, filled through the API, measured in turn, each size first in every other round. A small
 * one is a new one each time, or what was stored before would make it a large one. Before each measurement its log is kept up
 * and a load as long as the measurement has written the pages that a checkpoint has every change write whole.
 */
export async function million(bench: Bench, progress: Progress): Promise<Map<string, Measurement>> {
  const large = await bench.vault('large')
  const stored = bench.options.quick ? QUICK_LARGE : SIZES.large
  progress(`filled with ${stored} records, ${Math.round(await fill(bench, large, stored))} a second`)
  const rounds = new Map<string, Measurement[]>()
  for (let round = 0; round < bench.options.rounds; round++) {
    for (const kind of KINDS) {
      const sizes = ['small', 'large'] as const
      for (const size of round % 2 === 0 ? sizes : sizes.toReversed()) {
        const vault = size === 'large' ? large : await bench.vault(`small-${kind}-${round}`)
        if (size === 'small') await fill(bench, vault, SIZES.small)
        await query(vault.database.superuser, 'CHECKPOINT')
        await bench.load(vault, vault, { kind, connections: CONNECTIONS })
        await waitForLog(vault.database.superuser)
        const measured = await bench.load(vault, vault, { kind, connections: CONNECTIONS })
        if (size === 'small') await vault.stop()
        const name = `${kind}-${size}`
        progress(`round ${round + 1}/${bench.options.rounds}  ${name}: ${Math.round(measured.perSecond)} requests/s`)
        rounds.set(name, [...(rounds.get(name) ?? []), measured])
      }
    }
  }
  return new Map([...rounds].map(([name, measured]) => [name, medianOf(measured)]))
}

/** Answers with the records stored per second. */
async function fill(bench: Bench, vault: Vault, records: number): Promise<number> {
  const perSecond = await fillVault(bench, vault, 'batch-1000', records)
  await query(vault.database.superuser, 'VACUUM (ANALYZE)')
  return perSecond
}
