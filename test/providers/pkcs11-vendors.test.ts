import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPkcs11Provider } from '../../src/keys/root-key/pkcs11.ts'
import type { RootKeyProvider } from '../../src/keys/root-key/root-key.ts'
import { SealError } from '../../src/keys/sealing/seal-context.ts'
import { createRandomBytes } from '../../src/values/random.ts'
import { keysIn, withToken } from '../support/in-token.ts'
import { context } from '../support/root-key-contract.ts'
import { createSoftHsm, type SoftHsm } from '../support/soft-hsm.ts'
import { buildVendorToken, type Vendor, vendorEnv, vendorTokenIsMissing } from '../support/vendor-token.ts'
import { without } from '../support/without.ts'

const missing = vendorTokenIsMissing()

describe.skipIf(missing)(`a PKCS#11 token${without(missing)}`, () => {
  let hsm: SoftHsm
  let directory: string
  let provider: RootKeyProvider
  beforeAll(() => {
    hsm = createSoftHsm()
    Object.assign(process.env, hsm.env)
    directory = mkdtempSync(path.join(tmpdir(), 'strongroom-vendor-'))
    const module = buildVendorToken(directory)
    const { token, pinFile } = hsm
    provider = createPkcs11Provider({ module, token, label: 'key', pinFile, randomBytes: createRandomBytes() })
  })
  afterAll(() => {
    for (const name of ['SOFTHSM2_CONF', ...Object.keys(vendorEnv('softhsm', ''))]) delete process.env[name]
    rmSync(directory, { recursive: true, force: true })
    hsm.remove()
  })
  const behaveLike = (vendor: Vendor) => Object.assign(process.env, vendorEnv(vendor, hsm.module))

  it.each([
    ['kwp', 'kwp', 2, 'AES-256-KWP', []],
    ['luna', 'gcm-none', 3, 'AES-256-GCM', []],
    ['protectserver', 'gcm-zeros', 3, 'AES-256-GCM', []],
    ['cloudhsm', 'gcm-zeros', 3, 'AES-256-GCM', ['CKA_MODIFIABLE', 'CKA_COPYABLE']],
    ['yubihsm', 'kwp-ecb', 2, 'AES-256-KWP', []],
    ['softhsm', 'gcm', 1, 'AES-256-GCM', []],
  ] as const)('with the manners of %s wraps by %s', async (vendor, way, format, algorithm, lacks) => {
    behaveLike(vendor)
    const made = await provider.create(`root_${vendor}`)
    const { record } = made
    expect(record.parameters).toMatchObject({ way, lacks })
    expect(made.describe().algorithm).toContain(algorithm)
    expect(made.describe().lacks ?? []).toEqual(lacks)
    const secret = randomBytes(138)
    const wrapped = await made.wrap(secret, context)
    expect(wrapped[0]).toBe(format)
    expect(wrapped.includes(secret.subarray(0, 16))).toBe(false)
    expect(await made.wrap(secret, context)).not.toEqual(wrapped)
    made.close?.()

    const opened = await provider.open(JSON.parse(JSON.stringify(record)))
    // What the token cannot give was said when the key was made.
    expect(opened.describe().lacks).toBeUndefined()
    expect(await opened.unwrap(wrapped, context)).toEqual(secret)
    await expect(opened.unwrap(wrapped, { ...context, token: 'key_2' })).rejects.toThrow(SealError)
    for (const at of [0, 1, Math.floor(wrapped.length / 2), wrapped.length - 1]) {
      const changed = Buffer.from(wrapped)
      changed[at]! ^= 1
      await expect(opened.unwrap(changed, context)).rejects.toThrow(SealError)
    }
    await expect(opened.unwrap(wrapped.subarray(0, -8), context)).rejects.toThrow(SealError)
    expect(await opened.unwrap(wrapped, context)).toEqual(secret)
    opened.close?.()
  })

  it.each([
    ['bare', 'it offers no way to wrap keys'],
    ['loose', 'CKA_WRAP is true, not false'],
  ] as const)('with the manners of %s is refused, and keeps no key', async (vendor, reason) => {
    behaveLike(vendor)
    await expect(provider.create(`root_${vendor}`)).rejects.toMatchObject({
      name: 'RootKeyConfigError',
      message: expect.stringContaining(reason),
    })
    expect(withToken(hsm, (token) => keysIn(token, `root_${vendor}`))).toEqual([])
  })

  it('that has come to draw its own IVs opens what it wrapped before, and is asked again by the next root key', async () => {
    behaveLike('softhsm')
    const before = await provider.create('root_before_fips')
    const secret = randomBytes(32)
    const wrapped = await before.wrap(secret, context)
    before.close?.()
    behaveLike('luna')
    const opened = await provider.open(before.record)
    expect(await opened.unwrap(wrapped, context)).toEqual(secret)
    await expect(opened.wrap(secret, context)).rejects.toThrow('CKR_MECHANISM_PARAM_INVALID')
    opened.close?.()
    const next = await provider.create('root_after_fips', before.record)
    expect(await next.unwrap(await next.wrap(secret, context), context)).toEqual(secret)
    next.close?.()
  })

  it('whose record was changed to another way lets nothing out under a known IV', async () => {
    behaveLike('softhsm')
    const { record, close } = await provider.create('root_changed_way')
    close?.()
    for (const way of ['gcm-zeros', 'gcm-none', 'unheard-of']) {
      const changed = { ...record, parameters: { ...record.parameters, way, check: undefined } }
      const wrapping = provider
        .open(changed)
        .then((rootKey) => rootKey.wrap(randomBytes(32), context).finally(rootKey.close))
      await expect(wrapping).rejects.toMatchObject({ name: 'RootKeyConfigError' })
    }
  })
})
