import { expect, it } from 'vitest'
import { expectProof } from './support/expect-proof.ts'
import { shippedPolicyFile } from './support/policies.ts'
import { clausesOf } from './support/policy-clauses.ts'
import { proofRows } from './support/proof-table.ts'

const rows = proofRows('privacy.md')

it('every promise of the shipped policy is in the table, in its own words', () => {
  const { sentences, entries } = clausesOf(shippedPolicyFile)
  const named = new Set(rows.map(([clause, words]) => `${clause} ${words}`))
  expect(sentences.length).toBeGreaterThan(0)
  expect([...named].toSorted()).toEqual(
    [...sentences, ...entries].map(({ clause, words }) => `${clause} ${words}`).toSorted(),
  )
})

it.each(rows)('%s: %s', (...row) => expectProof(row))
