import type { Amount, Amounts } from './amounts.ts'
import type { Bench } from './bench.ts'
import { query } from './cluster.ts'
import { bytesOf, walBytes } from './database-sizes.ts'
import type { Progress } from './extras.ts'
import { fillVault } from './fill.ts'

/** The size of a vault that the bars are for: a smaller one stays in memory, and nearly all of its pages are changed once. */
const OF_RECORDS = 400_000
/**
 * The WAL of a value at that size when a rotation does not walk in the order of the heap and index terms have one
 * partition, with the same settings. The bar is half of it.
 */
const BEFORE = {
  data: { walBytes: 839, tables: ['records'] },
  index: { walBytes: 1692, tables: ['search_terms'] },
} as const
type Rotated = keyof typeof BEFORE
const TITLES: Readonly<Record<Rotated, string>> = { data: 'rotation of data keys', index: 'rotation of index keys' }
const LOOK_EVERY_MS = 100

export function rotationAmounts(records: number): Amount[] {
  return (Object.keys(BEFORE) as Rotated[]).flatMap((which): Amount[] => [
    { name: `rotation-${which}-speed`, title: `${TITLES[which]}: speed`, unit: 'values/s' },
    {
      name: `rotation-${which}-wal`,
      title: `${TITLES[which]}: WAL of a value`,
      unit: 'bytes',
      target: records < OF_RECORDS ? undefined : { atMost: BEFORE[which].walBytes / 2 },
    },
    { name: `rotation-${which}-wal-times`, title: `${TITLES[which]}: WAL / size of the database`, unit: 'times' },
    {
      name: `rotation-${which}-size`,
      title: `${TITLES[which]}: size of ${BEFORE[which].tables.join(' and ')} afterwards / before`,
      unit: 'times',
      target: records < OF_RECORDS ? undefined : { atMost: 1.2 },
    },
    { name: `rotation-${which}-hot`, title: `${TITLES[which]}: updates that no index saw`, unit: 'share' },
    { name: `rotation-${which}-seconds`, title: `${TITLES[which]}: the whole command`, unit: 'seconds' },
  ])
}

/**
 * Rotates the keys of a running vault, with the command, and measures the database. The speed is that of moving values:
 * the command waits for the servers before and after that.
 */
export async function rotationCost(bench: Bench, progress: Progress): Promise<Amounts> {
  const vault = await bench.vault('rotated')
  const { superuser } = vault.database
  const { rotation } = bench.options
  const results = new Map<string, number>()
  await fillVault(bench, vault, 'batch-with-customer', rotation)
  for (const which of Object.keys(BEFORE) as Rotated[]) {
    await query(superuser, 'VACUUM (ANALYZE)')
    await query(superuser, 'CHECKPOINT')
    const before = await look(superuser, which)
    const startedAt = performance.now()
    const command = vault.cli(['keys', 'rotate', which, '--json'])
    const speed = await watchSpeed(superuser, which, command)
    const seconds = (performance.now() - startedAt) / 1000
    const after = await look(superuser, which)
    const values = speed.moved
    results.set(`rotation-${which}-speed`, speed.perSecond)
    results.set(`rotation-${which}-wal`, (after.wal - before.wal) / values)
    results.set(`rotation-${which}-wal-times`, (after.wal - before.wal) / before.database)
    results.set(`rotation-${which}-size`, after.bytes / before.bytes)
    const updates = after.updates - before.updates
    if (updates > 0) results.set(`rotation-${which}-hot`, (after.hot - before.hot) / updates)
    results.set(`rotation-${which}-seconds`, seconds)
    progress(
      `${TITLES[which]}: ${values} values, ${Math.round(speed.perSecond)} a second, ${seconds.toFixed(0)} s in all`,
    )
  }
  return results
}

async function look(superuser: string, which: Rotated) {
  const { tables } = BEFORE[which]
  const [row] = await query<{ database: number; updates: number; hot: number }>(
    superuser,
    `SELECT pg_database_size(current_database())::float8 AS database, sum(n_tup_upd)::float8 AS updates,
            sum(n_tup_hot_upd)::float8 AS hot
     FROM pg_stat_user_tables WHERE relname = ANY ($1::text[])
       OR relid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = ANY ($1::text[]::regclass[]))`,
    [tables],
  )
  return { ...row!, bytes: await bytesOf(superuser, tables), wal: await walBytes(superuser) }
}

/** From the first values that are moved to the last. */
async function watchSpeed(superuser: string, which: Rotated, command: Promise<string>) {
  let isOver = false
  const ended = command.finally(() => {
    isOver = true
  })
  const purposes = which === 'data' ? ['display', 'secret'] : ['index', 'card-index']
  const text = 'SELECT coalesce(sum(moved), 0)::float8 AS moved FROM rotations WHERE purpose = ANY ($1::text[])'
  let first: { at: number; moved: number } | undefined
  let last = { at: 0, moved: 0 }
  const watch = async () => {
    while (!isOver) {
      const [row] = await query<{ moved: number }>(superuser, text, [purposes])
      const now = { at: performance.now(), moved: row!.moved }
      if (now.moved > 0) first ??= now
      if (now.moved > last.moved) last = now
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
    }
  }
  await Promise.all([ended, watch()])
  if (first === undefined || last.at === first.at)
    throw new Error(`there are too few values to see the speed of ${which}`)
  return { moved: last.moved, perSecond: (last.moved - first.moved) / ((last.at - first.at) / 1000) }
}
