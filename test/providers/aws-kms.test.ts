import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createAwsKmsProvider } from '../../src/keys/root-key/aws-kms.ts'
import type { RootKeyRecord } from '../../src/keys/root-key/root-key.ts'
import { type KmsEmulator, kmsEnvironment, kmsIsMissing, startKmsEmulator } from '../support/aws-kms.ts'
import { context, itKeepsTheContract } from '../support/root-key-contract.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { without } from '../support/without.ts'

const missing = kmsIsMissing()

describe.skipIf(missing)(`AWS KMS${without(missing)}`, () => {
  let kms: KmsEmulator
  let proxy: TcpProxy
  let keyId: string
  beforeAll(async () => {
    kms = await startKmsEmulator()
    keyId = await kms.createKey()
    proxy = await startTcpProxy(kms.url)
    Object.assign(process.env, kmsEnvironment(proxy.url.replace(/\/$/, '')))
  })
  afterAll(async () => {
    for (const name of Object.keys(kmsEnvironment(''))) delete process.env[name]
    await proxy.close()
    await kms.stop()
  })

  const create = (id: string) => createAwsKmsProvider({ keyId }).create(id)
  // A start that opens the record needs no key id of its own.
  const open = (record: RootKeyRecord) => createAwsKmsProvider({ keyId: undefined }).open(record)

  itKeepsTheContract('aws-kms', create, open)

  it('records the key itself, by any name', async () => {
    const { record } = await create('root_1')
    expect(record.parameters.keyId).toMatch(new RegExp(`^arn:aws:kms:eu-central-1:\\d+:key/${keyId}$`))
  })

  it('checks itself in the context of its vault', async () => {
    const vault = `vault_${'a'.repeat(26)}`
    const { record } = await createAwsKmsProvider({ keyId }).create('root_1', undefined, vault)
    expect(record.parameters).toMatchObject({ vault })
    const opened = await open(record)
    opened.close?.()
    for (const other of [`vault_${'b'.repeat(26)}`, undefined]) {
      const parameters = { ...record.parameters, vault: other }
      await expect(open({ ...record, parameters })).rejects.toMatchObject({ name: 'RootKeyMismatch' })
    }
  })

  it('needs the name of an existing key', async () => {
    await expect(createAwsKmsProvider({ keyId: undefined }).create('root_1')).rejects.toThrow('STRONGROOM_ROOT_KEY_ID')
    const nowhere = createAwsKmsProvider({ keyId: '00000000-0000-0000-0000-000000000000' })
    await expect(nowhere.create('root_1')).rejects.toMatchObject({ name: 'RootKeyUnreachable' })
  })

  it('must be the one that is configured: an alias that was led to another key is a refusal', async () => {
    const { record } = await create('root_1')
    const configured = (name: string | undefined) => createAwsKmsProvider({ keyId: name }).requireConfigured!(record)
    const alias = await kms.createAlias(keyId)
    for (const name of [undefined, keyId, String(record.parameters.keyId), alias]) await configured(name)
    await kms.moveAlias(alias, await kms.createKey())
    const refusal = {
      name: 'RootKeyConfigError',
      message: expect.stringMatching(/^STRONGROOM_ROOT_KEY_ID leads to arn:/),
    }
    await expect(configured(alias)).rejects.toMatchObject(refusal)
  })

  it('is not a new root key if it is the one to be replaced, by any name', async () => {
    const { record } = await create('root_1')
    for (const name of [keyId, String(record.parameters.keyId)]) {
      const again = createAwsKmsProvider({ keyId: name }).create('root_2', record)
      await expect(again).rejects.toMatchObject({ name: 'RootKeyConfigError', message: expect.stringContaining(keyId) })
    }
    const other = createAwsKmsProvider({ keyId: await kms.createKey() })
    expect((await other.create('root_2', record)).record.parameters.keyId).not.toBe(record.parameters.keyId)
  })

  it('a key wrapped under another KMS key does not unwrap', async () => {
    const other = await createAwsKmsProvider({ keyId: await kms.createKey() }).create('root_2')
    const wrapped = await other.wrap(Buffer.alloc(32, 3), context)
    await expect((await create('root_1')).unwrap(wrapped, context)).rejects.toMatchObject({ name: 'SealError' })
  })

  it('that is cut off is unreachable, and reachable again when it is back', async () => {
    const rootKey = await create('root_1')
    const wrapped = await rootKey.wrap(Buffer.alloc(32, 3), context)
    proxy.cut()
    await expect(rootKey.unwrap(wrapped, context)).rejects.toMatchObject({ name: 'RootKeyUnreachable' })
    await expect(rootKey.check()).rejects.toMatchObject({ name: 'RootKeyUnreachable' })
    await expect(open(rootKey.record)).rejects.toMatchObject({ name: 'RootKeyUnreachable' })
    proxy.mend()
    expect(await rootKey.unwrap(wrapped, context)).toEqual(Buffer.alloc(32, 3))
  })

  it('that answers with something else is found out, by its check value and by every key', async () => {
    const rootKey = await create('root_1')
    const wrapped = await rootKey.wrap(Buffer.alloc(32, 3), context)
    const answer = { KeyId: rootKey.record.parameters.keyId, Plaintext: Buffer.alloc(65, 1).toString('base64') }
    const liar = createServer((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/x-amz-json-1.1' }).end(JSON.stringify(answer))
    }).listen(0, '127.0.0.1')
    await once(liar, 'listening')
    const honest = process.env.AWS_ENDPOINT_URL_KMS
    process.env.AWS_ENDPOINT_URL_KMS = `http://127.0.0.1:${(liar.address() as AddressInfo).port}`
    try {
      await expect(open(rootKey.record)).rejects.toMatchObject({ name: 'RootKeyMismatch' })
      const { check: _none, ...parameters } = rootKey.record.parameters
      const unchecked = await open({ ...rootKey.record, parameters })
      await expect(unchecked.unwrap(wrapped, context)).rejects.toMatchObject({ name: 'SealError' })
    } finally {
      process.env.AWS_ENDPOINT_URL_KMS = honest
      liar.closeAllConnections()
      liar.close()
    }
  })

  it('that stalls is unreachable within its time', async () => {
    const rootKey = await create('root_1')
    proxy.stall()
    const asked = performance.now()
    await expect(rootKey.check()).rejects.toMatchObject({ name: 'RootKeyUnreachable' })
    expect(performance.now() - asked).toBeLessThan(10_000)
    proxy.mend()
    await expect(rootKey.check()).resolves.toBeUndefined()
  })
})
