import path from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { type KeyPurpose, keyPurposes } from '../../src/keys/key/key.ts'
import { saveManifest } from '../../src/keys/key/key-store.ts'
import { encodeManifest, macOf } from '../../src/keys/key/registry-manifest.ts'
import { RootKeyUnreachable } from '../../src/keys/root-key/root-key.ts'
import { examineKeys, type Finding } from '../../src/start/doctor/doctor.ts'
import { examineVault } from '../../src/start/open-vault.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'
import { withVaultKeys } from '../support/vault-keys.ts'

let database: TestDatabase
beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(() => database.drop())

/** Takes a purpose from the registry, as if it had been made by a version that did not know it. */
async function forgetPurpose(vault: TestVault, purpose: KeyPurpose): Promise<void> {
  await withVaultKeys(vault, ({ database: db, keys }) =>
    db.transaction(async (tx) => {
      const verified = await keys.registry.read(tx)
      const macKey = await (await keys.registry.draft(verified)).presentMacKey('registry-mac')
      const known = verified.keys.filter((key) => key.purpose !== purpose)
      const { rootKeys, vault: id, generation, rootKey, handovers, marks } = verified
      const facts = {
        vault: id,
        generation: generation + 1,
        rootKeyId: rootKey.id,
        macKeyId: macKey.id,
        handovers,
        marks,
      }
      const manifest = encodeManifest({ keys: known, rootKeys }, facts)
      await saveManifest(tx, { manifest, mac: macOf(macKey.secret, manifest) })
    }),
  )
  await database.sql('DELETE FROM keys WHERE purpose = $1', [purpose])
}

async function startAgain(): Promise<string> {
  try {
    const vault = await TestVault.start({ sharedDatabase: database })
    await vault.stop()
    return 'it started'
  } catch (error) {
    return (error as Error).message
  }
}

/** What the doctor finds in the keys. */
async function keyFindings(rootKeyFile = inject('cluster').rootKeyFile): Promise<Finding[]> {
  const config = readConfig({
    DATABASE_URL: database.serverUrl,
    STRONGROOM_DATA_DIR: path.dirname(inject('cluster').rootKeyFile),
    STRONGROOM_ROOT_KEY_FILE: rootKeyFile,
  })
  const findings = await examineVault(config, { role: 'command', command: 'doctor', log: () => {} })
  return findings.filter(({ code }) => code.startsWith('key'))
}

it('two servers that start at once on an empty database make one set of keys', async () => {
  const vaults = await Promise.all([1, 2].map(() => TestVault.start({ sharedDatabase: database })))
  try {
    const [row] = await database.sql(
      'SELECT (SELECT count(*)::integer FROM keys) AS keys, (SELECT count(*)::integer FROM root_keys) AS roots',
    )
    expect(row).toEqual({ keys: keyPurposes.length, roots: 1 })
    const { token } = (await vaults[0]!.tokenize({ contact })).contact!
    const support = await vaults[1]!.staffToken('support')
    expect((await vaults[1]!.call('GET', `/v1/tokens/${token}`, { token: support })).status).toBe(200)
  } finally {
    for (const vault of vaults) await vault.stop()
  }
})

it('a manifest that was deleted does not pass for one that was never there', async () => {
  expect(await startAgain()).toBe('it started')
  await database.sql('DELETE FROM key_registry')
  expect(await startAgain()).toMatch(/the manifest of the key registry .* is missing/)
})

it.each<KeyPurpose>(['certificate-signing', 'message-signing', 'receipt-signing', 'script-signing'])(
  'a purpose that is new to the vault gets its key at the next start: %s',
  async (purpose) => {
    const vault = await TestVault.start({ sharedDatabase: database })
    await vault.stop()
    await forgetPurpose(vault, purpose)
    expect(await startAgain()).toBe('it started')
    const rows = await database.sql('SELECT state FROM keys WHERE purpose = $1', [purpose])
    expect(rows).toEqual([{ state: 'active' }])
  },
)

describe('the doctor', () => {
  it('says of the keys what a start would say, and writes nothing', async () => {
    expect(await keyFindings()).toEqual([])
    expect(await startAgain()).toBe('it started')
    expect(await keyFindings()).toEqual([])
    await database.sql(
      `CREATE TABLE before AS TABLE keys; UPDATE keys SET state = 'deactivated' WHERE purpose = 'index'`,
    )
    expect(await keyFindings()).toEqual([{ code: 'key-registry', detail: expect.stringMatching(/index.*: state was/) }])
    await database.sql('TRUNCATE keys; INSERT INTO keys TABLE before; CREATE TABLE m AS TABLE key_registry')
    await database.sql('DELETE FROM key_registry')
    expect(await keyFindings()).toEqual([
      { code: 'key-registry', detail: expect.stringMatching(/manifest .* is missing/) },
    ])
    await database.sql(
      'INSERT INTO key_registry TABLE m; DELETE FROM key_uses WHERE key_id IN (SELECT id FROM root_keys)',
    )
    expect(await keyFindings()).toEqual([
      { code: 'key-uncounted', severity: 'warning', detail: expect.stringContaining('"strongroom keys rotate root"') },
    ])
  })

  it('refuses another root key, and says when none is at hand that it cannot tell', async () => {
    expect(await startAgain()).toBe('it started')
    expect(await keyFindings(`${inject('cluster').rootKeyFile}.nowhere`)).toEqual([
      { code: 'key-registry', detail: expect.stringContaining('there is no root-key file') },
    ])
    const unreachable = examineKeys(() => Promise.reject(new RootKeyUnreachable('no answer')))
    await expect(unreachable).resolves.toEqual([
      { code: 'key-registry-unverified', severity: 'warning', detail: expect.stringContaining('no answer') },
    ])
  })
})
