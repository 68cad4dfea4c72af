import type { Knex } from 'knex'

/** A second. While a statement of a migration waits, statements of servers wait behind it, and no longer than this. */
export const LOCK_TIMEOUT = '1s'

/**
 * A migration beside servers that serve, of one kind; each waits at most a second for a lock, and begins again if it
 * does not get it. `docs/contributing/migrations.md` says when to write which.
 */
export type OnlineMigration =
  /** Changes the catalog in one short transaction: `ADD COLUMN`, `ADD CONSTRAINT … NOT VALID`, functions, rights. */
  | { change: (tx: Knex) => Promise<unknown> }
  /**
   * Fills in rows page by page, each page in a transaction of its own. A page finds what is left to do and answers with
   * how many rows it has done, so an interrupted run continues. 0 is the end.
   */
  | { fill: (tx: Knex) => Promise<number> }
  /** Makes an index while the table is written: `CREATE [UNIQUE] INDEX CONCURRENTLY name ON …`. */
  | { index: { name: string; on: string; unique?: boolean } }
  /** Reads a table for a constraint that was added with `NOT VALID`, while it is written. */
  | { validate: { table: string; constraint: string } }

/**
 * The migration in the form that knex runs. If it is not one transaction, it continues where it stopped, and counts as
 * applied at its end.
 */
export function toKnexMigration(migration: OnlineMigration) {
  const { up, transaction } = stepsOf(migration)
  return { up, config: { transaction } }
}

function stepsOf(migration: OnlineMigration): { up: (knex: Knex) => Promise<void>; transaction: boolean } {
  if ('change' in migration) {
    return { transaction: true, up: async (tx) => void (await migration.change(tx)) }
  }
  if ('fill' in migration) {
    return {
      transaction: false,
      async up(knex) {
        while ((await knex.transaction((tx) => migration.fill(tx))) > 0);
      },
    }
  }
  if ('index' in migration) return { transaction: false, up: (knex) => makeIndex(knex, migration.index) }
  const { table, constraint } = migration.validate
  return {
    transaction: true,
    up: async (tx) => void (await tx.raw('ALTER TABLE ?? VALIDATE CONSTRAINT ??', [table, constraint])),
  }
}

/**
 * On one session. An index that a former attempt has left half made is invalid, slows writers down and has the name.
 */
async function makeIndex(knex: Knex, { name, on, unique = false }: { name: string; on: string; unique?: boolean }) {
  const connection = await knex.client.acquireConnection()
  const run = (text: string, values: readonly string[] = []) => knex.raw(text, values).connection(connection)
  try {
    // It waits for every transaction that began before. No statement of a server waits for it.
    await run('SET lock_timeout = 0')
    const { rows } = await run(
      `SELECT indisvalid AS is_valid FROM pg_index
       WHERE indexrelid = to_regclass(quote_ident(current_schema()) || '.' || quote_ident(?))`,
      [name],
    )
    if (rows[0]?.is_valid === true) return
    if (rows.length > 0) await run('DROP INDEX CONCURRENTLY ??', [name])
    await run(`CREATE ${unique ? 'UNIQUE ' : ''}INDEX CONCURRENTLY ?? ON ${on}`, [name])
  } finally {
    await run(`SET lock_timeout = '${LOCK_TIMEOUT}'`).catch(() => {})
    await knex.client.releaseConnection(connection)
  }
}
