import { setTimeout as wait } from 'node:timers/promises'
import type { Knex } from 'knex'
import pg from 'pg'
import { VaultError } from '../../values/vault-error.ts'
import { type OnlineMigration, toKnexMigration } from './online-migration.ts'
import { replaceUnreleased } from './unreleased-migrations.ts'

/** SQLSTATE lock_not_available and deadlock_detected. */
const HELD_UP = ['55P03', '40P01']
const ATTEMPTS = 60
const PAUSE_MS = 1_000

/** Any number that nothing else in this database locks. */
const MIGRATION_LOCK = 0x7374_7201
const ASK_AGAIN_MS = 200

/** The migrations of one run are one batch and one event. */
const ONE_BATCH = `UPDATE migrations SET batch = (SELECT min(batch) FROM migrations WHERE name = ANY (?)) WHERE name = ANY (?)`

/** A table that a migration needs is locked; the message says so in one sentence. */
export class HeldUp extends VaultError {
  override readonly name = 'HeldUp'
}

/** By their names, in the order in which they are applied. */
export interface Migrations {
  /** What makes a new vault, in one transaction, while no server runs. */
  first: Readonly<Record<string, FirstMigration>>
  /** Those since, each by itself, beside running servers. */
  online: Readonly<Record<string, OnlineMigration>>
}

interface FirstMigration {
  up: (tx: Knex) => Promise<void>
}

export interface RunOptions {
  /** How often each is begun, a second after the other. Default: 60 times. */
  attempts?: number
  pauseMs?: number
}

export function namesOf({ first, online }: Migrations): string[] {
  return [...Object.keys(first), ...Object.keys(online)]
}

/** What knex runs. */
function sourceOf(migrations: Migrations): Knex.MigrationSource<string> {
  const { first, online } = migrations
  return {
    getMigrations: async () => namesOf(migrations),
    getMigrationName: (name) => name,
    getMigration: async (name) => ({ down: refuseRollback, ...(first[name] ?? toKnexMigration(online[name]!)) }),
  }
}

async function refuseRollback(): Promise<void> {
  throw new Error('migrations go forward only: another one, or a backup, undoes what one has done.')
}

/**
 * Applies what is pending and answers with its names.
 *
 * @param db whose sessions wait for a lock only for a short time
 * @throws {HeldUp} when a lock is not free in that many attempts; migrations that were applied before stay
 */
export async function runMigrations(db: Knex, migrations: Migrations, options: RunOptions = {}): Promise<string[]> {
  const { first, online } = migrations
  const applied = await patiently(async () => replaceUnreleased(db, await appliedBefore(db)), options)
  const known = await appliedBefore(db)

  /** Runs the first migration and the named ones, if they are pending. */
  async function run(names: readonly string[], which: 'latest' | 'up'): Promise<void> {
    const shown = Object.fromEntries(Object.entries(online).filter(([name]) => names.includes(name)))
    const config = { tableName: 'migrations', migrationSource: sourceOf({ first, online: shown }) }
    const [, done] = await patiently(async () => {
      // knex's own lock is a row that a killed migration leaves; the holder of the vault's lock may clear it.
      await db.migrate.forceFreeMigrationsLock(config)
      return (await db.migrate[which](config)) as [number, string[]]
    }, options)
    applied.push(...done)
  }

  await run(known, 'latest')
  for (const name of Object.keys(online)) {
    if (known.includes(name)) continue
    known.push(name)
    await run(known, 'up')
  }
  if (applied.length > 0) await db.raw(ONE_BATCH, [applied, applied])
  return applied
}

async function appliedBefore(db: Knex): Promise<string[]> {
  const { rows: tables } = await db.raw("SELECT to_regclass('migrations') IS NOT NULL AS is_there")
  if (!tables[0].is_there) return []
  const { rows } = await db.raw('SELECT name FROM migrations ORDER BY id')
  return rows.map(({ name }: { name: string }) => name)
}

async function patiently<T>(work: () => Promise<T>, { attempts = ATTEMPTS, pauseMs = PAUSE_MS }: RunOptions) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof pg.DatabaseError && HELD_UP.includes(error.code ?? ''))) throw error
      if (attempt === attempts) {
        throw new HeldUp(
          'a table that a migration needs is locked, for example by a backup or a long report: run "strongroom migrate" again when it is over.',
          { cause: error },
        )
      }
      await wait(pauseMs)
    }
  }
}

/**
 * Runs `work` while no other process migrates. The session that holds the lock is in no transaction, and polls rather
 * than wait in a statement: both would keep dead rows from being removed, and an index from being made.
 */
export async function whileNobodyElseMigrates<T>(session: pg.ClientBase, work: () => Promise<T>): Promise<T> {
  for (;;) {
    const { rows } = await session.query('SELECT pg_try_advisory_lock($1) AS is_mine', [MIGRATION_LOCK])
    if (rows[0].is_mine) break
    await wait(ASK_AGAIN_MS)
  }
  try {
    return await work()
  } finally {
    // The end of the session releases it as well.
    await session.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]).catch(() => {})
  }
}
