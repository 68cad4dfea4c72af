import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createRandomBytes } from '../../src/keys/random.ts'
import { createPkcs11Provider } from '../../src/keys/root-key/pkcs11.ts'
import type { RootKeyProvider } from '../../src/keys/root-key/root-key.ts'
import { context, itKeepsTheContract } from '../support/root-key-contract.ts'
import { createSoftHsm, type SoftHsm, softHsmIsMissing } from '../support/soft-hsm.ts'
import { childrenOf } from '../support/worker-processes.ts'

const missing = softHsmIsMissing()
if (missing) process.stderr.write(`skipped: PKCS#11: ${missing}\n`)

describe.skipIf(missing)('a PKCS#11 token', () => {
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
  const providerWith = (other: { token?: string; module?: string }) =>
    createPkcs11Provider({
      module: hsm.module,
      token: hsm.token,
      label: 'test key',
      pinFile: hsm.pinFile,
      randomBytes: createRandomBytes(),
      ...other,
    })

  itKeepsTheContract(
    'pkcs11',
    (id) => provider.create(id),
    (record) => provider.open(record),
  )

  it('makes the key inside, sensitive and not extractable', async () => {
    const rootKey = await provider.create('root_inside')
    rootKey.close?.()
    const attributes = await readKey(hsm, 'root_inside')
    expect(attributes).toEqual({ sensitive: true, extractable: false, neverExtractable: true, valueReadable: false })
  })

  it('refuses a key that could leave the token', async () => {
    const rootKey = await provider.create('root_replaced')
    rootKey.close?.()
    await replaceByExtractableKey(hsm, 'root_replaced')
    await expect(provider.open(rootKey.record)).rejects.toThrow('can leave the token')
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

  it('leaves no process behind', async () => {
    const rootKey = await provider.create('root_last')
    rootKey.close?.()
    await expect.poll(tokenProcesses).toEqual([])
  })
})

const tokenProcesses = () => childrenOf(process.pid, 'pkcs11-process')

/** Another program's view of the token. */
async function withToken<T>(hsm: SoftHsm, work: (token: Token) => T): Promise<T> {
  const { default: pkcs11 } = await import('pkcs11js')
  const library = new pkcs11.PKCS11()
  library.load(hsm.module)
  library.C_Initialize()
  try {
    const slot = library.C_GetSlotList(true).find((it) => library.C_GetTokenInfo(it).label.trim() === hsm.token)!
    const session = library.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION)
    library.C_Login(session, pkcs11.CKU_USER, hsm.pin)
    return work({ pkcs11, library, session })
  } finally {
    library.C_Finalize()
  }
}

interface Token {
  pkcs11: typeof import('pkcs11js')
  library: import('pkcs11js').PKCS11
  session: Buffer
}

function findKey({ pkcs11, library, session }: Token, id: string): Buffer {
  library.C_FindObjectsInit(session, [{ type: pkcs11.CKA_ID, value: Buffer.from(id) }])
  const [key] = library.C_FindObjects(session, 1)
  library.C_FindObjectsFinal(session)
  if (key === undefined) expect.fail(`the token holds no key ${id}`)
  return key
}

function readKey(hsm: SoftHsm, id: string) {
  return withToken(hsm, (token) => {
    const { pkcs11, library, session } = token
    const key = findKey(token, id)
    const read = (type: number) => library.C_GetAttributeValue(session, key, [{ type }])[0]!.value
    const isSet = (type: number) => (read(type) as Buffer)[0] === 1
    let valueReadable = true
    try {
      read(pkcs11.CKA_VALUE)
    } catch {
      valueReadable = false
    }
    return {
      sensitive: isSet(pkcs11.CKA_SENSITIVE),
      extractable: isSet(pkcs11.CKA_EXTRACTABLE),
      neverExtractable: isSet(pkcs11.CKA_NEVER_EXTRACTABLE),
      valueReadable,
    }
  })
}

function replaceByExtractableKey(hsm: SoftHsm, id: string) {
  return withToken(hsm, (token) => {
    const { pkcs11, library, session } = token
    library.C_DestroyObject(session, findKey(token, id))
    library.C_GenerateKey(session, { mechanism: pkcs11.CKM_AES_KEY_GEN }, [
      { type: pkcs11.CKA_CLASS, value: pkcs11.CKO_SECRET_KEY },
      { type: pkcs11.CKA_TOKEN, value: true },
      { type: pkcs11.CKA_EXTRACTABLE, value: true },
      { type: pkcs11.CKA_SENSITIVE, value: false },
      { type: pkcs11.CKA_VALUE_LEN, value: 32 },
      { type: pkcs11.CKA_ID, value: Buffer.from(id) },
    ])
  })
}
