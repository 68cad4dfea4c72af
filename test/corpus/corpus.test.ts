import { describe, expect, it } from 'vitest'
import { measureFalseRefusals, measureMisses } from './measure.ts'

/** `npm run corpus` measures more of each; the seed is fixed, so these figures are the same in every run. */
describe('the corpus', () => {
  it.each(measureFalseRefusals(5_000))('of $kind is not refused', ({ looksLikeCards, texts, refused, example }) => {
    if (looksLikeCards) {
      // A tenth of the texts with a scheme's prefix have a right check digit by chance, and no more than that is
      // refused.
      expect(refused).toBeGreaterThan(0)
      expect(refused / texts).toBeLessThan(0.1)
    } else {
      expect(refused / texts, example).toBeLessThanOrEqual(0.001)
    }
  })

  it.each(measureMisses(140))('of $scheme is found in all of $numbers', ({ missed, example }) => {
    expect(missed, example).toBe(0)
  })
})
