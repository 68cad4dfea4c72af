import { expect, it } from 'vitest'
import { testKey, testKeyRow } from '../../../test/support/test-keys.ts'
import type { KeyRow } from '../key/key.ts'
import { KeyRing } from '../key/key-ring.ts'
import { createMacs } from './macs.ts'

const present = testKey('access-mac', { id: 'key_01m8k8x6h3f2v3bzt7217yjm1h' })
const former = testKey('access-mac', { id: 'key_01m8k8yhaz7x5r3e2rx048atvk', state: 'deactivated' })
const events = testKey('event-mac', { id: 'key_01m8k8zhaz7x5r3e2rx048atvk' })

const NOW = new Date('2026-11-29T10:00:00Z')

function macsOf(ring: KeyRing, { afterRefresh = ring, keys = [] as KeyRow[] } = {}) {
  const current = {
    ring,
    verified: { keys },
    refresh: async () => {
      current.ring = afterRefresh
    },
  }
  return createMacs({ current, now: () => NOW })
}

const ring = new KeyRing([present, former, events])
const macs = macsOf(ring)

it('makes a MAC of 48 bytes that names its key, and verifies it', async () => {
  const mac = macs.make('access-mac', 'client', 'text')
  expect(mac).toHaveLength(48)
  expect(await macs.verify('access-mac', 'client', 'text', mac)).toBe(true)
})

it('refuses every bit that was changed, another text, domain, purpose and length', async () => {
  const mac = macs.make('access-mac', 'client', 'text')
  for (let bit = 0; bit < mac.length * 8; bit++) {
    const changed = Buffer.from(mac)
    changed[bit >> 3]! ^= 1 << (bit & 7)
    expect(await macs.verify('access-mac', 'client', 'text', changed)).toBe(false)
  }
  expect(await macs.verify('access-mac', 'client', 'texts', mac)).toBe(false)
  expect(await macs.verify('access-mac', 'contract', 'text', mac)).toBe(false)
  expect(await macs.verify('event-mac', 'client', 'text', mac)).toBe(false)
  expect(await macs.verify('access-mac', 'client', 'text', mac.subarray(0, 47))).toBe(false)
  expect(await macs.verify('access-mac', 'client', 'text', mac.subarray(16))).toBe(false)
  expect(await macs.verify('access-mac', 'client', 'text', null)).toBe(false)
})

it('a former key counts only where it is asked for', async () => {
  const mac = macsOf(new KeyRing([{ ...former, state: 'active' }])).make('access-mac', 'client', 'text')
  expect(await macs.verify('access-mac', 'client', 'text', mac)).toBe(false)
  expect(await macs.verify('access-mac', 'client', 'text', mac, ['active', 'deactivated'])).toBe(true)
  const compromised = macsOf(new KeyRing([present, { ...former, state: 'compromised' }]))
  expect(await compromised.verify('access-mac', 'client', 'text', mac, ['active', 'deactivated'])).toBe(false)
})

it('asks for the row to be read again when its key was replaced a moment ago, and takes nothing under it later', async () => {
  const mac = macsOf(new KeyRing([{ ...former, state: 'active' }])).make('access-mac', 'client', 'text')
  const replacedAt = (ms: number, name: 'deactivated_at' | 'compromised_at' = 'deactivated_at') => {
    const row = testKeyRow({ ...former, wrapped: null, [name]: new Date(NOW.getTime() - ms) })
    return macsOf(ring, { keys: [row] })
  }
  for (const name of ['deactivated_at', 'compromised_at'] as const) {
    const verified = replacedAt(1_000, name).verify('access-mac', 'client', 'text', mac)
    await expect(verified).rejects.toMatchObject({ code: 'busy' })
  }
  expect(await replacedAt(1_000).verify('access-mac', 'client', 'another', mac)).toBe(false)
  expect(await replacedAt(60_000).verify('access-mac', 'client', 'text', mac)).toBe(false)
})

it('looks up a key that another server has made or promoted', async () => {
  const mac = macs.make('access-mac', 'client', 'text')
  const isVerified = (before: KeyRing) =>
    macsOf(before, { afterRefresh: ring }).verify('access-mac', 'client', 'text', mac)
  expect(await isVerified(new KeyRing([former]))).toBe(true)
  expect(await isVerified(new KeyRing([former, { ...present, state: 'pre-active' }]))).toBe(true)
  expect(await macsOf(new KeyRing([former])).verify('access-mac', 'client', 'text', mac)).toBe(false)
})
