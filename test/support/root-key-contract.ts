import { expect, it } from 'vitest'
import type { RootKey, RootKeyProvider } from '../../src/keys/root-key/root-key.ts'
import { type SealContext, SealError } from '../../src/keys/sealing/seal-context.ts'

export const context: SealContext = { site: '', kind: 'key', token: 'key_1', part: 'secret', version: 1 }

/** What every provider must do. `open` opens the record again, as another start would. */
export function itKeepsTheContract(
  provider: string,
  create: (id: string) => Promise<RootKey>,
  open: (record: RootKey['record']) => Promise<RootKey>,
): void {
  it('unwraps after another start what it wrapped, and only that', async () => {
    const made = await create('root_contract1')
    const key = Buffer.from('0123456789abcdef0123456789abcdef')
    const wrapped = await made.wrap(key, context)
    expect(wrapped.includes(key)).toBe(false)
    const opened = await open(JSON.parse(JSON.stringify(made.record)))
    expect(await opened.unwrap(wrapped, context)).toEqual(key)
    await expect(opened.check()).resolves.toBeUndefined()
    // Private keys are longer than symmetric ones, and none is the same twice.
    const long = Buffer.alloc(138, 7)
    const again = await opened.wrap(long, context)
    expect(await made.unwrap(again, context)).toEqual(long)
    expect(await opened.wrap(key, context)).not.toEqual(wrapped)
    for (const rootKey of [made, opened]) rootKey.close?.()
  })

  it('binds every member of the context', async () => {
    const rootKey = await create('root_contract2')
    const wrapped = await rootKey.wrap(Buffer.alloc(32, 1), context)
    const others: Partial<SealContext>[] = [{ kind: 'other' }, { token: 'key_2' }, { part: 'display' }, { version: 2 }]
    for (const other of others) {
      await expect(rootKey.unwrap(wrapped, { ...context, ...other })).rejects.toThrow(SealError)
    }
    rootKey.close?.()
  })

  it('refuses what was changed, cut or made up', async () => {
    const rootKey = await create('root_contract3')
    const wrapped = await rootKey.wrap(Buffer.alloc(32, 1), context)
    for (const at of [0, 1, Math.floor(wrapped.length / 2), wrapped.length - 1]) {
      const changed = Buffer.from(wrapped)
      changed[at]! ^= 1
      await expect(rootKey.unwrap(changed, context)).rejects.toThrow(SealError)
    }
    await expect(rootKey.unwrap(wrapped.subarray(0, -1), context)).rejects.toThrow(SealError)
    await expect(rootKey.unwrap(Buffer.alloc(100, 9), context)).rejects.toThrow(SealError)
    // After a refusal it continues.
    expect(await rootKey.unwrap(wrapped, context)).toEqual(Buffer.alloc(32, 1))
    rootKey.close?.()
  })

  it('tells its own check value from that of another root key', async () => {
    const [one, other] = [await create('root_contract4'), await create('root_contract5')]
    const { check } = other.record.parameters
    const swapped = { ...one.record, parameters: { ...one.record.parameters, check } }
    await expect(open(swapped)).rejects.toMatchObject({ name: 'RootKeyMismatch' })
    for (const rootKey of [one, other]) rootKey.close?.()
  })

  it('describes itself without a secret', async () => {
    const rootKey = await create('root_contract6')
    expect(rootKey.describe()).toMatchObject({ provider, strengthBits: 256 })
    expect(rootKey.record).toMatchObject({ id: 'root_contract6', provider })
    rootKey.close?.()
  })
}

/** A provider as the contract wants it. */
export const ofProvider = (provider: RootKeyProvider) =>
  [provider.name, (id: string) => provider.create(id), provider.open.bind(provider)] as const
