import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { changeRegistry } from '../../src/keys/registry.ts'
import { type OwnCluster, startOwnCluster } from '../support/own-cluster.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'
import { openTestKeys } from '../support/vault-keys.ts'

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
  // So late that no statement can be under way whose time is not over.
  vault.clockOffsetMs = 60 * 60 * 1000
})
beforeEach(() => {
  key = server.keys.ring.active('display').id
})
afterAll(async () => {
  await server.close()
  await vault.stop()
  await cluster.drop()
})

const destroy = () => vault.strongroom.commands.destroyKey(OPERATOR, key)
const retire = () =>
  changeRegistry(server, OPERATOR, async (change) => change.transition(await change.create('display'), 'active'))

/** A session of the server's role, for as long as the work takes. */
async function inSession<T>(work: (session: pg.Client) => Promise<T>): Promise<T> {
  const session = new pg.Client(cluster.serverUrl)
  await session.connect()
  return work(session).finally(() => session.end())
}

it('a prepared transaction is named, and what it wrote is found once it was committed', async () => {
  await inSession(async (session) => {
    await session.query('BEGIN')
    await session.query(`INSERT INTO reveal_reasons (event, reason_key_id, reason_sealed) VALUES ('late', $1, '')`, [
      key,
    ])
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

it('a session that prepares its transaction meanwhile is not lost sight of', async () => {
  await inSession(async (session) => {
    await session.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM keys')
    await retire()
    const destroyed = destroy().then(
      () => 'destroyed',
      (error: Error) => error.message,
    )
    await session.query(`INSERT INTO reveal_reasons (event, reason_key_id, reason_sealed) VALUES ('late', $1, '')`, [
      key,
    ])
    await session.query(`PREPARE TRANSACTION 'later'`)
    expect(await destroyed).toContain(`The prepared transaction 'later'`)
    await session.query(`ROLLBACK PREPARED 'later'`)
  })
  await destroy()
})

it('a session of another role is named, whatever it has read', async () => {
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
