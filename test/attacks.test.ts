import { expect, it } from 'vitest'
import { expectProof } from './support/expect-proof.ts'
import { proofRows } from './support/proof-table.ts'

const rows = proofRows('attacks.md').filter(([, , shownBy]) => shownBy.includes(' › '))
const withoutTest = [45, 48, 49, 65]

it('every attack is in the table, but those on parts that the vault does not have', () => {
  const named = new Set(rows.map(([number]) => Number(number)))
  const all = Array.from({ length: 95 }, (_, at) => at + 1).filter((number) => !withoutTest.includes(number))
  expect([...named].sort((a, b) => a - b)).toEqual(all)
})

it.each(rows)('%s: %s', (...row) => expectProof(row))
