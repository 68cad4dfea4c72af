import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type RootKey, RootKeyConfigError, type RootKeyRecord } from '../root-key/root-key.ts'
import { createVaultPin, type VaultPinOptions } from './vault-pin.ts'

const VAULT = `vault_${'a'.repeat(26)}`
const [FIRST, SECOND] = ['root_1', 'root_2'].map(
  (id): RootKeyRecord => ({ id, provider: 'pkcs11', parameters: { token: 'vault' } }),
) as [RootKeyRecord, RootKeyRecord]

let directory: string
let file: string
let told: string[]
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-pin-'))
  file = path.join(directory, 'certs/vault.pin')
  told = []
})
afterEach(() => rmSync(directory, { recursive: true }))

const open = (changes: Partial<VaultPinOptions> = {}) =>
  createVaultPin({ file, mayBeginAgain: false, onUnwritable: (reason) => told.push(reason), ...changes })
const written = () => JSON.parse(readFileSync(file, 'utf8'))
const found = (record: RootKeyRecord, serial: string) => ({ record, token: { label: 'vault', serial } }) as RootKey
const kept = (rootKey: RootKeyRecord, generation: number) => ({ vault: VAULT, generation, rootKey })

it('makes the folder that it lies in', () => {
  open().keep(kept(FIRST, 1))
  expect(written()).toEqual({ format: 1, vault: VAULT, generation: 1, root_key: FIRST })
  expect(told).toEqual([])
})

describe('what is configured', () => {
  it('counts also where the same root key is pinned', async () => {
    open().keep(kept(FIRST, 1))
    const asked: string[] = []
    const requireConfigured = async ({ id }: RootKeyRecord) => {
      asked.push(id)
      throw new RootKeyConfigError('STRONGROOM_ROOT_KEY_ID leads elsewhere.')
    }
    await expect(open({ requireConfigured }).requireRootKey(FIRST)).rejects.toThrow('leads elsewhere')
    expect(asked).toEqual([FIRST.id])
  })

  it('is the vault that it must be, with any pin', () => {
    const other = `vault_${'b'.repeat(26)}`
    const pin = open({ vaultId: VAULT })
    expect(() => pin.requireVault(VAULT)).not.toThrow()
    expect(() => pin.requireVault(other)).toThrow('STRONGROOM_VAULT_ID is')
    expect(() => open({ vaultId: VAULT, mayBeginAgain: true }).requireNone()).toThrow('holds no vault')
    pin.keep(kept(FIRST, 1))
    expect(() => open({ vaultId: other }).requireVault(other)).toThrow(`pins ${VAULT}`)
  })
})

describe('the generation', () => {
  it('never falls, and neither does the root key of a newer one go back', () => {
    open().keep(kept(SECOND, 7))
    const pin = open()
    expect(pin.generation).toBe(7)
    pin.keep(kept(FIRST, 6))
    expect(written()).toMatchObject({ generation: 7, root_key: { id: SECOND.id } })
  })

  it('is not lowered by a process that has read the file long ago', () => {
    open().keep(kept(FIRST, 1))
    const late = open()
    open().keep(kept(SECOND, 9))
    late.keep(kept(FIRST, 2))
    expect(written()).toMatchObject({ generation: 9, root_key: { id: SECOND.id } })
  })

  it('is taken up where a pin of an earlier version has none', async () => {
    open().keep(kept(FIRST, 1))
    const { generation: _none, ...former } = written()
    writeFileSync(file, JSON.stringify(former))
    const pin = open()
    await pin.requireRootKey(FIRST)
    expect(pin.generation).toBe(0)
    pin.keep(kept(FIRST, 4))
    expect(written()).toEqual({ ...former, generation: 4 })
  })
})

it('a root key that is to come stays announced until the registry has changed', async () => {
  const pin = open()
  pin.keep(kept(FIRST, 1))
  pin.announce(found(SECOND, '2'))
  // The process looks at the registry while it replaces the root key.
  pin.keep(kept(FIRST, 1))
  await open().requireRootKey(SECOND)
  pin.keep(kept(SECOND, 2))
  expect(written()).toEqual({
    ...kept(SECOND, 2),
    rootKey: undefined,
    format: 1,
    root_key: { ...SECOND, token: { label: 'vault', serial: '2' } },
  })
  await expect(open().requireRootKey(FIRST)).rejects.toThrow('pins root_2')
})

it('the token of a root key is pinned with it', () => {
  const pin = open()
  pin.found(found(FIRST, '4711'))
  pin.keep(kept(FIRST, 1))
  expect(written().root_key.token).toEqual({ label: 'vault', serial: '4711' })
  expect(open().tokenOf(FIRST.id)).toEqual({ label: 'vault', serial: '4711' })
  expect(open().tokenOf(SECOND.id)).toBeUndefined()
})

describe('a file that cannot be written', () => {
  const nowhere = '/dev/null/vault.pin'

  it('is an alert, once', () => {
    const pin = open({ file: nowhere })
    for (const generation of [1, 2]) pin.keep(kept(FIRST, generation))
    expect(told).toHaveLength(1)
  })

  it('is a refusal where the vault must be pinned and its id is not said', () => {
    expect(() => open({ file: nowhere, mustBePinned: true }).keep(kept(FIRST, 1))).toThrow('STRONGROOM_VAULT_ID')
    expect(() => open({ file: nowhere, mustBePinned: true, vaultId: VAULT }).keep(kept(FIRST, 1))).not.toThrow()
  })
})
