import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { testKey, testRootKey } from '../../../test/support/test-keys.ts'
import type { RootKey } from '../root-key/root-key.ts'
import { SealError } from '../sealing/seal-context.ts'
import { type KeyPurpose, type KeyRow, type KeyState, wrapContext } from './key.ts'
import { KeyRing, unwrapKeyRing } from './key-ring.ts'

const NOT_ACTIVE: KeyState[] = ['pre-active', 'deactivated', 'compromised', 'destroyed']

describe('a key ring', () => {
  it('seals with the active key of a purpose and of no other', () => {
    const [display, secret] = [testKey('display'), testKey('secret')]
    const ring = new KeyRing([display, secret, testKey('display', { state: 'deactivated' })])
    expect(ring.active('display')).toBe(display)
    expect(ring.active('secret')).toBe(secret)
  })

  it.each(NOT_ACTIVE)('never seals with a key that is %s', (state) => {
    const key = testKey('display', { state })
    const ring = new KeyRing([key, testKey('secret')])
    expect(() => ring.active('display')).toThrow('there is no active display key')
    expect(ring.find(key.id)).toBe(key)
  })

  it('finds a key by its id, in any state, and no other', () => {
    const keys = (['active', ...NOT_ACTIVE] as KeyState[]).map((state) => testKey('secret', { state }))
    const ring = new KeyRing(keys)
    for (const key of keys) expect(ring.find(key.id)).toBe(key)
    expect(ring.find('key_other')).toBeUndefined()
  })

  it('lists all keys of a purpose, the active one first', () => {
    const [old, older] = [testKey('index', { state: 'deactivated' }), testKey('index', { state: 'deactivated' })]
    const active = testKey('index')
    expect(new KeyRing([older, old, testKey('display'), active]).all('index')).toEqual([active, older, old])
  })

  it('does not change with the list that it was made of', () => {
    const keys = [testKey('display')]
    const ring = new KeyRing(keys)
    const late = testKey('display')
    keys.push(late)
    expect(ring.find(late.id)).toBeUndefined()
  })
})

async function row(rootKey: RootKey, id: string, purpose: KeyPurpose, bytes: Buffer): Promise<KeyRow> {
  const wrapped = await rootKey.wrap(bytes, wrapContext('vault_1', { id, purpose }))
  const at = new Date(0)
  const times = { created_at: at, activated_at: at, deactivated_at: null, compromised_at: null, destroyed_at: null }
  return {
    id,
    purpose,
    state: 'active',
    root_key_id: 'root_test',
    wrapped,
    ...times,
    expires_at: null,
    uses: 0,
    uses_reserved: 0,
  }
}

describe('unwrapKeyRing', () => {
  const rootKey = testRootKey()
  const opened = async () => rootKey

  it('unwraps secrets and signing keys as they were wrapped', async () => {
    const secret = randomBytes(32)
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' })
    const rows = [await row(rootKey, 'a', 'display', secret), await row(rootKey, 'b', 'token-signing', pkcs8)]
    const ring = await unwrapKeyRing({ vault: 'vault_1', keys: rows }, opened)
    expect(ring.active('display').secret.export()).toEqual(secret)
    expect(ring.active('token-signing').secret.equals(privateKey)).toBe(true)
  })

  it('refuses rows whose wrapped keys were swapped', async () => {
    const rows = [
      await row(rootKey, 'a', 'display', randomBytes(32)),
      await row(rootKey, 'b', 'display', randomBytes(32)),
    ]
    const [a, b] = [rows[0]!.wrapped, rows[1]!.wrapped]
    const swapped = [
      { ...rows[0]!, wrapped: b },
      { ...rows[1]!, wrapped: a },
    ]
    await expect(unwrapKeyRing({ vault: 'vault_1', keys: swapped }, opened)).rejects.toThrow(SealError)
  })

  it('refuses a key under another id or for another purpose', async () => {
    const display = await row(rootKey, 'a', 'display', randomBytes(32))
    await expect(unwrapKeyRing({ vault: 'vault_2', keys: [display] }, opened)).rejects.toThrow(SealError)
    await expect(unwrapKeyRing({ vault: 'vault_1', keys: [{ ...display, id: 'b' }] }, opened)).rejects.toThrow(
      SealError,
    )
    await expect(
      unwrapKeyRing({ vault: 'vault_1', keys: [{ ...display, purpose: 'secret' }] }, opened),
    ).rejects.toThrow(SealError)
  })

  it('lets the state change, which is not bound', async () => {
    const display = await row(rootKey, 'a', 'display', randomBytes(32))
    const ring = await unwrapKeyRing({ vault: 'vault_1', keys: [{ ...display, state: 'deactivated' }] }, opened)
    expect(ring.find('a')?.state).toBe('deactivated')
  })

  it('refuses another root key', async () => {
    const rows = [await row(testRootKey(), 'a', 'display', randomBytes(32))]
    await expect(unwrapKeyRing({ vault: 'vault_1', keys: rows }, opened)).rejects.toThrow(SealError)
  })

  it('leaves out what was destroyed', async () => {
    const display = await row(rootKey, 'a', 'display', randomBytes(32))
    const ring = await unwrapKeyRing(
      { vault: 'vault_1', keys: [{ ...display, state: 'destroyed', wrapped: null }] },
      opened,
    )
    expect(ring.find('a')).toBeUndefined()
  })

  it('takes what is known from the ring before, without the root key, in its new state', async () => {
    const display = await row(rootKey, 'a', 'display', randomBytes(32))
    const before = await unwrapKeyRing({ vault: 'vault_1', keys: [display] }, opened)
    const refused = () => Promise.reject(new Error('the root key is away'))
    const after = await unwrapKeyRing(
      { vault: 'vault_1', keys: [{ ...display, state: 'deactivated' }] },
      refused,
      before,
    )
    expect(after.find('a')).toEqual({ ...before.find('a'), state: 'deactivated' })
    const late = await row(rootKey, 'b', 'display', randomBytes(32))
    await expect(unwrapKeyRing({ vault: 'vault_1', keys: [display, late] }, refused, before)).rejects.toThrow('away')
  })
})
