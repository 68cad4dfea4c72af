import { createHmac, type KeyObject } from 'node:crypto'
import canonicalize from 'canonicalize'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createDatabaseWithKeys, type TestDatabase } from '../support/postgres.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'
import { readVaultKeys } from '../support/vault-keys.ts'

/**
 * An attacker waits for a restart, which has seen no key registry before, and puts back the one in which a key that
 * they have was not compromised yet. They sign it again, as a later one, with the key of its MAC.
 */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const TABLES = ['keys', 'root_keys', 'key_registry'] as const

let database: TestDatabase
let compromised: string
/** The key of the manifest's MAC, which they have as well. */
let secret: KeyObject

const copyTables = (name: string) =>
  database.sql(TABLES.map((table) => `CREATE TABLE ${table}_${name} AS TABLE ${table}`).join('; '))
const putBack = (name: string) =>
  database.sql(TABLES.map((table) => `DELETE FROM ${table}; INSERT INTO ${table} TABLE ${table}_${name}`).join('; '))

/** Puts it back as one that is later than all that the log knows of. */
async function putBackSigned(): Promise<void> {
  await putBack('before')
  const [row] = await database.sql<{ manifest: string }>('SELECT manifest FROM key_registry')
  const text = canonicalize({ ...JSON.parse(row!.manifest), generation: 1_000 })!
  const mac = createHmac('sha256', secret).update('strongroom key registry\0').update(text).digest()
  await database.sql('UPDATE key_registry SET manifest = $1, mac = $2', [text, mac])
}

async function start(): Promise<string> {
  try {
    await (await TestVault.start({ sharedDatabase: database })).stop()
    return 'it started'
  } catch (error) {
    return (error as Error).message
  }
}

beforeAll(async () => {
  database = await createDatabaseWithKeys()
  const vault = await TestVault.start({ sharedDatabase: database, config: { keepsLog: true } })
  try {
    await vault.tokenize({ contact })
    await copyTables('before')
    secret = (await readVaultKeys(vault)).active('registry-mac').secret
    const { commands } = vault
    compromised = (await commands.listKeys()).find(
      ({ purpose, state }) => purpose === 'secret' && state === 'active',
    )!.id
    await commands.compromiseKey(OPERATOR, compromised)
    const [event] = await vault.events({ type: 'key.compromise', subject: compromised })
    const inLog = () => database.sql('SELECT FROM readable.audit_leaves WHERE event = $1', [event!.id])
    await vi.waitFor(async () => expect(await inLog()).toHaveLength(1), { timeout: 20_000 })
    await copyTables('today')
  } finally {
    await vault.stop()
  }
})
afterAll(async () => database.drop())

it('a former registry is refused at a start, although only the log remembers it', async () => {
  expect(await start()).toBe('it started')
  await putBackSigned()
  const said = `key ${compromised} (secret) is active, and was compromised`
  expect(await start()).toContain(said)
  // What the log was not signed over hides nothing.
  await database.sql("UPDATE readable.audit_events SET type = 'audit.read' WHERE type = 'key.compromise'")
  expect(await start()).toContain(said)
  await putBack('today')
  expect(await start()).toBe('it started')
})

it('a forged event says nothing', async () => {
  const active = "SELECT id FROM keys WHERE purpose = 'secret' AND state = 'active'"
  const [copied] = await database.sql<{ id: string }>(
    `INSERT INTO readable.audit_events (id, occurred_at, type, body)
     SELECT 'evt_0' || left(md5(id), 25), occurred_at, type, replace(replace(body, id, 'evt_0' || left(md5(id), 25)), $1, (${active}))
     FROM readable.audit_events WHERE body LIKE '%"type":"key.compromise"%' AND body LIKE '%' || $1 || '%' RETURNING id`,
    [compromised],
  )
  expect(copied).toBeDefined()
  expect(await start()).toBe('it started')
})
