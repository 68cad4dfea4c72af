import { describe, expect, it } from 'vitest'
import { expectProof } from './support/expect-proof.ts'
import { proofRows } from './support/proof-table.ts'

const rows = proofRows('oauth.md')

describe('the table of what the OAuth standards demand', () => {
  it('covers each of the standards', () => {
    for (const rfc of ['6749', '6750', '7521', '7523', '8705', '9068', '9449']) {
      expect(rows.filter(([rule]) => rule.startsWith(`RFC ${rfc} §`)).length, rfc).toBeGreaterThan(1)
    }
    for (const check of [1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12]) {
      expect(rows.some(([rule]) => rule === `RFC 9449 §4.3 (${check})`)).toBe(true)
    }
  })

  it.each(rows)('%s: %s', (...row) => expectProof(row))
})
