import { expect } from 'vitest'
import type { KeyRing } from '../../src/keys/key/key-ring.ts'
import { keyedHash } from '../../src/keys/key/keyed-hash.ts'
import { createKinds, type Kind, type SearchType } from '../../src/kinds/kinds.ts'
import { termMac } from '../../src/records/record/term-mac.ts'
import type { Token } from '../../src/records/record/token.ts'
import { openEverySealedValue } from './sealed-values.ts'
import type { TestVault } from './test-vault.ts'
import { readVaultKeys } from './vault-keys.ts'

const TERM_CHARACTERS = 32

/**
 * Every search term there is, compared with what the plaintext of the records says there must be: none too many, none
 * missing, and each under the active index key for its type, with the MAC for the present version of its record.
 */
export async function expectExactTerms(vault: TestVault): Promise<void> {
  const ring = await readVaultKeys(vault)
  const [expected, stored] = [await expectedTerms(vault, ring), await storedTerms(vault)]
  expect(stored.terms).toEqual(expected)
  expect(stored.remembered).toEqual(expected)
}

/** `token term key mac`, in order. */
async function expectedTerms(vault: TestVault, ring: KeyRing): Promise<string[]> {
  const kinds: Record<string, Kind> = createKinds()
  const parts = new Map<string, { customer?: string; site: string; kind: string; version: number; details?: never }>()
  for (const { column, row, text } of await openEverySealedValue(vault)) {
    const { token, site, kind, version } = row as { token: string; site: string; kind: string; version: number }
    const known = parts.get(token) ?? { site, kind, version }
    if (column === 'records.display') parts.set(token, { ...known, ...customerOf(text) })
    if (column === 'records.secret') parts.set(token, { ...known, details: JSON.parse(text) as never })
  }
  return [...parts]
    .flatMap(([token, { site, kind, version, customer, details }]) => {
      const values = customer === undefined ? [] : [{ type: 'customer', value: customer }]
      return [...values, ...(kinds[kind]?.terms(details as never) ?? [])].map(({ type, value }) => {
        const key = ring.active(type === 'card_number' ? 'card-index' : 'index')
        const hash = keyedHash(key, 'search', [site, type, value])
        const mac = termMac(key, { hash, type: type as SearchType }, { site, token: token as Token, version })
        return `${token} ${hash.toString('hex').slice(0, TERM_CHARACTERS)} ${key.id} ${mac.toString('hex')}`
      })
    })
    .sort()
}

function customerOf(text: string): { customer?: string } {
  const { customer } = JSON.parse(text) as { customer?: string }
  return customer === undefined ? {} : { customer }
}

/** The terms as they are, and as the records remember them, with the key and the MAC that the terms have. */
async function storedTerms(vault: TestVault): Promise<{ terms: string[]; remembered: string[] }> {
  const rows = await vault.database.sql<{ token: string; term: string; key_id: string; mac: string }>(
    `SELECT token, encode(term, 'hex') AS term, key_id, encode(mac, 'hex') AS mac FROM readable.search_terms`,
  )
  const records = await vault.database.sql<{ token: string; terms: string }>(
    `SELECT token, encode(terms, 'hex') AS terms FROM readable.records`,
  )
  const restOf = new Map(rows.map(({ token, term, key_id, mac }) => [`${token} ${term}`, `${key_id} ${mac}`]))
  const remembered = records.flatMap(({ token, terms }) =>
    Array.from({ length: terms.length / TERM_CHARACTERS }, (_, at) => {
      const term = `${token} ${terms.slice(at * TERM_CHARACTERS, (at + 1) * TERM_CHARACTERS)}`
      return `${term} ${restOf.get(term)}`
    }),
  )
  return {
    terms: rows.map(({ token, term, key_id, mac }) => `${token} ${term} ${key_id} ${mac}`).sort(),
    remembered: remembered.sort(),
  }
}
