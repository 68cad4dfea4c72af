import { VAULT } from '../audit/event/audit-event.ts'
import { insertEvents } from '../audit/event/audit-store.ts'
import type { Queryable, Statement } from '../database/database.ts'
import { knownMigrations } from '../database/migration/migrate.ts'
import { isBeforeFirst } from '../database/migration/unreleased-migrations.ts'
import { type ChangeRegistryDeps, changeRegistry } from '../keys/registry/registry.ts'
import type { Keys } from '../keys/ring/keys.ts'
import { marksBefore, migratedMark, recordedMigration } from './vouched-schema.ts'

export interface RecordMigrationDeps extends ChangeRegistryDeps {
  keys: Pick<Keys, 'registry' | 'refresh' | 'verified'>
}

/** The migrations of the last run, if no run was recorded before. */
const APPLIED: Statement = {
  name: 'schema-applied-migrations',
  text: `SELECT name FROM migrations
         WHERE CASE $1 WHEN '' THEN batch = (SELECT max(batch) FROM migrations) ELSE name > $1 END ORDER BY name`,
}

/**
 * Writes the event of migrations that were applied without one. `migrate` runs as the owner of the schema and may have
 * no keys, so the first process of the new version that has them does it. Servers of an earlier version continue with
 * what it names.
 *
 * @param schema the hash of the schema that they have made
 * @throws {KeyRegistryError} if the registry was changed outside the vault
 * @throws {Problem} sealed
 */
export async function recordMigration(deps: RecordMigrationDeps, schema: string): Promise<void> {
  const latest = knownMigrations.at(-1)!
  if (releasedMigration(deps.keys.verified.marks) >= latest) return
  await changeRegistry(deps, VAULT, async ({ tx, marks, mark, unmark }) => {
    const before = releasedMigration(marks)
    if (before >= latest) return
    const migrations = await selectApplied(tx, before)
    await insertEvents(tx, [
      deps.newAuditEvent({ type: 'migrate', outcome: 'success', caller: VAULT, migrations, schema }),
    ])
    const now = migratedMark(latest, schema)
    for (const former of marksBefore(now, marks)) unmark(former)
    mark(now)
  })
}

/** The latest migration whose event was written; those before the first one do not count. */
function releasedMigration(marks: readonly string[]): string {
  const recorded = recordedMigration(marks)
  return isBeforeFirst(recorded) ? '' : recorded
}

async function selectApplied(db: Queryable, after: string): Promise<string[]> {
  return (await db.query<{ name: string }>(APPLIED, [after])).map(({ name }) => name)
}
