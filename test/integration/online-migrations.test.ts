import type { Knex } from 'knex'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, it, vi } from 'vitest'
import type { OnlineMigration } from '../../src/database/migration/online-migration.ts'
import { openForMigrations } from '../../src/database/migration/open-for-migrations.ts'
import {
  HeldUp,
  type RunOptions,
  runMigrations,
  whileNobodyElseMigrates,
} from '../../src/database/migration/run-migrations.ts'
import { withDatabase } from '../support/postgres.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const PATIENCE = { timeout: 30_000, interval: 20 }
const ROWS = 2_500

let vault: TestVault
let db: Knex

const superuserUrl = () => withDatabase(inject('cluster').superuserUrl, vault.database.name)

/** A filled vault that serves. */
beforeAll(async () => {
  vault = await TestVault.start()
  await vault.database.sql(
    `INSERT INTO spent_ids (id, expires_at) SELECT sha256(n::text::bytea), now() + interval '1 day' FROM generate_series(1, ${ROWS}) n`,
  )
})
afterAll(async () => {
  await vault.checkInvariants()
  await vault.stop()
})

beforeEach(async () => {
  db = await openForMigrations({ url: superuserUrl(), schema: 'public' })
})
afterEach(() => db.destroy())

/** Applies these after everything that the database has already. */
async function apply(online: Record<string, OnlineMigration>, options: RunOptions = {}): Promise<string[]> {
  const rows = await vault.database.sql<{ name: string }>('SELECT name FROM migrations ORDER BY id')
  const none = { up: async () => {} }
  const first = Object.fromEntries(rows.filter(({ name }) => !(name in online)).map(({ name }) => [name, none]))
  return runMigrations(db, { first, online }, { pauseMs: 20, ...options })
}

/** How often a statement of a migration has begun to wait for a lock. */
async function seeAttempts(text: string, count: number): Promise<void> {
  const seen = new Set<string>()
  await vi.waitFor(async () => {
    const rows = await vault.database.sql<{ begun: string }>(
      `SELECT query_start::text AS begun FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE $1`,
      [`%${text}%`],
    )
    for (const { begun } of rows) seen.add(begun)
    expect(seen.size).toBeGreaterThanOrEqual(count)
  }, PATIENCE)
}

it('a change that a reader holds up gives way to servers each time, and is made once the reader is gone', async () => {
  const before = (await vault.tokenize({ contact })).contact!
  const finish = await vault.database.hold('LOCK TABLE records IN ACCESS SHARE MODE')
  const token = await vault.staffToken('support')
  const change = (tx: Knex) => tx.raw('ALTER TABLE records ADD COLUMN migrated_note text')
  // It is tried for as long as the reader is there, however slow the calls are.
  const changing = apply({ '0101-note': { change } }, { attempts: Number.POSITIVE_INFINITY })
  try {
    // A call that waits after it, in line for the table, is answered anyway while the reader still reads.
    for (const round of [1, 2]) {
      await seeAttempts('migrated_note', round)
      const { status } = await vault.call('GET', `/v1/tokens/${before.token}`, { token })
      expect(status).toBe(200)
      await vault.tokenize({ contact })
    }
  } finally {
    await finish()
  }
  expect(await changing).toEqual(['0101-note'])
  await expect(vault.database.sql('SELECT migrated_note FROM records')).resolves.not.toEqual([])
})

it('what is held up for too long says so, keeps nothing of itself, and is made the next time', async () => {
  const online = {
    '0102-first': { change: (tx: Knex) => tx.raw('CREATE TABLE made_first (id integer)') },
    '0103-held': {
      change: (tx: Knex) => tx.raw('CREATE TABLE made_second (id integer); ALTER TABLE records ADD COLUMN held text'),
    },
  }
  const finish = await vault.database.hold('LOCK TABLE records IN ACCESS SHARE MODE')
  try {
    await expect(apply(online, { attempts: 1 })).rejects.toThrow(HeldUp)
  } finally {
    await finish()
  }
  const made = () =>
    vault.database.sql("SELECT tablename AS name FROM pg_tables WHERE tablename LIKE 'made_%' ORDER BY 1")
  expect(await made()).toEqual([{ name: 'made_first' }])
  // With another one it is one run.
  const third = { '0109-third': { change: (tx: Knex) => tx.raw('DROP TABLE made_first') } }
  expect(await apply({ ...online, ...third })).toEqual(['0103-held', '0109-third'])
  const batches = await vault.database.sql(
    "SELECT count(DISTINCT batch)::integer AS batches FROM migrations WHERE name IN ('0103-held', '0109-third')",
  )
  expect(batches).toEqual([{ batches: 1 }])
  expect(await made()).toEqual([{ name: 'made_second' }])
  expect(await apply({ ...online, ...third })).toEqual([])
})

it('rows are filled in page by page, and an interrupted run continues where it was', async () => {
  await vault.database.sql('ALTER TABLE spent_ids ADD COLUMN filled integer')
  let pages = 0
  let cutOffAt = 2
  const online = {
    '0104-fill': {
      async fill(tx: Knex) {
        if (pages === cutOffAt) throw new Error('cut off')
        pages++
        const { rowCount } = await tx.raw(
          `UPDATE spent_ids SET filled = ? WHERE id IN (SELECT id FROM spent_ids WHERE filled IS NULL LIMIT 1000)`,
          [pages],
        )
        return rowCount as number
      },
    },
  }
  await expect(apply(online)).rejects.toThrow('cut off')
  const filled = () =>
    vault.database.sql('SELECT filled, count(*)::integer FROM spent_ids GROUP BY filled ORDER BY filled')
  expect(await filled()).toEqual([
    { filled: 1, count: 1_000 },
    { filled: 2, count: 1_000 },
    { filled: null, count: 500 },
  ])
  cutOffAt = Number.NaN
  expect(await apply(online)).toEqual(['0104-fill'])
  // The earlier pages were not done again, and the last page found nothing.
  expect((await filled()).map(({ count }) => count)).toEqual([1_000, 1_000, 500])
  expect(pages).toBe(4)
})

it('a constraint is checked while the table is written', async () => {
  const online: Record<string, OnlineMigration> = {
    '0105-add': {
      change: (tx) => tx.raw('ALTER TABLE spent_ids ADD CONSTRAINT long CHECK (length(id) = 32) NOT VALID'),
    },
    '0106-validate': { validate: { table: 'spent_ids', constraint: 'long' } },
  }
  await apply({ '0105-add': online['0105-add']! })
  // Another transaction has written and is under way.
  const finish = await vault.database.hold("INSERT INTO spent_ids VALUES (sha256('x'), now())")
  try {
    expect(await apply(online)).toEqual(['0106-validate'])
  } finally {
    await finish()
  }
  const [constraint] = await vault.database.sql(
    "SELECT convalidated AS is_valid FROM pg_constraint WHERE conname = 'long'",
  )
  expect(constraint).toEqual({ is_valid: true })
})

it('an index is made while the table is written, over what an attempt before has left', async () => {
  const index = { name: 'spent_ids_filled', on: 'spent_ids (filled)' }
  const isValid = () =>
    vault.database.sql("SELECT indisvalid AS is_valid FROM pg_index WHERE indexrelid = to_regclass('spent_ids_filled')")
  // Cut off while it waits for a transaction that was there before.
  const finish = await vault.database.hold("INSERT INTO spent_ids VALUES (sha256('y'), now())")
  const cutOff = apply({ '0107-index': { index } })
  cutOff.catch(() => {})
  await vi.waitFor(async () => expect(await isValid()).toEqual([{ is_valid: false }]), PATIENCE)
  // A migration that waits for it stops no writer.
  await vault.database.sql("INSERT INTO spent_ids VALUES (sha256('z'), now())")
  await vault.database.sql(
    // Other tests migrate in the same cluster.
    `SELECT pg_cancel_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND query LIKE '%CONCURRENTLY%' AND pid <> pg_backend_pid()`,
  )
  await expect(cutOff).rejects.toThrow(/cancel/)
  await finish()
  expect(await isValid()).toEqual([{ is_valid: false }])
  expect(await apply({ '0107-index': { index } })).toEqual(['0107-index'])
  expect(await isValid()).toEqual([{ is_valid: true }])
})

it('the lock of migrate is in no transaction, and keeps another one out', async () => {
  const clients = [1, 2].map(() => new pg.Client({ connectionString: superuserUrl() }))
  await Promise.all(clients.map((client) => client.connect()))
  const [first, second] = clients as [pg.Client, pg.Client]
  const done: string[] = []
  try {
    const { promise, resolve } = Promise.withResolvers<void>()
    const one = whileNobodyElseMigrates(first, async () => {
      await promise
      done.push('first')
    })
    const pids = await Promise.all(
      clients.map(async (client) => (await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid),
    )
    // The first has asked before, on the same session.
    const two = whileNobodyElseMigrates(second, async () => {
      done.push('second')
    })
    await vi.waitFor(async () => {
      const held = await vault.database.sql(
        `SELECT a.pid, a.state FROM pg_locks JOIN pg_stat_activity a USING (pid)
         WHERE locktype = 'advisory' AND granted AND pid = ANY ($1)`,
        [pids],
      )
      expect(held).toEqual([{ pid: pids[0], state: 'idle' }])
    }, PATIENCE)
    resolve()
    await Promise.all([one, two])
    expect(done).toEqual(['first', 'second'])
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
})
