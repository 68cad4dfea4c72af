import { describe, expect, it } from 'vitest'
import { tokenPrefixes } from '../kinds/registry.ts'
import { base32, uuidOf } from '../values/identifier.ts'
import type { Dictionary, Sort, Translation } from './dictionary.ts'
import { idArray } from './id-array.ts'
import { nameOfConsents, numberOf, smallNumbers, spellOut, tokenOf } from './lean-rows.ts'

const BYTES = Buffer.from('0123456789abcdeffedcba9876543210', 'hex')
const DIGITS = base32(BYTES)
const UUID = uuidOf(`card_${DIGITS}`)!

const NAMES: Readonly<Partial<Record<Sort, readonly string[]>>> = {
  kind: ['card', 'address', 'contact'],
  site: ['default', 'partner'],
  key: ['key_a', 'key_b'],
  policy: ['2026-11-01'],
  consents: ['', 'store-contact marketing'],
}
const db: { dictionary: Dictionary } = {
  dictionary: {
    ids: async (sort) =>
      ((name: string | null) => name && NAMES[sort]!.indexOf(name) + 1) as Translation<string, number>,
    names: async (sort) =>
      ((id: number | null) => (id === null ? null : (NAMES[sort]![id - 1] ?? `#${id}`))) as Translation<number, string>,
  },
}
const at = new Date('2026-11-29T12:00:00Z')

describe('spellOut', () => {
  it('gives a record its names, its token and its times', async () => {
    const row = { token: UUID, kind: 3, site: 2, policy: 1, consents: 2, display_key: 1, secret_key: 2 }
    const [record] = await spellOut<Record<string, unknown>>(db, [{ ...row, created_at: at, updated_at: null }])
    expect(record).toMatchObject({
      token: `cont_${DIGITS}`,
      kind: 'contact',
      site: 'partner',
      policy_version: '2026-11-01',
      consents: ['store-contact', 'marketing'],
      display_key_id: 'key_a',
      secret_key_id: 'key_b',
      created_at: at,
      updated_at: at,
    })
  })

  it('keeps a time of its own, nothing where there is nothing, and everything else', async () => {
    const later = new Date('2026-11-30T12:00:00Z')
    const row = { policy: null, consents: 1, display_key: null, created_at: at, updated_at: later, terms: BYTES }
    const [record] = await spellOut<Record<string, unknown>>(db, [row])
    expect(record).toMatchObject({ policy_version: null, consents: [], display_key_id: null, updated_at: later })
    expect(record).toMatchObject({ terms: BYTES })
  })

  it('leaves a row beside which there is no record without one', async () => {
    const nothing = { token: null, kind: null, site: null, consents: null }
    const [none] = await spellOut<Record<string, unknown>>(db, [nothing])
    expect(none).toMatchObject({ token: null, kind: null, site: null, consents: null })
    expect(await spellOut(db, [])).toEqual([])
  })

  it('makes no token of a kind, and no name of a number, that there is not', async () => {
    const [row] = await spellOut<Record<string, unknown>>(db, [{ token: UUID, kind: 9, site: 7 }])
    expect(row).toMatchObject({ token: `unknown_${DIGITS}`, kind: '#9', site: '#7' })
    expect(tokenOf(null, UUID)).toBe(`unknown_${DIGITS}`)
  })
})

it.each(Object.entries(tokenPrefixes))('the token of a %s begins with %s', (kind, prefix) => {
  expect(tokenOf(kind, UUID)).toBe(`${prefix}_${DIGITS}`)
})

it('consents are one name in the order in which they were given', () => {
  expect(nameOfConsents(['store-contact', 'marketing'])).toBe('store-contact marketing')
  expect(nameOfConsents([])).toBe('')
})

it('a parameter of tokens has their bytes, and null for other texts', () => {
  const array = idArray([`card_${DIGITS}`, 'nobody'])
  expect(array.indexOf(BYTES)).toBe(24)
  expect(array.readInt32BE(24 + BYTES.length)).toBe(-1)
})

it('names become numbers', async () => {
  expect(await numberOf(db, 'site', 'partner')).toBe(2)
  const array = await smallNumbers(db, 'key', ['key_b', null])
  expect([array.readInt16BE(24), array.readInt32BE(26)]).toEqual([2, -1])
})
