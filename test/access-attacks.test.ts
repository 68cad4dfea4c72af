import { expect, it } from 'vitest'
import { expectProof, proofRows } from './support/proof-table.ts'

const rows = proofRows('access-attacks.md', /^\d+$/)
const from28To43 = Array.from({ length: 16 }, (_, at) => 28 + at)

it('every attack on access is in the table', () => {
  const named = new Set(rows.map(([number]) => Number(number)))
  expect([...named].sort((a, b) => a - b)).toEqual([...from28To43, 47, 53, 63, 67])
})

it.each(rows)('%s: %s', (...row) => expectProof(row))
