import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { frameKey } from '../../src/keys/root-key/key-frame.ts'
import { createPkcs11Provider } from '../../src/keys/root-key/pkcs11.ts'
import type { RootKey, RootKeyProvider } from '../../src/keys/root-key/root-key.ts'
import { encodeContext } from '../../src/keys/sealing/seal-context.ts'
import { examineKeys } from '../../src/start/doctor/doctor.ts'
import { createRandomBytes } from '../../src/values/random.ts'
import { attributesIn, keysIn, type Token, withToken } from '../support/in-token.ts'
import { context, itKeepsTheContract } from '../support/root-key-contract.ts'
import { createSoftHsm, type SoftHsm, softHsmIsMissing } from '../support/soft-hsm.ts'
import { without } from '../support/without.ts'
import { childrenOf } from '../support/worker-processes.ts'

const missing = softHsmIsMissing()

describe.skipIf(missing)(`a PKCS#11 token${without(missing)}`, () => {
  let hsm: SoftHsm
  let provider: RootKeyProvider
  beforeAll(() => {
    hsm = createSoftHsm()
    Object.assign(process.env, hsm.env)
    provider = providerWith({})
  })
  afterAll(() => {
    delete process.env.SOFTHSM2_CONF
    hsm.remove()
  })
  const options = (other: { token?: string; module?: string }) => ({
    module: hsm.module,
    token: hsm.token,
    label: 'test key',
    pinFile: hsm.pinFile,
    randomBytes: createRandomBytes(),
    ...other,
  })
  const providerWith = (other: { token?: string; module?: string }) => createPkcs11Provider(options(other))

  itKeepsTheContract(
    'pkcs11',
    (id) => provider.create(id),
    (record) => provider.open(record),
  )

  it('makes the key inside, where it stays, and does nothing but encrypt and decrypt', async () => {
    const rootKey = await provider.create('root_inside')
    rootKey.close?.()
    expect(withToken(hsm, (token) => readKey(token, 'root_inside'))).toEqual({ ...AS_IT_MUST_BE, valueReadable: false })
    expect(rootKey.record.parameters).toMatchObject({ way: 'gcm', lacks: [] })
    expect(rootKey.describe().lacks).toBeUndefined()
  })

  let replaced: RootKey | undefined
  const { CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE, CKA_LOCAL, ...asked } = AS_IT_MUST_BE
  it.each([
    ['can leave the token', 'CKA_EXTRACTABLE is true', { ...asked, CKA_EXTRACTABLE: true }],
    ['can be read', 'CKA_SENSITIVE is false', { ...asked, CKA_SENSITIVE: false }],
    ['wraps other keys', 'CKA_WRAP is true', { ...asked, CKA_WRAP: true }],
    ['unwraps other keys', 'CKA_UNWRAP is true', { ...asked, CKA_UNWRAP: true }],
    ['can be changed', 'CKA_MODIFIABLE is true', { ...asked, CKA_MODIFIABLE: true }],
    ['can be copied', 'CKA_COPYABLE is true', { ...asked, CKA_COPYABLE: true }],
    ['came from outside', 'CKA_LOCAL is false', asked, Buffer.alloc(32, 6)],
  ])('refuses a key that %s', async (_what, reason, attributes, value?: Buffer) => {
    replaced ??= await provider.create('root_replaced')
    replaced.close?.()
    withToken(hsm, (token) => replaceKey(token, 'root_replaced', attributes, value))
    const opened = provider.open(replaced.record)
    await expect(opened).rejects.toMatchObject({ name: 'RootKeyConfigError', message: expect.stringContaining(reason) })
  })

  it('opens what was wrapped before the way was recorded, and says what such a key lacks', async () => {
    const secret = randomBytes(32)
    const { check, wrapped } = withToken(hsm, (token) => makeAsBefore(token, 'root_before', secret))
    const parameters = { token: hsm.token, label: 'test key', check }
    const rootKey = await provider.open({ id: 'root_before', provider: 'pkcs11', parameters })
    expect(await rootKey.unwrap(wrapped, context)).toEqual(secret)
    expect(await rootKey.unwrap(await rootKey.wrap(secret, context), context)).toEqual(secret)
    expect(rootKey.describe().lacks).toEqual(['CKA_WRAP', 'CKA_UNWRAP', 'CKA_MODIFIABLE', 'CKA_COPYABLE'])
    rootKey.close?.()
    const verify = async () => rootKey.describe()
    expect(await examineKeys(verify)).toMatchObject([{ code: 'root-key-attributes', severity: 'warning' }])
  })

  it('loses the key of a root key that was not committed', async () => {
    const rootKey = await provider.create('root_discarded')
    await provider.discard?.(rootKey.record)
    expect(withToken(hsm, (token) => keysIn(token, 'root_discarded'))).toEqual([])
    await expect(provider.open(rootKey.record)).rejects.toThrow('holds 0 keys')
    rootKey.close?.()
  })

  it('has a key of its own for every root key', async () => {
    const [one, other] = [await provider.create('root_one'), await provider.create('root_other')]
    const wrapped = await one.wrap(Buffer.alloc(32, 3), context)
    await expect(other.unwrap(wrapped, context)).rejects.toMatchObject({ name: 'SealError' })
    for (const rootKey of [one, other]) rootKey.close?.()
  })

  it('that is taken out is unreachable; put back, the session is opened again', async () => {
    const rootKey = await provider.create('root_unplugged')
    const wrapped = await rootKey.wrap(Buffer.alloc(32, 3), context)
    rootKey.close?.()
    hsm.unplug()
    await expect(rootKey.unwrap(wrapped, context)).rejects.toMatchObject({ name: 'RootKeyUnreachable' })
    hsm.plugIn()
    expect(await rootKey.unwrap(wrapped, context)).toEqual(Buffer.alloc(32, 3))
    rootKey.close?.()
  })

  it('whose library crashes or hangs takes nothing with it', async () => {
    const rootKey = await provider.create('root_crash')
    const wrapped = await rootKey.wrap(Buffer.alloc(32, 3), context)
    const [crashing] = tokenProcesses()
    process.kill(crashing!, 'SIGKILL')
    // The request may still have been on its way to the process that died.
    await rootKey.check().catch((error) => expect(error).toMatchObject({ name: 'RootKeyUnreachable' }))
    expect(await rootKey.unwrap(wrapped, context)).toEqual(Buffer.alloc(32, 3))

    const [hanging] = tokenProcesses()
    process.kill(hanging!, 'SIGSTOP')
    await expect(rootKey.unwrap(wrapped, context)).rejects.toMatchObject({ name: 'RootKeyUnreachable' })
    expect(await rootKey.unwrap(wrapped, context)).toEqual(Buffer.alloc(32, 3))
    rootKey.close?.()
  })

  it('is the one that was pinned: another of the same label, with another serial number, never sees the PIN', async () => {
    const { record, token, close } = await provider.create('root_serial')
    close?.()
    const pinned = createPkcs11Provider({ ...options({}), pinnedToken: () => token })
    const opened = await pinned.open(record)
    expect(opened.token).toEqual({ label: hsm.token, serial: expect.stringMatching(/^[0-9a-f]{16}$/) })
    opened.close?.()
    const { from, to } = hsm.changeSerial()
    writeFileSync(hsm.pinFile, '0002\n')
    try {
      const refusal = { name: 'RootKeyConfigError', message: expect.stringContaining(`${to}, and ${from} is pinned`) }
      await expect(pinned.open(record)).rejects.toMatchObject(refusal)
      writeFileSync(hsm.pinFile, `${hsm.pin}\n`)
      const unpinned = await provider.open(record)
      expect(unpinned.token?.serial).toBe(to)
      unpinned.close?.()
    } finally {
      writeFileSync(hsm.pinFile, `${hsm.pin}\n`)
      hsm.changeSerial()
    }
  })

  it('and its key are those that are configured, where they are', async () => {
    const { record, close } = await provider.create('root_configured')
    close?.()
    await provider.requireConfigured?.(record)
    const nothing = createPkcs11Provider({ ...options({}), token: undefined, label: undefined })
    await nothing.requireConfigured?.(record)
    const refused = (changes: object) =>
      createPkcs11Provider({ ...options({}), ...changes }).requireConfigured?.(record)
    await expect(refused({ token: 'another' })).rejects.toThrow('STRONGROOM_PKCS11_TOKEN is "another"')
    await expect(refused({ label: 'another' })).rejects.toThrow('STRONGROOM_ROOT_KEY_ID is "another"')
  })

  it('says what to mend: the library, the token, the PIN', async () => {
    await expect(providerWith({ module: '/nowhere.so' }).create('root_a')).rejects.toThrow('/nowhere.so')
    await expect(providerWith({ token: 'another' }).create('root_a')).rejects.toThrow('CKR_TOKEN_NOT_PRESENT')
    writeFileSync(hsm.pinFile, '0000\n')
    await expect(provider.create('root_a')).rejects.toMatchObject({
      name: 'RootKeyConfigError',
      message: expect.stringContaining('CKR_PIN_INCORRECT'),
    })
    writeFileSync(hsm.pinFile, `${hsm.pin}\n`)
  })

  it('is given a wrong PIN once, since it locks itself after a few', async () => {
    writeFileSync(hsm.pinFile, '0001\n')
    const other = providerWith({})
    await expect(other.create('root_a')).rejects.toThrow('CKR_PIN_INCORRECT')
    await expect(other.create('root_a')).rejects.toThrow('not tried again')
    writeFileSync(hsm.pinFile, `${hsm.pin}\n`)
    const right = await other.create('root_pin')
    right.close?.()
  })

  it('leaves no process', async () => {
    const rootKey = await provider.create('root_last')
    rootKey.close?.()
    await expect.poll(tokenProcesses).toEqual([])
  })
})

const tokenProcesses = () => childrenOf(process.pid, 'pkcs11-process')

/** A key and a wrap of it as the vault made them before it recorded how a key wraps. */
function makeAsBefore({ pkcs11, library, session }: Token, id: string, secret: Buffer) {
  const key = library.C_GenerateKey(session, { mechanism: pkcs11.CKM_AES_KEY_GEN }, [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
    { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_AES },
    { type: pkcs11.CKA_VALUE_LEN, value: 32 },
    { type: pkcs11.CKA_TOKEN, value: true },
    { type: pkcs11.CKA_PRIVATE, value: true },
    { type: pkcs11.CKA_SENSITIVE, value: true },
    { type: pkcs11.CKA_EXTRACTABLE, value: false },
    { type: pkcs11.CKA_ENCRYPT, value: true },
    { type: pkcs11.CKA_DECRYPT, value: true },
    { type: pkcs11.CKA_ID, value: Buffer.from(id) },
  ])
  const wrap = (bytes: Buffer, place: typeof context) => {
    const [iv, aad] = [randomBytes(12), encodeContext(place)]
    const parameter = { type: pkcs11.CK_PARAMS_AES_GCM, iv, aad, ivBits: 96, tagBits: 128 }
    library.C_EncryptInit(session, { mechanism: pkcs11.CKM_AES_GCM, parameter }, key)
    const frame = frameKey(bytes, place)
    return Buffer.concat([Buffer.of(1), iv, library.C_Encrypt(session, frame, Buffer.alloc(frame.length + 16))])
  }
  const checkPlace = { site: '', kind: 'root-key', token: id, part: 'check', version: 1 } as const
  const check = wrap(Buffer.from('strongroom root key check value!'), checkPlace).toString('base64url')
  return { check, wrapped: wrap(secret, context) }
}

function readKey(token: Token, id: string) {
  const { pkcs11, library, session } = token
  const [key] = keysIn(token, id)
  if (key === undefined) expect.fail(`the token holds no key ${id}`)
  let valueReadable = true
  try {
    library.C_GetAttributeValue(session, key, [{ type: pkcs11.CKA_VALUE }])
  } catch {
    valueReadable = false
  }
  return { ...attributesIn(token, key, Object.keys(AS_IT_MUST_BE) as []), valueReadable }
}

const AS_IT_MUST_BE = {
  CKA_SENSITIVE: true,
  CKA_EXTRACTABLE: false,
  CKA_WRAP: false,
  CKA_UNWRAP: false,
  CKA_MODIFIABLE: false,
  CKA_COPYABLE: false,
  CKA_ALWAYS_SENSITIVE: true,
  CKA_NEVER_EXTRACTABLE: true,
  CKA_LOCAL: true,
} as const

/** Puts another key of the same id into the place of one: made inside with these attributes, or brought from outside. */
function replaceKey(token: Token, id: string, attributes: Record<string, boolean>, value?: Buffer) {
  const { pkcs11, library, session } = token
  library.C_DestroyObject(session, keysIn(token, id)[0]!)
  const template = [
    { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
    { type: pkcs11.CKA_KEY_TYPE, value: pkcs11.CKK_AES },
    { type: pkcs11.CKA_TOKEN, value: true },
    { type: pkcs11.CKA_ENCRYPT, value: true },
    { type: pkcs11.CKA_DECRYPT, value: true },
    { type: pkcs11.CKA_ID, value: Buffer.from(id) },
    ...Object.entries(attributes).map(([name, is]) => ({ type: pkcs11[name as 'CKA_WRAP'], value: is })),
  ]
  if (value !== undefined) library.C_CreateObject(session, [...template, { type: pkcs11.CKA_VALUE, value }])
  else {
    const mechanism = { mechanism: pkcs11.CKM_AES_KEY_GEN }
    library.C_GenerateKey(session, mechanism, [...template, { type: pkcs11.CKA_VALUE_LEN, value: 32 }])
  }
}
