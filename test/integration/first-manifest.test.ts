import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { createClientSecrets } from '../../src/access/callers/client-secret.ts'
import { readConfig } from '../../src/config/config.ts'
import { formerWrapContext, type KeyPurpose, keyPurposes, UNAUTHENTICATED_WRAP } from '../../src/keys/key/key.ts'
import { createPassphraseFileProvider } from '../../src/keys/root-key/passphrase-file.ts'
import { RootKeyUnreachable } from '../../src/keys/root-key/root-key.ts'
import { examineKeys, type Finding } from '../../src/start/doctor/doctor.ts'
import { examineVault } from '../../src/start/open-vault.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { checkout, contact } from '../support/samples.ts'
import { testKey, testKeyId } from '../support/test-keys.ts'
import { TestVault } from '../support/test-vault.ts'

const CREATED = new Date(Date.now() - 100 * 24 * 60 * 60 * 1000)

let database: TestDatabase
beforeEach(async () => {
  database = await createTestDatabase()
})
afterEach(() => database.drop())

/** The keys of a vault as version 0.1.0 left them: wrapped, and no manifest. Answers with their ids by purpose. */
async function writeOldRegistry(purposes: readonly KeyPurpose[]): Promise<Map<KeyPurpose, string>> {
  const file = inject('cluster').rootKeyFile
  const rootKey = await createPassphraseFileProvider({ file, development: false, randomBytes }).create('root_old')
  const { check: _later, ...parameters } = rootKey.record.parameters
  const record = { ...rootKey.record, parameters }
  await database.sql('INSERT INTO root_keys (id, provider, parameters, created_at) VALUES ($1, $2, $3, $4)', [
    ...[record.id, record.provider, JSON.stringify(record.parameters), CREATED],
  ])
  const ids = new Map<KeyPurpose, string>()
  for (const purpose of purposes) {
    const id = testKeyId()
    const { secret } = testKey(purpose)
    const bytes = secret.type === 'secret' ? secret.export() : secret.export({ format: 'der', type: 'pkcs8' })
    const wrapped = await rootKey.wrap(bytes, formerWrapContext({ id, purpose }, UNAUTHENTICATED_WRAP))
    await database.sql(
      `INSERT INTO keys (id, purpose, state, root_key_id, wrapped, created_at, activated_at)
       VALUES ($1, $2, 'active', $3, $4, $5, $5)`,
      [id, purpose, record.id, wrapped, CREATED],
    )
    ids.set(purpose, id)
  }
  await database.sql('INSERT INTO key_uses (key_id) SELECT id FROM keys UNION ALL SELECT id FROM root_keys')
  return ids
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

const OLD = ['display', 'secret', 'index', 'token-signing'] as const

describe('a vault from before there was a manifest', () => {
  it('is taken over with its keys, which get an expiry, and an audit key', async () => {
    const ids = await writeOldRegistry(OLD)
    const vault = await TestVault.start({ sharedDatabase: database })
    try {
      const { token } = (await vault.tokenize({ contact })).contact!
      const [row] = await database.sql(
        'SELECT display_key_id AS display, secret_key_id AS secret FROM readable.records WHERE token = $1',
        [token],
      )
      expect(row).toEqual({ display: ids.get('display'), secret: ids.get('secret') })
      const inventory = await vault.commands.takeInventory()
      const index = inventory.find(({ purpose }) => purpose === 'index')
      expect(index).toMatchObject({ id: ids.get('index'), activated_at: CREATED.toISOString() })
      expect(Date.parse(index!.expires_at!)).toBe(CREATED.getTime() + 730 * 24 * 60 * 60 * 1000)
      expect(inventory.find(({ purpose }) => purpose === 'audit-signing')?.state).toBe('active')
    } finally {
      await vault.stop()
    }
    expect(await startAgain()).toBe('it started')
  })

  it('is taken over once: a manifest that is deleted afterwards does not pass for one that was never there', async () => {
    await writeOldRegistry(OLD)
    expect(await keyFindings()).toEqual([])
    expect(await startAgain()).toBe('it started')
    await database.sql('DELETE FROM key_registry')
    expect(await startAgain()).toMatch(/the manifest of the key registry .* is missing/)
  })

  it('is taken over with its clients and contracts, as they stand, once', async () => {
    await writeOldRegistry(OLD)
    const secrets = await createClientSecrets()
    const id = `client_${'1'.repeat(26)}`
    await database.sql(
      `INSERT INTO clients (id, name, role, scopes, site, secret_hash, created_at)
       VALUES ($1, 'carrier', 'fulfilment', '{address:reveal}', 'default', $2, now())`,
      [id, await secrets.hash('an old secret')],
    )
    await database.sql(
      `INSERT INTO partners VALUES ('partner_1', 'Carrier', 'MY', 'x', '{provide-goods}', '{address.country}', $1, now())`,
      [new Date(Date.now() + 86_400_000)],
    )
    await database.sql("INSERT INTO partner_clients VALUES ($1, 'partner_1')", [id])
    const vaults = await Promise.all([1, 2].map(() => TestVault.start({ sharedDatabase: database })))
    try {
      const address = (await vaults[0]!.tokenize(checkout)).shipping_address!.token
      const ask = (vault: TestVault) => vault.requestToken(id, 'an old secret')
      for (const vault of vaults) {
        const { access_token: token } = (await ask(vault)).body
        const body = { purpose: 'provide-goods' }
        const revealed = await vault.call('POST', `/v1/tokens/${address}/reveal`, { token, body })
        expect(revealed.body.data).toEqual({ country: 'SG' })
      }
      const macs = await database.sql('SELECT mac FROM clients UNION ALL SELECT mac FROM partners')
      for (const { mac } of macs) expect(mac).toHaveLength(48)
      await database.sql('UPDATE clients SET mac = NULL WHERE id = $1', [id])
      for (const vault of vaults) expect((await ask(vault)).status).toBe(401)
      expect(await startAgain()).toBe('it started')
      expect((await ask(vaults[0]!)).status).toBe(401)
    } finally {
      for (const vault of vaults) await vault.stop()
    }
  })

  it('is not taken over when a key of it was exchanged or is missing', async () => {
    const ids = await writeOldRegistry(['display', 'secret', 'index'])
    expect(await startAgain()).toMatch(/one active token-signing key/)
    await database.sql('UPDATE keys SET wrapped = (SELECT wrapped FROM keys WHERE id = $2) WHERE id = $1', [
      ids.get('display'),
      ids.get('secret'),
    ])
    expect(await startAgain()).toMatch(/the root key does not open the keys/)
  })
})

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
