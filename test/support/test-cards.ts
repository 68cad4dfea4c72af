import { randomInt } from 'node:crypto'

/** The numbers that brands and processors publish for tests: first digits, and how many there are in all. */
const TEST_RANGES = [
  ['424242', 16],
  ['400000', 16],
  ['555555', 16],
  ['222300', 16],
  ['378282', 15],
] as const

/** So many different card numbers in the published test ranges, with right check digits. */
export function createTestCardNumbers(count: number): string[] {
  const numbers = new Set<string>()
  while (numbers.size < count) {
    const [prefix, digits] = TEST_RANGES[numbers.size % TEST_RANGES.length]!
    const account = Array.from({ length: digits - prefix.length - 1 }, () => randomInt(10)).join('')
    numbers.add(withCheckDigit(prefix + account))
  }
  return [...numbers]
}

/** ISO/IEC 7812-1, Annex B (Luhn): from the right, every other digit counts double. */
function withCheckDigit(payload: string): string {
  const sum = [...payload].reverse().reduce((total, digit, at) => {
    const value = at % 2 === 0 ? Number(digit) * 2 : Number(digit)
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return payload + ((10 - (sum % 10)) % 10)
}
