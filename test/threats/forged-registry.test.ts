import { createHmac, type KeyObject, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import canonicalize from 'canonicalize'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { changeRegistry } from '../../src/keys/registry/registry.ts'
import { createRegistryAnchor } from '../../src/keys/registry/registry-anchor.ts'
import { createVaultPin } from '../../src/keys/registry/vault-pin.ts'
import type { Keys } from '../../src/keys/ring/keys.ts'
import { createPassphraseFileProvider } from '../../src/keys/root-key/passphrase-file.ts'
import { contact } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'
import { openTestKeys } from '../support/vault-keys.ts'

/**
 * Attack 54: an attacker has an old backup and its passphrase, so every key of that time, and can write to the present
 * database. They forge a registry in which a key that they have is the active one again, and wait for the next card.
 */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const TABLES = ['keys', 'root_keys', 'key_registry'] as const

interface Entry extends Record<string, unknown> {
  id: string
}
interface Manifest {
  generation: number
  mac_key: string
  keys: Entry[]
}
interface Stolen {
  mac: { id: string; secret: KeyObject }
  display: string
}

let directory: string
let vault: TestVault
/** What the backup and its passphrase give away. */
let stolen: Stolen

const sql = <Row = Record<string, unknown>>(text: string, values: unknown[] = []) =>
  vault.database.sql<Row>(text, values)
const copyTables = (name: string) =>
  sql(TABLES.map((table) => `CREATE TABLE ${table}_${name} AS TABLE ${table}`).join('; '))
const rowsOf = (name: string) =>
  TABLES.map((table) => `DELETE FROM ${table}; INSERT INTO ${table} TABLE ${table}_${name}`).join('; ')

function startVault(sharedDatabase?: TestVault['database']): Promise<TestVault> {
  return TestVault.start({
    config: { keys: { passphraseFile: path.join(directory, 'root-key') }, createsRootKey: true },
    overrides: quickKeys,
    ...(sharedDatabase ? { sharedDatabase } : {}),
  })
}

/** The keys as the owner of the passphrase reads them. */
async function steal(): Promise<Stolen> {
  const file = path.join(directory, 'root-key')
  const openRootKey = createPassphraseFileProvider({ file, development: false, randomBytes }).open
  const { keys, close } = await openTestKeys(vault.database, { openRootKey })
  const take = ({ ring }: Keys) => ({ mac: ring.active('registry-mac'), display: ring.active('display').id })
  try {
    return take(keys)
  } finally {
    await close()
  }
}

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-forged-'))
  vault = await startVault()
  await vault.tokenize({ contact })
  await copyTables('backup')
  stolen = await steal()
  await vault.rotate('data')
  await vault.rootKeys.rotate(OPERATOR)
  await copyTables('today')
})
afterEach(async () => {
  await sql(rowsOf('today'))
  await expect.poll(readiness, { timeout: 20_000 }).toBe('ready')
  // After all attempts, the key of the backup protects nothing more.
  const { token } = (await vault.tokenize({ contact })).contact!
  const [row] = await sql<{ key: string }>('SELECT display_key_id AS key FROM readable.records WHERE token = $1', [
    token,
  ])
  expect(row!.key).not.toBe(stolen.display)
  await vault.checkInvariants()
})
afterAll(async () => {
  await vault.stop()
  rmSync(directory, { recursive: true, force: true })
})

async function readiness(): Promise<string> {
  const { body } = await vault.call('GET', '/readyz')
  return body.code ?? body.status
}

async function startAgain(): Promise<string> {
  try {
    await (await startVault(vault.database)).stop()
    return 'it started'
  } catch (error) {
    return (error as Error).message
  }
}

/** What the running server says of a registry that it does not follow. */
async function refusal(work: () => Promise<unknown>): Promise<string> {
  const line = vault.logLines.length
  await work()
  await expect.poll(readiness, { timeout: 20_000 }).toBe('sealed')
  const refused = await vault.call('POST', '/v1/tokenize', {
    token: 'the keys that would verify it are sealed',
    body: { contact },
  })
  expect(refused.status).toBe(503)
  const said = vault.logLines.slice(line).map((text) => JSON.parse(text) as { alert?: string; reason?: string })
  return said.find(({ alert }) => alert === 'key-registry-changed')?.reason ?? 'no alert'
}

/** Writes these rows and, as `change` leaves it, the manifest of the next generation under that key, all at once. */
async function sign(
  secret: KeyObject,
  rows: string,
  change: (manifest: Manifest) => void,
  from = 'today',
): Promise<void> {
  const read = async (name: string) => {
    const [row] = await sql<{ manifest: string }>(`SELECT manifest FROM key_registry_${name}`)
    return JSON.parse(row!.manifest) as Manifest
  }
  const manifest = await read(from)
  manifest.generation = (await read('today')).generation + 1
  change(manifest)
  const text = canonicalize(manifest)!
  const mac = createHmac('sha256', secret).update('strongroom key registry\0').update(text).digest('hex')
  const quoted = text.replaceAll("'", "''")
  await sql(`${rows}; UPDATE key_registry SET manifest = '${quoted}', mac = '\\x${mac}'`)
}

/** Makes the stolen key the active one in the rows and, with `revive`, in the manifest. */
const REVIVE = `UPDATE keys SET state = 'deactivated', deactivated_at = activated_at WHERE purpose = 'display' AND state = 'active';
  UPDATE keys SET state = 'active', deactivated_at = NULL WHERE id = (SELECT id FROM keys_backup WHERE purpose = 'display')`
function revive(manifest: Manifest): void {
  for (const key of manifest.keys.filter(({ purpose }) => purpose === 'display')) {
    if (key.id === stolen.display) Object.assign(key, { state: 'active', deactivated_at: null })
    else if (key.state === 'active') Object.assign(key, { state: 'deactivated', deactivated_at: key.activated_at })
  }
}

describe('a running server does not follow', () => {
  it('the registry of the backup under the root key of its time, signed again as the next generation', async () => {
    const reason = await refusal(() => sign(stolen.mac.secret, rowsOf('backup'), () => {}, 'backup'))
    expect(reason).toContain('is under a key that the vault has not put in the place of its own')
  })

  it("today's registry with the stolen key active, signed with the stolen MAC key under today's name", async () => {
    const reason = await refusal(() => sign(stolen.mac.secret, REVIVE, revive))
    expect(reason).toContain('was changed')
    expect(await startAgain()).toContain('was changed')
  })

  it('the same under the name of the stolen MAC key, whose row is brought back', async () => {
    const { id } = stolen.mac
    const rows = `${REVIVE}; UPDATE keys SET state = 'deactivated' WHERE purpose = 'registry-mac';
                  DELETE FROM keys WHERE id = '${id}'; INSERT INTO keys SELECT * FROM keys_backup WHERE id = '${id}'`
    const [backup] = await sql<{ manifest: string }>('SELECT manifest FROM key_registry_backup')
    const entry = (JSON.parse(backup!.manifest) as Manifest).keys.find((key) => key.id === id)!
    const reason = await refusal(() =>
      sign(stolen.mac.secret, rows, (manifest) => {
        revive(manifest)
        manifest.mac_key = id
        for (const key of manifest.keys) if (key.purpose === 'registry-mac') key.state = 'deactivated'
        manifest.keys = manifest.keys.map((key) => (key.id === id ? entry : key))
      }),
    )
    expect(reason).toContain('the root key does not open')
    expect(await startAgain()).toContain('the root key does not open')
  })

  it.each([
    ['deactivated', 'active'],
    ['compromised', 'active'],
    ['compromised', 'deactivated'],
  ])('a manifest that leads a key from %s to %s, even under the present MAC key', async (from, to) => {
    const purpose = from === 'compromised' ? 'secret' : 'display'
    const inventory = await vault.commands.takeInventory()
    const { id } = inventory.find(
      (key) => key.purpose === purpose && (from === 'compromised') === (key.state === 'active'),
    )!
    if (from === 'compromised') await vault.commands.compromiseKey(OPERATOR, id)
    await sql(TABLES.map((table) => `DELETE FROM ${table}_today; INSERT INTO ${table}_today TABLE ${table}`).join('; '))
    const { mac } = await steal()
    const makesWay = to === 'active'
    const rows = `UPDATE keys SET state = 'deactivated', deactivated_at = activated_at
                  WHERE ${makesWay} AND state = 'active' AND purpose = '${purpose}';
                  UPDATE keys SET state = '${to}', compromised_at = NULL,
                    deactivated_at = ${makesWay ? 'NULL' : 'activated_at'} WHERE id = '${id}'`
    const reason = await refusal(() =>
      sign(mac.secret, rows, (manifest) => {
        for (const key of manifest.keys.filter((one) => one.purpose === purpose)) {
          const retired = { state: 'deactivated', deactivated_at: key.activated_at }
          if (makesWay && key.state === 'active') Object.assign(key, retired)
          if (key.id !== id) continue
          Object.assign(key, makesWay ? { state: to, deactivated_at: null } : retired, { compromised_at: null })
        }
      }),
    )
    expect(reason).toContain(`key ${id}`)
    expect(reason).toContain(`it was ${from} and is ${to}`)
  })
})

it('what a running server refuses is not pinned, and no change is made on top of it', async () => {
  const file = path.join(directory, 'pin.json')
  const pin = createVaultPin({ file, mayBeginAgain: false, onUnwritable: () => {} })
  const openRootKey = createPassphraseFileProvider({
    file: path.join(directory, 'root-key'),
    development: false,
    randomBytes,
  }).open
  const anchor = createRegistryAnchor({
    pin,
    findNewer: async () => ({ inLog: undefined, outside: undefined, hasLog: true }),
    findKeyEvents: async () => [],
    restores: false,
  })
  const parts = await openTestKeys(vault.database, { openRootKey, pin, anchor })
  try {
    const pinned = readFileSync(file, 'utf8')
    const { secret } = parts.keys.ring.active('registry-mac')
    // The database is that of another vault from now on, as far as the manifest goes.
    await refusal(() => sign(secret, 'SELECT', (manifest) => Object.assign(manifest, { vault: 'vault_another' })))
    await expect(parts.keys.refresh()).rejects.toMatchObject({ code: 'sealed' })
    const change = changeRegistry(parts, OPERATOR, async ({ mark }) => mark('forged'))
    await expect(change).rejects.toThrow('is that of another vault')
    expect(readFileSync(file, 'utf8')).toBe(pinned)
    await sql(rowsOf('today'))
    await parts.keys.refresh()
    expect(parts.keys.verified.marks).not.toContain('forged')
  } finally {
    await parts.close()
  }
})
