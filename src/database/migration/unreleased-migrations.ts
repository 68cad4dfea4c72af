import type { Knex } from 'knex'
import * as dictionary from '../../../migrations/before-release/0029-dictionary.ts'
import * as leanRecords from '../../../migrations/before-release/0030-lean-records.ts'
import * as leanEvents from '../../../migrations/before-release/0031-lean-events.ts'
import * as rotation from '../../../migrations/before-release/0032-rotation.ts'
import { VaultError } from '../../values/vault-error.ts'

/** The migration that makes a new vault. */
const FIRST = '0001-schema'

/**
 * The last of those that made a vault before there was a release. What they had made is what the first one makes, and
 * a check of the kinds. A registry may remember its name (`schema/vouched-schema.ts`), and names are compared: later
 * migrations have higher numbers.
 */
export const LAST_UNRELEASED = '0032-rotation'

/** The oldest state of a vault before the release that is still upgraded. */
const OLDEST = '0028-months-and-vacuum'

/** The way from there to the last one, in the order in which they are applied. */
const UNRELEASED: Readonly<Record<string, { up: (tx: Knex) => Promise<void> }>> = {
  '0029-dictionary': dictionary,
  '0030-lean-records': leanRecords,
  '0031-lean-events': leanEvents,
  [LAST_UNRELEASED]: rotation,
}

/** The kinds are those of `kinds/registry.ts`. The first migration does not repeat them. */
const DROP_KIND_CHECK = 'ALTER TABLE records DROP CONSTRAINT IF EXISTS records_kind_check'

/** The database was made before the first release, and holds less than the first migration makes. */
class UnreleasedDatabase extends VaultError {
  override readonly name = 'UnreleasedDatabase'
}

/**
 * Why a database with these migrations cannot be brought up to date; undefined when it can be.
 *
 * @param applied in the order in which they were applied
 */
export function refuseUnreleased(applied: readonly string[]): string | undefined {
  const last = applied.at(-1)
  if (last === undefined || applied.includes(FIRST) || last === OLDEST || Object.hasOwn(UNRELEASED, last))
    return undefined
  return `the database is of a version before the first release (its last migration is ${readable(last)}), which this version does not upgrade: give the vault an empty database, or bring this one to ${OLDEST} with the version that has that migration.`
}

/** Whether the tables are those that the first migration makes, with or without its record. */
export function hasFirstSchema(applied: readonly string[]): boolean {
  return applied.includes(FIRST) || applied.at(-1) === LAST_UNRELEASED
}

/** Whether a migration of that name was recorded by the vault before the tables were those of the first one. */
export function isBeforeFirst(recorded: string): boolean {
  return recorded !== '' && recorded !== FIRST && recorded < LAST_UNRELEASED
}

/**
 * Brings a database from before the release to the state that the first migration makes, and replaces the records of
 * the unreleased migrations by its record. Each of them is a transaction, so an interrupted run continues where it
 * stopped.
 *
 * @param applied in the order in which they were applied
 * @returns the names that were written
 * @throws {UnreleasedDatabase} and nothing is changed
 */
export async function replaceUnreleased(db: Knex, applied: readonly string[]): Promise<string[]> {
  const refusal = refuseUnreleased(applied)
  if (refusal !== undefined) throw new UnreleasedDatabase(refusal)
  if (applied.length === 0 || applied.includes(FIRST)) return []
  for (const [name, { up }] of Object.entries(UNRELEASED)) {
    if (applied.includes(name)) continue
    await db.transaction(async (tx) => {
      await up(tx)
      await tx.raw('INSERT INTO migrations (name, batch, migration_time) VALUES (?, 1, now())', [name])
    })
  }
  await db.transaction(async (tx) => {
    await tx.raw(DROP_KIND_CHECK)
    const { rows } = await tx.raw('SELECT max(migration_time) AS at FROM migrations')
    await tx.raw('DELETE FROM migrations')
    await tx.raw('INSERT INTO migrations (name, batch, migration_time) VALUES (?, 1, ?)', [FIRST, rows[0].at])
  })
  return [FIRST]
}

/** A table that is not the vault's may contain anything. */
function readable(name: string): string {
  return /^[\w-]{1,100}$/.test(name) ? name : '?'
}
