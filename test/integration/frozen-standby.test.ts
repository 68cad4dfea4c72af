import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { type OwnCluster, startOwnCluster } from '../support/own-cluster.ts'
import { expectProblem } from '../support/problems.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const CONNECTIONS = 4
/** Beside the pool: one session listens, one is the readiness probe's, one asks about abandoned sessions. */
const RESERVED = 3

let cluster: OwnCluster
let vault: TestVault
let token: string

beforeAll(async () => {
  cluster = await startOwnCluster()
  vault = await TestVault.start({ sharedDatabase: cluster, config: { database: { maxConnections: CONNECTIONS } } })
  token = await vault.clientToken(['tokenize'])
  // A vault that has served: a name that is new would wait for the standby first, and what uses it for that name.
  expect((await tokenize()).status).toBe(201)
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await cluster.configure('synchronous_standby_names')
  await vault.stop()
  await cluster.drop()
})

const tokenize = () => vault.call('POST', '/v1/tokenize', { token, body: { policy_version: '2026-11-01', contact } })

const countSessions = async (where = 'true') => {
  const role = new URL(cluster.serverUrl).username
  const [row] = await cluster.sql<{ count: number }>(
    `SELECT count(*)::int FROM pg_stat_activity WHERE usename = $1 AND ${where}`,
    [role],
  )
  return row!.count
}

describe('while a synchronous standby is frozen', () => {
  it('commits that hang open no further sessions, the answer is 503, and everything continues when it is back', async () => {
    const thaw = await cluster.freezeStandby()
    // PostgreSQL tells its sessions of the standby a moment later.
    await vi.waitUntil(async () => (await tokenize()).status === 503, { timeout: 20_000 })
    const until = performance.now() + 30_000
    const codes = new Set<string>()
    let most = 0
    let asking = true
    const watch = (async () => {
      while (asking) most = Math.max(most, await countSessions())
    })()
    const waves = Array.from({ length: 3 * CONNECTIONS }, async () => {
      while (performance.now() < until && !(codes.has('busy') && codes.has('database-unavailable'))) {
        const answer = await tokenize()
        expectProblem(answer, 503, answer.body.code)
        expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
        codes.add(answer.body.code)
      }
    })
    await Promise.all(waves)
    expect([...codes].sort()).toEqual(['busy', 'database-unavailable'])
    expect(await countSessions("wait_event = 'SyncRep'")).toBeGreaterThanOrEqual(CONNECTIONS)
    const before = await vault.call('GET', '/readyz')
    expect(before.status).toBe(503)

    await thaw()
    await vi.waitUntil(async () => (await tokenize()).status === 201, { timeout: 30_000, interval: 50 })
    await vi.waitUntil(async () => (await vault.call('GET', '/readyz')).status === 200, { timeout: 30_000 })
    await vi.waitUntil(async () => (await countSessions("wait_event = 'SyncRep'")) === 0)
    asking = false
    await watch
    expect(most).toBeLessThanOrEqual(CONNECTIONS + RESERVED)
  }, 90_000)
})

describe('the server’s own limit of a statement', () => {
  it('does not end a commit that waits for a standby: it would count as committed without it', async () => {
    const thaw = await cluster.freezeStandby()
    // PostgreSQL tells its sessions of the standby a moment later.
    await vi.waitUntil(async () => (await tokenize()).status === 503, { timeout: 20_000 })
    const session = new pg.Client({ connectionString: cluster.serverUrl })
    await session.connect()
    try {
      await session.query("SET statement_timeout = '100ms'")
      const name = `waits-${Date.now()}`
      let isAnswered = false
      const commit = session.query("INSERT INTO settings (name, value) VALUES ($1, '')", [name]).finally(() => {
        isAnswered = true
      })
      const waits =
        "wait_event = 'SyncRep' AND query LIKE 'INSERT INTO settings%' AND clock_timestamp() > query_start + interval '1 s'"
      await vi.waitUntil(async () => isAnswered || (await countSessions(waits)) === 1, {
        interval: 50,
      })
      expect(isAnswered).toBe(false)
      await thaw()
      await commit
    } finally {
      await thaw()
      await session.end()
    }
  })
})

const hang = { name: 'hang', text: 'SELECT pg_sleep(60)', timeoutMs: 50 }
const which = { name: 'which', text: 'SELECT pg_backend_pid() AS pid' }

describe('a session whose statement has timed out here', () => {
  it('keeps its place until the server has cancelled the statement, and is used again', async () => {
    const database = openDatabase({ url: cluster.serverUrl, maxConnections: 1 })
    try {
      const [first] = await database.query<{ pid: number }>(which)
      await expect(database.query(hang)).rejects.toMatchObject({ code: 'database-unavailable' })
      await expect(database.query(which)).rejects.toMatchObject({ code: 'busy' })
      const later = await vi.waitFor(() => database.query<{ pid: number }>(which), { interval: 50 })
      expect(later).toEqual([first])
    } finally {
      await database.close()
    }
  })

  it('is rolled back before anything else runs in it', async () => {
    const database = openDatabase({ url: cluster.serverUrl, maxConnections: 1 })
    const name = `left-behind-${Date.now()}`
    const insert = { name: 'insert', text: `INSERT INTO settings (name, value) VALUES ($1, '')` }
    try {
      const work = database.transaction(async (tx) => {
        await tx.query(insert, [name])
        await tx.query(hang)
      })
      await expect(work).rejects.toMatchObject({ code: 'database-unavailable' })
      const status = { name: 'status', text: 'SELECT count(*)::int AS rows FROM settings WHERE name = $1' }
      const later = await vi.waitFor(() => database.query(status, [name]), { interval: 50 })
      expect(later).toEqual([{ rows: 0 }])
    } finally {
      await database.close()
    }
  })

  it('is given up when its connection is gone, and does not keep the pool from closing', async () => {
    const database = openDatabase({ url: cluster.serverUrl, maxConnections: 1 })
    const [first] = await database.query<{ pid: number }>(which)
    await expect(database.query(hang)).rejects.toMatchObject({ code: 'database-unavailable' })
    await cluster.sql('SELECT pg_terminate_backend($1)', [first!.pid])
    const later = await vi.waitFor(() => database.query<{ pid: number }>(which), { interval: 50 })
    expect(later).not.toEqual([first])
    await expect(database.query(hang)).rejects.toMatchObject({ code: 'database-unavailable' })
    await database.close()
  })
})
