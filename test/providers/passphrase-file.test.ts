import { randomBytes as random } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import argon2 from 'argon2'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { createPassphraseFileProvider, passphraseFiles } from '../../src/keys/root-key/passphrase-file.ts'
import type { RootKeyRecord } from '../../src/keys/root-key/root-key.ts'
import { createRandomBytes } from '../../src/values/random.ts'
import { context, itKeepsTheContract, ofProvider } from '../support/root-key-contract.ts'

const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-passphrase-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const randomBytes = createRandomBytes()
const providerOf = (name: string, development = true) =>
  createPassphraseFileProvider({ file: path.join(directory, name), development, randomBytes })

describe('a passphrase file', () => {
  itKeepsTheContract(...ofProvider(providerOf('contract')))

  it('is not made for production: the operator brings it', async () => {
    await expect(providerOf('absent', false).create('root_a')).rejects.toMatchObject({ name: 'RootKeyConfigError' })
  })

  it('is refused when it is short, or another', async () => {
    writeFileSync(path.join(directory, 'short'), 'too short\n')
    await expect(providerOf('short').create('root_a')).rejects.toThrow('too short')
    const { record } = await providerOf('right').create('root_a')
    await expect(providerOf('contract').open(record)).rejects.toMatchObject({ name: 'RootKeyMismatch' })
  })

  it('is refused for a new root key when it can be guessed, with a command that makes a better one; an old one it opens still', async () => {
    const file = path.join(directory, 'weak')
    const strong = await providerOf('strong').create('root_old')
    for (const weak of ['a'.repeat(20), 'qwertyuiop[]asdfghjkl;zxcvbnm,./', 'horse '.repeat(8)]) {
      writeFileSync(file, `${weak}\n`)
      for (const development of [true, false]) {
        const made = providerOf('weak', development).create('root_new')
        await expect(made).rejects.toMatchObject({
          name: 'RootKeyConfigError',
          message: expect.stringMatching(/can be guessed.*openssl rand -base64 32/),
        })
        await expect(made).rejects.not.toThrow(weak.trim())
      }
      // It is the check value that refuses this, and not the strength.
      await expect(providerOf('weak').open(strong.record)).rejects.toMatchObject({ name: 'RootKeyMismatch' })
    }
    writeFileSync(file, `${random(32).toString('base64')}\n`)
    expect((await providerOf('weak', false).create('root_new')).record.id).toBe('root_new')
  })

  it('is derived by argon2id at 64 MiB and three passes, from a salt of its own, and no record may ask for less than OWASP does', async () => {
    const provider = providerOf('costs')
    const [one, other] = [await provider.create('root_a'), await provider.create('root_b')]
    expect(one.record.parameters).toMatchObject({ memoryCost: 65_536, timeCost: 3 })
    expect(one.record.parameters.salt).not.toBe(other.record.parameters.salt)
    const weak = { ...one.record, parameters: { ...one.record.parameters, memoryCost: 8 } }
    await expect(provider.open(weak)).rejects.toThrow()
  })

  let dear: RootKeyRecord | undefined
  it.each([
    { memoryCost: 1_048_577 },
    { memoryCost: 4_294_967_295 },
    { timeCost: 11 },
    { parallelism: 5 },
    { salt: 'A'.repeat(100) },
    { salt: 7 },
  ])('is not derived when its record asks for %j: the row says so, and nothing is computed', async (changed) => {
    const provider = providerOf('dear')
    dear ??= (await provider.create('root_dear')).record
    const record = dear
    const hash = vi.spyOn(argon2, 'hash')
    const opened = provider.open({ ...record, parameters: { ...record.parameters, ...changed } })
    await expect(opened).rejects.toMatchObject({ name: 'RootKeyConfigError', message: /"root_keys".*was changed/ })
    expect(hash).not.toHaveBeenCalled()
    hash.mockRestore()
  })
})

describe('a rotation of it', () => {
  it('writes a new passphrase beside the old one, mode 0600, and leaves the old one as it is', async () => {
    const provider = providerOf('rotated')
    const first = await provider.create('root_1')
    const before = readFileSync(path.join(directory, 'rotated'), 'utf8')
    const second = await provider.create('root_2', first.record)
    const file = path.join(directory, 'rotated.root_2')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(file, 'utf8')).not.toBe(before)
    expect(readFileSync(path.join(directory, 'rotated'), 'utf8')).toBe(before)
    expect((await passphraseFiles(path.join(directory, 'rotated'))).sort()).toEqual([
      path.join(directory, 'rotated'),
      file,
    ])

    // Whichever record the database holds, committed or not, a start finds its passphrase.
    const wrapped = await second.wrap(Buffer.alloc(32, 5), context)
    expect((await provider.open(first.record)).record.id).toBe('root_1')
    expect(await (await provider.open(second.record)).unwrap(wrapped, context)).toEqual(Buffer.alloc(32, 5))
  })

  it('takes up no passphrase that lies there when the root key comes back from elsewhere', async () => {
    const provider = providerOf('returned')
    const first = await provider.create('root_1')
    const second = await provider.create('root_3', { id: 'root_2', provider: 'aws-kms', parameters: {} })
    expect(statSync(path.join(directory, 'returned.root_3')).mode & 0o777).toBe(0o600)
    rmSync(path.join(directory, 'returned'))
    expect((await provider.open(second.record)).record.id).toBe('root_3')
    await expect(provider.open(first.record)).rejects.toMatchObject({ name: 'RootKeyConfigError' })
  })

  it('never overwrites a passphrase', async () => {
    const provider = providerOf('kept')
    const first = await provider.create('root_1')
    await provider.create('root_2', first.record)
    await expect(provider.create('root_2', first.record)).rejects.toMatchObject({ code: 'EEXIST' })
  })

  it('that was not committed leaves nothing', async () => {
    const provider = providerOf('discarded')
    const first = await provider.create('root_1')
    const second = await provider.create('root_2', first.record)
    await provider.discard?.(second.record)
    expect(await passphraseFiles(path.join(directory, 'discarded'))).toEqual([path.join(directory, 'discarded')])
  })
})
