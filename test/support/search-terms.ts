import { expect } from 'vitest'
import type { KeyRing } from '../../src/keys/key-ring.ts'
import { keyedHash } from '../../src/keys/keyed-hash.ts'
import type { Kind } from '../../src/kinds/kind.ts'
import { createKinds } from '../../src/kinds/kinds.ts'
import { openEverySealedValue } from './sealed-values.ts'
import type { TestVault } from './test-vault.ts'
import { readVaultKeys } from './vault-keys.ts'

const HASH_CHARACTERS = 64

/**
 * Every search term there is, compared with what the plaintext of the records says there must be: none too many, none
 * missing, and each under the active index key.
 */
export async function expectExactTerms(vault: TestVault): Promise<void> {
  const ring = await readVaultKeys(vault)
  const [expected, stored] = [await expectedTerms(vault, ring), await storedTerms(vault)]
  expect(stored.terms).toEqual(expected)
  expect(stored.remembered).toEqual(expected)
}

/** `token hash key`, in order. */
async function expectedTerms(vault: TestVault, ring: KeyRing): Promise<string[]> {
  const key = ring.active('index')
  const kinds: Record<string, Kind> = createKinds()
  const parts = new Map<string, { customer?: string; site: string; kind: string; details?: never }>()
  for (const { column, row, text } of await openEverySealedValue(vault)) {
    const { token, site, kind } = row as { token: string; site: string; kind: string }
    const known = parts.get(token) ?? { site, kind }
    if (column === 'records.display') parts.set(token, { ...known, ...customerOf(text) })
    if (column === 'records.secret') parts.set(token, { ...known, details: JSON.parse(text) as never })
  }
  return [...parts]
    .flatMap(([token, { site, kind, customer, details }]) => {
      const values = customer === undefined ? [] : [{ type: 'customer', value: customer }]
      return [...values, ...(kinds[kind]?.terms(details as never) ?? [])].map(
        ({ type, value }) => `${token} ${keyedHash(key, 'search', [site, type, value]).toString('hex')} ${key.id}`,
      )
    })
    .sort()
}

function customerOf(text: string): { customer?: string } {
  const { customer } = JSON.parse(text) as { customer?: string }
  return customer === undefined ? {} : { customer }
}

/** The terms as they stand, and as the records remember them, under the key that the terms name. */
async function storedTerms(vault: TestVault): Promise<{ terms: string[]; remembered: string[] }> {
  const rows = await vault.database.sql<{ token: string; term: string; key_id: string }>(
    `SELECT token, encode(term, 'hex') AS term, key_id FROM search_terms`,
  )
  const records = await vault.database.sql<{ token: string; terms: string }>(
    `SELECT token, encode(terms, 'hex') AS terms FROM records`,
  )
  const keyOf = new Map(rows.map(({ token, term, key_id }) => [`${token} ${term}`, key_id]))
  const remembered = records.flatMap(({ token, terms }) =>
    Array.from({ length: terms.length / HASH_CHARACTERS }, (_, at) => {
      const term = `${token} ${terms.slice(at * HASH_CHARACTERS, (at + 1) * HASH_CHARACTERS)}`
      return `${term} ${keyOf.get(term)}`
    }),
  )
  return {
    terms: rows.map(({ token, term, key_id }) => `${token} ${term} ${key_id}`).sort(),
    remembered: remembered.sort(),
  }
}
