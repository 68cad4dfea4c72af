import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { KeysConfig } from '../../src/config/config-sections.ts'
import { type KmsEmulator, kmsIsMissing, startKmsEmulator } from '../support/aws-kms.ts'
import { cpuTime } from '../support/cpu-time.ts'
import { keysIn, withToken } from '../support/in-token.ts'
import { card, contact } from '../support/samples.ts'
import { createSoftHsm, type SoftHsm, softHsmIsMissing } from '../support/soft-hsm.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'
import { without } from '../support/without.ts'

const operator = { id: 'operator:test', kind: 'operator' } as const
const passphrase = { provider: 'passphrase-file', leaseSeconds: 900 } as const

let directory: string
let rootKeyFile: string
let vault: TestVault
let stored: string[]

beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-migrate-root-'))
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))
afterEach(async () => {
  await vault.checkInvariants()
  await vault.stop()
})

async function startVault(name: string, rootKey: Partial<KeysConfig> = passphrase): Promise<void> {
  rootKeyFile = path.join(directory, name)
  const config = { keys: { ...rootKey, passphraseFile: rootKeyFile }, rootKeyPatienceMs: 20_000, createsRootKey: true }
  vault = await TestVault.start({ config, overrides: quickKeys })
  const made = await vault.tokenize({ card, contact })
  stored = [made.card!.token!, made.contact!.token!]
}

/** What a server that starts now, with this provider, makes of what was stored before. */
async function startsWith(rootKey: Partial<KeysConfig>): Promise<string> {
  const again = await TestVault.start({
    config: { keys: { ...rootKey, passphraseFile: rootKeyFile } },
    sharedDatabase: vault.database,
  }).catch((error: Error) => error)
  if (again instanceof Error) return again.message
  try {
    const billing = await again.staffToken('billing')
    const read = await again.call('GET', `/v1/tokens/${stored[0]}`, { token: billing })
    await again.checkInvariants()
    return String(read.status)
  } finally {
    await again.stop()
  }
}

/** The place of every row on the disk: it changes with every update. */
const places = (table: string) => vault.database.sql(`SELECT ctid, xmin FROM ${table} ORDER BY ctid`)

/** The database refuses the next change of the key registry. */
async function refuseNextGeneration(): Promise<void> {
  const [row] = await vault.database.sql<{ manifest: string }>('SELECT manifest FROM key_registry')
  const next = JSON.parse(row!.manifest).generation + 1
  await vault.database.sql(
    `ALTER TABLE key_registry ADD CONSTRAINT stop CHECK (manifest NOT LIKE '%"generation":${next},%')`,
  )
}

describe('a new root key of the same kind', () => {
  it('wraps every key again, and no record is touched', async () => {
    await startVault('rotated')
    const tables = ['records', 'search_terms', 'record_versions']
    const before = await Promise.all(tables.map(places))
    const asked = cpuTime()
    const { id, replaced, rewrapped } = await vault.rootKeys.rotate(operator)
    expect(cpuTime() - asked).toBeLessThan(5_000)
    expect(await Promise.all(tables.map(places))).toEqual(before)
    const keys = await vault.database.sql<{ root_key_id: string }>(
      'SELECT root_key_id FROM keys WHERE wrapped IS NOT NULL',
    )
    expect(keys.map((key) => key.root_key_id)).toEqual(Array(rewrapped).fill(id))
    expect(await vault.events({ type: 'root-key.replace' })).toMatchObject([{ subject: id, caller: operator }])
    expect(replaced).not.toBe(id)
    expect(await startsWith(passphrase)).toBe('200')
  })

  it('is taken up by a server that runs, which goes on when keys are made under it', async () => {
    await startVault('followed')
    const second = await TestVault.start({
      config: { keys: { ...passphrase, passphraseFile: rootKeyFile } },
      sharedDatabase: vault.database,
      overrides: quickKeys,
    })
    const token = await vault.clientToken(['tokenize'])
    const sell = () => second.call('POST', '/v1/tokenize', { token, body: { contact } })
    try {
      await vault.rootKeys.rotate(operator)
      expect((await sell()).status).toBe(201)
      await vault.rotate()
      expect((await sell()).status).toBe(201)
      expect(second.logLines.join('')).not.toContain('"alert"')
    } finally {
      await second.stop()
    }
  })

  it('that is not committed leaves no passphrase, and the old one opens the vault', async () => {
    await startVault('failed')
    await refuseNextGeneration()
    await expect(vault.rootKeys.rotate(operator)).rejects.toThrow()
    await vault.database.sql('ALTER TABLE key_registry DROP CONSTRAINT stop')
    expect(readdirSync(directory).filter((name) => name.startsWith('failed'))).toEqual(['failed'])
    expect(await startsWith(passphrase)).toBe('200')
  })

  it('leaves an older backup to the passphrase that it was made under, which is still there, and to no other', async () => {
    await startVault('restored')
    await vault.database.sql(
      `CREATE TABLE k AS TABLE keys; CREATE TABLE r AS TABLE root_keys; CREATE TABLE m AS TABLE key_registry;
       CREATE TABLE a AS TABLE access_ledger`,
    )
    await vault.rootKeys.rotate(operator)
    await vault.database.sql(`TRUNCATE keys, root_keys, key_registry, access_ledger;
      INSERT INTO access_ledger TABLE a; INSERT INTO keys TABLE k; INSERT INTO root_keys TABLE r; INSERT INTO key_registry TABLE m`)
    expect(await startsWith(passphrase)).toBe('200')
    writeFileSync(rootKeyFile, `${'another passphrase '.repeat(3)}\n`)
    expect(await startsWith(passphrase)).toMatch(/root key does not open the keys/)
  })
})

describe('a configuration that names another provider than the vault has', () => {
  it('refuses the start, and says how to move', async () => {
    await startVault('other')
    expect(await startsWith({ provider: 'custodian-shares', leaseSeconds: 900 })).toContain(
      'strongroom keys migrate-root --to custodian-shares',
    )
    await expect(vault.rootKeys.migrate(operator, 'passphrase-file')).rejects.toThrow('already')
    await expect(vault.rootKeys.migrate(operator, 'aws-kms')).rejects.toThrow('STRONGROOM_ROOT_KEY_ID')
    await expect(vault.rootKeys.migrate(operator, 'pkcs11')).rejects.toThrow('STRONGROOM_PKCS11_TOKEN')
    expect(await vault.count('root_keys')).toBe(1)
  })
})

const ALGORITHMS = {
  'passphrase-file': 'AES-256-GCM, HKDF-SHA-512',
  'aws-kms': 'AES-256-GCM in AWS KMS',
  pkcs11: 'AES-256-GCM in a PKCS#11 token (CKM_AES_GCM with a random IV)',
}

const missing = kmsIsMissing() ?? softHsmIsMissing()

describe.skipIf(missing)(`a root key that moves${without(missing)}`, () => {
  let kms: KmsEmulator
  let hsm: SoftHsm
  let settings: Omit<Partial<KeysConfig>, 'provider'>
  const keysInToken = () => withToken(hsm, (token) => keysIn(token).length)
  beforeAll(async () => {
    kms = await startKmsEmulator()
    hsm = createSoftHsm()
    Object.assign(process.env, kms.env, hsm.env)
    settings = {
      leaseSeconds: 900,
      keyId: await kms.createKey(),
      pkcs11Module: hsm.module,
      pkcs11Token: hsm.token,
      pkcs11PinFile: hsm.pinFile,
    }
  })
  afterAll(async () => {
    for (const name of [...Object.keys(kms.env), ...Object.keys(hsm.env)]) delete process.env[name]
    await kms.stop()
    hsm.remove()
  })

  it('from the file to KMS, to the HSM, and back: each start with the new provider reads, and one with the old is refused', async () => {
    await startVault('moved', { ...settings, provider: 'passphrase-file' })
    const before = await places('records')
    let at: Partial<KeysConfig>['provider'] = 'passphrase-file'
    for (const to of ['aws-kms', 'pkcs11', 'passphrase-file'] as const) {
      const mover = await TestVault.start({
        config: { keys: { ...settings, provider: at, passphraseFile: rootKeyFile }, createsRootKey: true },
        sharedDatabase: vault.database,
      })
      // A rehearsal finds what the move will find, and leaves nothing: no row, no file, no key in the token.
      const left = () => [vault.count('root_keys'), readdirSync(directory), keysInToken()] as const
      const leftBefore = await Promise.all(left())
      expect(await mover.rootKeys.rehearse(to)).toMatchObject({ provider: to, algorithm: ALGORITHMS[to] })
      expect(await Promise.all(left())).toEqual(leftBefore)
      const moved = await mover.rootKeys.migrate(operator, to)
      await mover.stop()
      expect(moved).toMatchObject({ provider: to, algorithm: ALGORITHMS[to], lacks: [] })
      expect(await startsWith({ ...settings, provider: to })).toBe('200')
      expect(await startsWith({ ...settings, provider: at })).toContain(`comes from ${to}`)
      // The server that ran all the time has the former root key, and none of the MAC keys of now.
      await expect.poll(async () => (await vault.call('GET', '/readyz')).body.code, { timeout: 20_000 }).toBe('sealed')
      at = to
    }
    expect(await places('records')).toEqual(before)
    expect(vault.logLines.join('')).toContain('"alert":"root-key-unreachable"')
  })

  it('that is not committed leaves no key in the token', async () => {
    await startVault('not-committed', { ...settings, provider: 'passphrase-file' })
    await refuseNextGeneration()
    const before = keysInToken()
    await expect(vault.rootKeys.migrate(operator, 'pkcs11')).rejects.toThrow('stop')
    expect(keysInToken()).toBe(before)
  })

  it('is where it was pinned and configured: a token with another serial number is refused, and an alias of another key', async () => {
    const pinFile = path.join(directory, 'token.pin')
    await startVault('pinned', { ...settings, provider: 'pkcs11', keyId: undefined })
    const start = (rootKey: Partial<KeysConfig>) =>
      TestVault.start({
        config: {
          keys: { ...rootKey, passphraseFile: rootKeyFile },
          pin: { file: pinFile },
          rootKeyPatienceMs: 20_000,
        },
        sharedDatabase: vault.database,
      }).then(
        (again) => again.stop(),
        (error: Error) => error.message,
      )
    const inToken: Partial<KeysConfig> = { ...settings, provider: 'pkcs11', keyId: undefined }
    expect(await start(inToken)).toBeUndefined()
    const { from, to } = hsm.changeSerial()
    expect(await start(inToken)).toContain(`its serial number is ${to}, and ${from} is pinned`)
    hsm.changeSerial()

    const alias = await kms.createAlias(settings.keyId!)
    const inKms: Partial<KeysConfig> = { ...settings, provider: 'aws-kms', keyId: alias }
    const mover = await TestVault.start({
      config: { keys: { ...inKms, provider: 'pkcs11', passphraseFile: rootKeyFile }, rootKeyPatienceMs: 20_000 },
      sharedDatabase: vault.database,
    })
    await mover.rootKeys.migrate(operator, 'aws-kms')
    await mover.stop()
    rmSync(pinFile)
    expect(await start(inKms)).toBeUndefined()
    await kms.moveAlias(alias, await kms.createKey())
    expect(await start(inKms)).toContain('STRONGROOM_ROOT_KEY_ID leads to arn:')
    // The options name the root key that replaces the present one.
    const rotator = await TestVault.start({
      config: {
        keys: { ...inKms, passphraseFile: rootKeyFile },
        pin: { file: pinFile },
        rootKeyPatienceMs: 20_000,
        replacesRootKey: true,
      },
      sharedDatabase: vault.database,
    })
    const { id } = await rotator.rootKeys.rotate(operator)
    await rotator.stop()
    expect(JSON.parse(readFileSync(pinFile, 'utf8'))).toMatchObject({ root_key: { id } })
  }, 240_000)

  it.each(['aws-kms', 'pkcs11'] as const)('can be replaced by another one of %s', async (provider) => {
    await startVault(`rotated-${provider}`, { ...settings, provider })
    const another = { ...settings, provider, keyId: await kms.createKey() }
    const rotator = await TestVault.start({
      config: { keys: { ...another, passphraseFile: rootKeyFile } },
      sharedDatabase: vault.database,
    })
    await rotator.rootKeys.rotate(operator)
    await rotator.stop()
    // It opens the new key in the token or the KMS, which takes its time on a busy machine.
    await vi.waitFor(() => vault.checkReady(), { timeout: 20_000 })
    await vault.rotate()
    expect(await startsWith({ ...settings, provider })).toBe('200')
  })
})
