/** A small deterministic generator (mulberry32), so that a rate is the same on every machine and in every run. */
export interface Random {
  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number
  digits(count: number): string
  pick<T>(values: readonly T[]): T
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (low: number, high: number) => low + Math.floor(next() * (high - low + 1))
  return {
    int,
    digits: (count) => Array.from({ length: count }, () => int(0, 9)).join(''),
    pick: (values) => values[int(0, values.length - 1)]!,
  }
}

/** ISO/IEC 7812-1 annex B, written again here so that the corpus does not lean on what it measures. */
export function withCheckDigit(payload: string): string {
  const sum = [...payload].reverse().reduce((total, digit, at) => {
    const value = Number(digit) * (at % 2 === 0 ? 2 : 1)
    return total + (value > 9 ? value - 9 : value)
  }, 0)
  return `${payload}${(10 - (sum % 10)) % 10}`
}

/** ISO/IEC 7064, mod 97-10: the two check digits of an IBAN. */
export function ibanOf(country: string, bban: string): string {
  const numbers = `${bban}${country}00`.replace(/[A-Z]/g, (letter) => String(letter.charCodeAt(0) - 55))
  return `${country}${String(98n - (BigInt(numbers) % 97n)).padStart(2, '0')}${bban}`
}

export function grouped(digits: string, sizes: readonly number[], separator: string): string {
  let at = 0
  return sizes
    .map((size) => {
      at += size
      return digits.slice(at - size, at)
    })
    .join(separator)
}
