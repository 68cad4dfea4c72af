import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { changeRegistry } from '../../src/keys/registry/registry.ts'
import { moveValues } from '../../src/keys/rotation/move-values.ts'
import { createSealedValues } from '../../src/keys/rotation/sealed-values.ts'
import { type OwnCluster, startOwnCluster } from '../support/own-cluster.ts'
import { contact } from '../support/samples.ts'
import { expectExactTerms } from '../support/search-terms.ts'
import { steadyKeys, TestVault } from '../support/test-vault.ts'
import { replaceKeys, withVaultKeys } from '../support/vault-keys.ts'

// A rotation waits some seconds for other servers, and several are run in a test.
vi.setConfig({ testTimeout: 90_000 })

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

/** Transactions of other tests in the same cluster would keep PostgreSQL from using the place of replaced rows again. */
let cluster: OwnCluster
let vault: TestVault
beforeAll(async () => {
  cluster = await startOwnCluster()
  vault = await TestVault.start({ overrides: steadyKeys, sharedDatabase: cluster })
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await vault.stop()
  await cluster.drop()
})

const store = async () => (await vault.tokenize({ customer: 'cus_1042', contact })).contact!.token!

/** The keys that have a table for their terms. */
async function partitions(): Promise<string[]> {
  const rows = await vault.database.sql<{ id: string }>(
    `SELECT d.name AS id FROM dictionary d WHERE d.sort = 'key' AND terms_partition(d.id) IS NOT NULL ORDER BY 1`,
  )
  return rows.map(({ id }) => id)
}

async function indexKeys(...states: string[]): Promise<string[]> {
  const keys = await vault.commands.keyStatus()
  return keys
    .filter(({ purpose, state }) => (purpose === 'index' || purpose === 'card-index') && states.includes(state))
    .map(({ id }) => id)
    .sort()
}

/** What the server's role gets. */
async function asServer<T>(work: (session: pg.Client) => Promise<T>): Promise<T> {
  const session = new pg.Client(vault.database.serverUrl)
  await session.connect()
  return work(session).finally(() => session.end())
}
const drop = (id: string) =>
  asServer(async (session) => (await session.query('SELECT drop_terms_partition($1) AS gone', [id])).rows[0].gone)

/** An index key that was replaced, and that nothing references. */
async function leaveKey(): Promise<string> {
  const { index } = await withVaultKeys(vault, (parts) => replaceKeys(parts, ['index']))
  return index
}

describe('the search terms under an index key', () => {
  it('have a table of their own from the making of the key until a rotation has emptied it', async () => {
    await store()
    const before = await indexKeys('active')
    expect(await partitions()).toEqual(before)
    await vault.rotate('index')
    expect(await partitions()).toEqual(await indexKeys('active'))
    expect(await partitions()).not.toContain(before[0])
    await expectExactTerms(vault)
  })

  it('stay while one of them is left, however often they are dropped', async () => {
    await store()
    const left = await leaveKey()
    expect(await drop(left)).toBe(false)
    expect(await partitions()).toContain(left)
    await vault.rotate('index')
    expect(await partitions()).not.toContain(left)
  })

  it('stay under a key that hashes, although they are empty', async () => {
    const next = await withVaultKeys(vault, (parts) =>
      changeRegistry(parts, OPERATOR, (change) => change.create('index')),
    )
    expect(await drop(next)).toBe(false)
    const [active] = await indexKeys('active')
    await vault.database.sql("DELETE FROM search_terms WHERE key = id_of('key', $1)", [active])
    expect(await drop(active!)).toBe(false)
    expect(await partitions()).toEqual(await indexKeys('active', 'pre-active'))
    await withVaultKeys(vault, (parts) =>
      changeRegistry(parts, OPERATOR, (change) => change.transition(next, 'destroyed')),
    )
    // No statement is held up for a table that is not needed: it goes with the next rotation.
    await vault.rotate('index')
    expect(await partitions()).toEqual(await indexKeys('active'))
  })

  it('stay while a transaction that is not over has written one, and no statement waits for the attempt', async () => {
    const left = await leaveKey()
    await vault.database.sql("DELETE FROM search_terms WHERE key = id_of('key', $1)", [left])
    const commit = await vault.database.hold(
      `INSERT INTO search_terms (term, token, key) VALUES (decode(md5('late'), 'hex'), gen_random_uuid(), id_of('key', '${left}'))`,
    )
    const asked = performance.now()
    expect(await drop(left)).toBe(false)
    expect(performance.now() - asked).toBeLessThan(5_000)
    await commit()
    expect(await drop(left)).toBe(false)
    expect(await vault.rotate('index')).toMatchObject({ done: true, orphans: 1 })
    expect(await partitions()).not.toContain(left)
  })

  it('are not dropped by a role that may not see what others have written since', async () => {
    const left = await leaveKey()
    const refused = asServer(async (session) => {
      await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
      await session.query('SELECT drop_terms_partition($1)', [left])
    })
    await expect(refused).rejects.toThrow('what others have written must be seen')
    await vault.rotate('index')
  })

  it('have one table, however many make it at once; the server makes none for other keys', async () => {
    const [index] = await indexKeys('active')
    const made = Array.from({ length: 8 }, () =>
      asServer((session) => session.query('SELECT make_terms_partition($1)', [index])),
    )
    await Promise.all(made)
    expect(await partitions()).toEqual(await indexKeys('active'))
    const secret = (await vault.commands.keyStatus()).find(({ purpose }) => purpose === 'secret')!.id
    for (const id of [secret, 'key_of_nobody']) {
      await expect(asServer((session) => session.query('SELECT make_terms_partition($1)', [id]))).rejects.toThrow()
    }
  })
})

describe('a rotation', () => {
  /** How many records were updated so far, and how many of them in their page, with no index written. */
  const updates = async () => {
    const [row] = await vault.database.sql<{ all: number; hot: number }>(
      `SELECT n_tup_upd::integer AS all, n_tup_hot_upd::integer AS hot FROM pg_stat_user_tables WHERE relname = 'records'`,
    )
    return row!
  }

  it('leaves records in their pages, so that no index is written for them and the table does not grow', async () => {
    const items = Array.from({ length: 400 }, (_, at) => ({ customer: `cus_${at}`, contact }))
    const token = await vault.clientToken(['tokenize'])
    expect((await vault.call('POST', '/v1/tokenize/batch', { token, body: { items } })).status).toBe(200)
    const before = await updates()
    const records = await vault.count('records')
    await withVaultKeys(vault, async (parts) => {
      const old = await replaceKeys(parts, ['display', 'secret'])
      const target = createSealedValues(parts.keys).find(({ name }) => name === 'records')!
      let moved = 0
      await moveValues(target, {
        database: parts.database,
        oldKeys: Object.values(old),
        budget: { pageRows: 10, spend: async () => {} },
        isPaused: () => false,
        onMoved: (counts) => {
          for (const count of counts.values()) moved += count
        },
        onDamaged: () => {},
        onOrphans: () => {},
      })
      expect(moved).toBe(2 * records)
    })
    // A session says so when it ends.
    await vi.waitFor(async () => expect((await updates()).all).toBeGreaterThanOrEqual(before.all + records), 20_000)
    const after = await updates()
    // Each page loses its first row, and more go while the vault's own transactions are under way.
    expect((after.hot - before.hot) / records).toBeGreaterThan(0.3)
  })
})
