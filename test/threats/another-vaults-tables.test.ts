import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { contact } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'
import type { VaultChanges } from '../support/vault-options.ts'

/**
 * Attack 55: an attacker copies the tables of keys from another vault, whose keys they have, over those of this one, or
 * puts an older root key back. Both vaults have one passphrase file, or one KMS key.
 */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
// Several starts each, which take their time on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

const TABLES = ['keys', 'root_keys', 'key_registry', 'key_uses'] as const

let directory: string
let vault: TestVault
let other: TestVault
let pin: { vault: string; root_key: { id: string } }

const pinFileOf = () => path.join(directory, 'vault.pin')
const settings = (production = false): VaultChanges => ({
  keys: { passphraseFile: path.join(directory, 'root-key') },
  createsRootKey: true,
  pin: { file: pinFileOf() },
  production,
})
const readPin = () => JSON.parse(readFileSync(pinFileOf(), 'utf8'))
const sql = (text: string) => vault.database.sql(text)

async function startAgain(production = false, changes: VaultChanges = {}, lines: string[] = []): Promise<string> {
  try {
    const config = { ...settings(production), ...changes }
    const again = await TestVault.start({ config, sharedDatabase: vault.database, overrides: quickKeys })
    lines.push(...again.logLines)
    const problem = again.sealedBecause()
    await again.stop()
    return problem === undefined ? 'it started' : String(problem.cause ?? problem)
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`
  }
}

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-copied-'))
  vault = await TestVault.start({ config: settings(), overrides: quickKeys })
  pin = readPin()
  // The same passphrase, and no pin of its own.
  other = await TestVault.start({ config: { ...settings(), pin: { file: undefined } }, overrides: quickKeys })
  await vault.tokenize({ contact })
  await sql(TABLES.map((table) => `CREATE TABLE ${table}_own AS TABLE ${table}`).join('; '))
})
afterEach(async () => {
  await sql(TABLES.map((table) => `DELETE FROM ${table}; INSERT INTO ${table} TABLE ${table}_own`).join('; '))
  writeFileSync(pinFileOf(), JSON.stringify(pin))
})
afterAll(async () => {
  await other.stop()
  await vault.stop()
  rmSync(directory, { recursive: true, force: true })
})

/** The tables of the other vault in the place of our own. */
async function copyTables(names: readonly string[]): Promise<void> {
  for (const name of names) {
    const rows = await other.database.sql(`SELECT to_jsonb(t) AS row FROM ${name} t`)
    await vault.database.sql(`DELETE FROM ${name}`)
    await vault.database.sql(`INSERT INTO ${name} SELECT * FROM jsonb_populate_recordset(null::${name}, $1::jsonb)`, [
      JSON.stringify(rows.map(({ row }) => row)),
    ])
  }
}

it('the first start writes down which vault it is, and which root key it has, and no secret', async () => {
  const [row] = await vault.database.sql<{ manifest: string }>('SELECT manifest FROM key_registry')
  const manifest = JSON.parse(row!.manifest)
  expect(pin).toMatchObject({ vault: manifest.vault, root_key: { id: manifest.root_key_id } })
  // The check value of the root key is one more wrap that is bound to it.
  expect(pin).toMatchObject({ root_key: { parameters: { vault: pin.vault } } })
  expect(pin.vault).toMatch(/^vault_[0-9a-z]{26}$/)
  expect(readFileSync(pinFileOf(), 'utf8')).not.toContain(readFileSync(path.join(directory, 'root-key'), 'utf8').trim())
  expect(await startAgain()).toBe('it started')
})

it('a start on all tables of another vault is refused in one sentence', async () => {
  await copyTables(TABLES)
  const refused = await startAgain()
  expect(refused).toMatch(/^\w+: the database names the root key root_\w+, and .*vault\.pin pins root_\w+ .*\.$/)
  await expect.poll(() => vault.sealedBecause()?.code, { timeout: 20_000 }).toBe('sealed')
})

it('a start on another vault under our own root key is refused, too', async () => {
  writeFileSync(pinFileOf(), JSON.stringify({ ...pin, vault: `vault_${'0'.repeat(26)}` }))
  expect(await startAgain()).toMatch(/: the database holds the vault vault_\w+, and .* pins vault_0{26}: .*\.$/)
})

it('a key of another vault does not open here, though one root key wraps both', async () => {
  const [foreign] = await other.database.sql<{ wrapped: Buffer }>("SELECT wrapped FROM keys WHERE purpose = 'secret'")
  await vault.database.sql("UPDATE keys SET wrapped = $1 WHERE purpose = 'secret'", [foreign!.wrapped])
  expect(await startAgain()).toContain('wrapped was changed')
})

it('a start goes by the id that the operator has said, with and without a pin', async () => {
  const right = pin.vault
  const wrong = `vault_${'0'.repeat(26)}`
  expect(await startAgain(false, { pin: { file: pinFileOf(), vaultId: right } })).toBe('it started')
  for (const pinFile of [pinFileOf(), path.join(directory, 'none.pin')]) {
    const refused = await startAgain(false, { pin: { file: pinFile, vaultId: wrong } })
    expect(refused).toMatch(/: the database holds the vault vault_\w+, and STRONGROOM_VAULT_ID is vault_0{26}: .*\.$/)
  }
  await copyTables(TABLES)
  const copied = await startAgain(false, { pin: { vaultId: right, file: path.join(directory, 'none.pin') } })
  expect(copied).toMatch(/and STRONGROOM_VAULT_ID is vault_\w+: .*\.$/)
})

it('a vault that can be pinned nowhere does not start where it must be, and alerts elsewhere', async () => {
  const nowhere = { file: '/dev/null/vault.pin' }
  const refused = await startAgain(true, { pin: nowhere, mustBePinned: true })
  expect(refused).toMatch(
    /: which vault this is is pinned nowhere, since \S+ cannot be written .*STRONGROOM_VAULT_ID\.$/,
  )
  expect(await startAgain(true, { pin: { ...nowhere, vaultId: pin.vault }, mustBePinned: true })).toBe('it started')
  const vaultLog: string[] = []
  expect(await startAgain(false, { pin: nowhere }, vaultLog)).toBe('it started')
  expect(vaultLog.map((line) => JSON.parse(line)).filter(({ alert }) => alert === 'vault-unpinned')).toMatchObject([
    { level: 'error', file: nowhere.file },
  ])
})

it('an empty database is not a new vault in production', async () => {
  await sql(
    `${TABLES.map((table) => `DELETE FROM ${table}`).join('; ')}; CREATE TABLE kept AS TABLE records; DELETE FROM records`,
  )
  expect(await startAgain(true)).toMatch(/: the database holds no vault, and .* pins vault_\w+: .*\.$/)
  await sql('INSERT INTO records TABLE kept; DROP TABLE kept')
})

describe('a root key that is replaced', () => {
  it('is the pinned one from then on; one that was put back is refused, though its passphrase is still there', async () => {
    const { id, replaced } = await vault.rootKeys.rotate(OPERATOR)
    expect(readPin()).toMatchObject({ vault: pin.vault, root_key: { id } })
    expect(await startAgain()).toBe('it started')
    const now = readPin()
    await sql(TABLES.map((table) => `DELETE FROM ${table}; INSERT INTO ${table} TABLE ${table}_own`).join('; '))
    expect(await startAgain()).toContain(`the database names the root key ${replaced}`)
    expect(readPin()).toEqual(now)
    // As if the process had died between the commit and its next look.
    writeFileSync(pinFileOf(), JSON.stringify({ ...pin, root_key: now.root_key, next_root_key: pin.root_key }))
    expect(await startAgain()).toBe('it started')
    expect(readPin()).toMatchObject({ vault: pin.vault, root_key: pin.root_key })
    expect(readPin().next_root_key).toBeUndefined()
  })
})
