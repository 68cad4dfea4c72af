import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ClientWithSecrets } from '../ledger/client-store.ts'
import { beginsRight, hashToCompare } from './hash-to-compare.ts'

const NOW = new Date('2026-11-24T12:00:00Z')
const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1000)

function client(changes: Partial<ClientWithSecrets>): ClientWithSecrets {
  return {
    id: 'client_1',
    name: 'shop',
    role: null,
    scopes: [],
    site: 'default',
    created_at: NOW,
    revoked_at: null,
    secret_hash: 'present',
    secret_start: 'new123',
    secret_expires_at: null,
    previous_secret_hash: null,
    previous_secret_expires_at: null,
    keys: null,
    certificate: null,
    partner: null,
    mac: null,
    previous_secret_start: null,
    ...changes,
  }
}

const overlapping = (seconds: number) => ({
  previous_secret_hash: 'previous',
  previous_secret_expires_at: later(seconds),
})

describe('hashToCompare', () => {
  it.each<[string, Partial<ClientWithSecrets>, string, string | undefined]>([
    ['a secret from before the overlaps', { secret_start: null }, 'old123…', 'present'],
    ['the present secret', {}, 'new123…', 'present'],
    ['another one without an overlap', {}, 'old123…', 'present'],
    ['the present secret in an overlap', overlapping(60), 'new123…', 'present'],
    ['the previous secret in an overlap', overlapping(60), 'old123…', 'previous'],
    ['the previous secret when the overlap is over', overlapping(0), 'old123…', 'present'],
    ['a secret that ends later', { secret_expires_at: later(1) }, 'new123…', 'present'],
    ['a secret that has ended', { secret_expires_at: later(0) }, 'new123…', undefined],
    [
      'the previous secret when the new one has ended first',
      { ...overlapping(60), secret_expires_at: later(-1) },
      'old123…',
      'previous',
    ],
    ['anything, of a client without a secret', { secret_hash: null, secret_start: null }, 'x', undefined],
  ])('%s', (_what, changes, secret, expected) => {
    expect(hashToCompare(client(changes), secret, NOW)).toBe(expected)
  })

  it('never names a hash whose time is over', () => {
    const seconds = fc.integer({ min: -100, max: 100 })
    fc.assert(
      fc.property(seconds, seconds, fc.constantFrom('new123', 'old123', ''), (ends, overlap, secret) => {
        const found = hashToCompare(client({ ...overlapping(overlap), secret_expires_at: later(ends) }), secret, NOW)
        if (found === 'present') expect(ends).toBeGreaterThan(0)
        if (found === 'previous') expect(overlap).toBeGreaterThan(0)
      }),
    )
  })
})

describe('beginsRight', () => {
  it.each<[string, Partial<ClientWithSecrets>, string, boolean]>([
    ['the present secret', {}, 'new123…', true],
    ['the one before', { previous_secret_start: 'old123' }, 'old123…', true],
    ['a guess', { previous_secret_start: 'old123' }, 'new12…', false],
    ['nothing', { previous_secret_start: 'old123' }, '', false],
    ['any, of a client from before beginnings were kept', { secret_start: null }, 'new123…', false],
  ])('%s: %s', (_what, changes, secret, expected) => {
    expect(beginsRight(client(changes), secret)).toBe(expected)
  })
})
