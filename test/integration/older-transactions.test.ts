import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type DestroyKeyDeps, destroyKey } from '../../src/keys/lifecycle/destroy.ts'
import { type OwnCluster, startOwnCluster } from '../support/own-cluster.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'
import { openTestKeys, replaceKeys } from '../support/vault-keys.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

let cluster: OwnCluster
let vault: TestVault
let server: Awaited<ReturnType<typeof openTestKeys>>
let key: string

beforeAll(async () => {
  cluster = await startOwnCluster()
  await cluster.configure('max_prepared_transactions', '4')
  await cluster.restart()
  vault = await TestVault.start({ sharedDatabase: cluster, overrides: quickKeys })
  server = await openTestKeys(cluster)
  // So late that no statement of that time can be under way.
  vault.clockOffsetMs = 60 * 60 * 1000
})
beforeEach(async () => {
  key = await activeKey()
})
afterAll(async () => {
  await server.close()
  await vault.stop()
  await cluster.drop()
})

const destroy = () => vault.commands.destroyKey(OPERATOR, key)
const retire = () => replaceKeys(server, ['display'])

/** An hour later no statement can be under way; for transactions it waits so long. */
function destroyWithin(id: string, patienceMs: number): Promise<unknown> {
  const times = { ...server.keys.times, statementMs: patienceMs }
  const deps: DestroyKeyDeps = {
    ...server,
    keys: Object.create(server.keys, { times: { value: times } }),
    now: () => new Date(Date.now() + 60 * 60 * 1000),
    longestTokenSeconds: 0,
    hasSignedLast: async () => false,
  }
  return destroyKey(deps, OPERATOR, id)
}

/** The active key; it has a number in the tables. */
async function activeKey(): Promise<string> {
  const { id } = server.keys.ring.active('display')
  await cluster.sql(`SELECT readable.number_of('key', $1)`, [id])
  return id
}

/** A session of the server's role, for as long as the work takes. */
async function inSession<T>(work: (session: pg.Client) => Promise<T>): Promise<T> {
  const session = new pg.Client(cluster.serverUrl)
  await session.connect()
  return work(session).finally(() => session.end())
}

it('a prepared transaction is named, and what it wrote is found once it was committed', async () => {
  await inSession(async (session) => {
    await session.query('BEGIN')
    await session.query(
      `INSERT INTO reveal_reasons (event, reason_key, reason_sealed) VALUES ('late', id_of('key', $1), '')`,
      [key],
    )
    await session.query(`PREPARE TRANSACTION 'late'`)
  })
  await retire()
  await expect(destroy()).rejects.toThrow(
    /cannot be destroyed yet: .*The prepared transaction 'late' of the role "\w+", since .* commit it or roll it back/,
  )
  await inSession((session) => session.query(`COMMIT PREPARED 'late'`))
  await expect(destroy()).rejects.toThrow('is still needed: 1 in reveal_reasons.reason')
  await cluster.sql('DELETE FROM reveal_reasons')
  await destroy()
})

it('a session that prepares its transaction in the meantime still counts', async () => {
  await inSession(async (session) => {
    await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM keys')
    await retire()
    // Long enough to prepare it meanwhile, on a busy machine too.
    const destroyed = destroyWithin(key, 3_000).then(
      () => 'destroyed',
      (error: Error) => error.message,
    )
    await session.query(
      `INSERT INTO reveal_reasons (event, reason_key, reason_sealed) VALUES ('late', id_of('key', $1), '')`,
      [key],
    )
    await session.query(`PREPARE TRANSACTION 'later'`)
    expect(await destroyed).toContain(`The prepared transaction 'later'`)
    await session.query(`ROLLBACK PREPARED 'later'`)
  })
  await destroy()
})

it('a session of another role is named, with any reads', async () => {
  const end = await cluster.hold('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT FROM keys')
  try {
    await retire()
    await expect(destroy()).rejects.toThrow(/The session \d+ of the role "postgres" may have a snapshot from before/)
  } finally {
    await end()
  }
  await destroy()
})

it('a session whose snapshot is newer, or that has none, holds up nothing', async () => {
  await inSession(async (idle) => {
    await idle.query('BEGIN')
    await retire()
    await inSession(async (newer) => {
      await newer.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM keys')
      await destroy()
    })
  })
})

it('nor does one of another role, where the server may see what others have read', async () => {
  const role = new URL(cluster.serverUrl).username
  await cluster.sql(`GRANT pg_read_all_stats TO ${role}`)
  await retire()
  const end = await cluster.hold('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT FROM keys')
  await destroy().finally(end)
  await cluster.sql(`REVOKE pg_read_all_stats FROM ${role}`)
})

describe('a transaction between its snapshot and its commit, many times', () => {
  const SESSIONS = 4
  const insert = `INSERT INTO reveal_reasons (event, reason_key, reason_sealed) VALUES (gen_random_uuid(), id_of('key', $1), $2)`
  let sessions: pg.Client[]

  beforeAll(async () => {
    sessions = Array.from({ length: SESSIONS }, () => new pg.Client(cluster.serverUrl))
    for (const session of sessions) await session.connect()
  })
  afterEach(async () => {
    for (const session of sessions) await session.query('ROLLBACK')
  })
  afterAll(async () => {
    for (const session of sessions) await session.end()
  })

  const inEach = <T>(work: (session: pg.Client) => Promise<T>) => Promise.all(sessions.map(work))
  const soon = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 20))

  /** The state of the key. */
  function outcomeOf(id: string, patienceMs: number): Promise<string> {
    return destroyWithin(id, patienceMs).then(
      () => 'destroyed',
      (error: Error) => /cannot be destroyed yet|is still needed/.exec(error.message)?.[0] ?? error.message,
    )
  }

  const cases = (['READ COMMITTED', 'REPEATABLE READ'] as const).flatMap((isolation) =>
    (['before its snapshot', 'after its snapshot', 'after its statement'] as const).map(
      (moment) => [isolation, moment] as const,
    ),
  )
  it.each(cases)('%s, with a key that is retired %s', async (isolation, moment) => {
    // The database takes what an older snapshot lets it take; otherwise it looks at the keys as they are.
    const isTaken =
      moment === 'after its statement' || (moment === 'after its snapshot' && isolation === 'REPEATABLE READ')
    for (const end of ['COMMIT', 'ROLLBACK', 'late COMMIT'] as const) {
      await cluster.sql('DELETE FROM records; DELETE FROM record_versions; DELETE FROM idempotency_keys')
      await cluster.sql('DELETE FROM reveal_reasons')
      key = await activeKey()
      if (moment === 'before its snapshot') await retire()
      await inEach((session) => session.query(`BEGIN ISOLATION LEVEL ${isolation}; SELECT FROM keys`))
      if (moment === 'after its snapshot') await retire()
      const taken = await inEach((session) =>
        session.query(insert, [key, Buffer.alloc(1)]).then(
          () => true,
          (error: pg.DatabaseError) => error.constraint,
        ),
      )
      expect(new Set(taken)).toEqual(new Set([isTaken || 'protecting_key']))
      if (moment === 'after its statement') await retire()
      const patienceMs = end === 'late COMMIT' ? 20 : 20_000
      const destroyed = outcomeOf(key, patienceMs)
      // What was refused holds nothing up.
      const isLate = end === 'late COMMIT' && isTaken
      if (isLate) expect(await destroyed).toBe('cannot be destroyed yet')
      await inEach(async (session) => {
        await soon()
        await session.query(end === 'ROLLBACK' ? end : 'COMMIT')
      })
      const isStored = isTaken && end !== 'ROLLBACK'
      expect(await (isLate ? outcomeOf(key, 20_000) : destroyed), end).toBe(isStored ? 'is still needed' : 'destroyed')
      expect(await vault.count('reveal_reasons'), end).toBe(isStored ? SESSIONS : 0)
    }
    await cluster.sql('DELETE FROM reveal_reasons')
  })
})
