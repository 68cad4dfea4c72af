import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * Somebody waits for a restart, which has seen no registry of keys before, and puts back the one in which a key that they have
 * was not compromised yet. It has its own good MAC.
 */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const TABLES = ['keys', 'root_keys', 'key_registry'] as const

let database: TestDatabase
let compromised: string

const copyTables = (name: string) =>
  database.sql(TABLES.map((table) => `CREATE TABLE ${table}_${name} AS TABLE ${table}`).join('; '))
const putBack = (name: string) =>
  database.sql(TABLES.map((table) => `DELETE FROM ${table}; INSERT INTO ${table} TABLE ${table}_${name}`).join('; '))

async function start(): Promise<string> {
  try {
    await (await TestVault.start({ sharedDatabase: database })).stop()
    return 'it started'
  } catch (error) {
    return (error as Error).message
  }
}

beforeAll(async () => {
  database = await createTestDatabase()
  const vault = await TestVault.start({ sharedDatabase: database, config: { keepsLog: true } })
  try {
    await vault.tokenize({ contact })
    await copyTables('before')
    const { commands } = vault.strongroom
    compromised = (await commands.listKeys()).find(
      ({ purpose, state }) => purpose === 'secret' && state === 'active',
    )!.id
    await commands.compromiseKey(OPERATOR, compromised)
    const [event] = await vault.events({ type: 'key.compromise', subject: compromised })
    const inLog = () => database.sql('SELECT FROM audit_leaves WHERE event = $1', [event!.id])
    await vi.waitFor(async () => expect(await inLog()).toHaveLength(1), { timeout: 20_000 })
    await copyTables('today')
  } finally {
    await vault.stop()
  }
})
afterAll(async () => database.drop())

it('a registry of before is refused at a start, though nothing remembers it but the log', async () => {
  expect(await start()).toBe('it started')
  await putBack('before')
  const said = `key ${compromised} (secret) is active, and was compromised`
  expect(await start()).toContain(said)
  // What the log was not signed over hides nothing.
  await database.sql("UPDATE audit_events SET type = 'audit.read' WHERE type = 'key.compromise'")
  expect(await start()).toContain(said)
  await putBack('today')
  expect(await start()).toBe('it started')
})

it('an event that somebody else wrote says nothing', async () => {
  const active = "SELECT id FROM keys WHERE purpose = 'secret' AND state = 'active'"
  const [copied] = await database.sql<{ id: string }>(
    `INSERT INTO audit_events (id, occurred_at, type, body)
     SELECT 'evt_' || md5(id), occurred_at, type, replace(replace(body, id, 'evt_' || md5(id)), $1, (${active}))
     FROM audit_events WHERE body LIKE '%"type":"key.compromise"%' AND body LIKE '%' || $1 || '%' RETURNING id`,
    [compromised],
  )
  expect(copied).toBeDefined()
  expect(await start()).toBe('it started')
})
