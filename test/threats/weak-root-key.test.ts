import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import argon2 from 'argon2'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * An attacker guesses the passphrase of a copied database, or writes into its row a cost of argon2: nothing, so that
 * the guesses are cheap, or all memory of the next start.
 */
vi.setConfig({ testTimeout: 120_000 })

let directory: string
let vault: TestVault
let rootKeyFile: string

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-weak-'))
  rootKeyFile = path.join(directory, 'root-key')
  vault = await TestVault.start({ config: { keys: { passphraseFile: rootKeyFile }, createsRootKey: true } })
  await vault.tokenize({ contact })
})
afterAll(async () => {
  await vault.stop()
  rmSync(directory, { recursive: true, force: true })
})

/** Why a vault does not start. */
async function refusal(options: Parameters<typeof TestVault.start>[0]): Promise<string> {
  try {
    await (await TestVault.start(options)).stop()
    return 'it started'
  } catch (error) {
    return (error as Error).message
  }
}

describe('a new vault does not start', () => {
  it.each([
    ['20 equal letters', 'a'.repeat(20)],
    ['one word again and again', 'Horse1'.repeat(9)],
    ['a walk over the keyboard with a digit', 'Qwertyuiop1Asdfghjkl2Zxcvbnm3Qwertyuiop4Asdfgh'],
  ])('on %s', async (_what, passphrase) => {
    const file = path.join(directory, 'weak')
    writeFileSync(file, passphrase, { mode: 0o600 })
    const said = await refusal({ config: { keys: { passphraseFile: file }, createsRootKey: true } })
    expect(said).toMatch(/can be guessed.*openssl rand -base64 32/)
    expect(said).not.toContain(passphrase)
  })
})

describe('a start computes nothing for a row of "root_keys" that asks', () => {
  it.each([
    ['for more than 1 GiB', { memoryCost: 1_048_577 }],
    ['for more than 10 passes', { timeCost: 11 }],
    ['for more than 4 lanes', { parallelism: 5 }],
    ['for next to nothing', { memoryCost: 8, timeCost: 1 }],
  ])('%s', async (_what, cost) => {
    const { database } = vault
    const [row] = await database.sql<{ id: string; parameters: object }>('SELECT id, parameters FROM root_keys')
    const write = (parameters: object) =>
      database.sql('UPDATE root_keys SET parameters = $2 WHERE id = $1', [row!.id, JSON.stringify(parameters)])
    await write({ ...row!.parameters, ...cost })
    const hash = vi.spyOn(argon2, 'hash')
    try {
      expect(await refusal({ sharedDatabase: database, config: { keys: { passphraseFile: rootKeyFile } } })).toMatch(
        /"root_keys".*was changed/,
      )
      expect(hash).not.toHaveBeenCalled()
    } finally {
      hash.mockRestore()
      await write(row!.parameters)
    }
  })
})
