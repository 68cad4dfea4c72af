import { holdsCardNumber } from '../../kinds/card-number.ts'
import { digitsOf, readingsOf } from './readings.ts'

/** What an answer must not repeat. Holds plaintext for as long as a forward lasts. */
export interface Known {
  /** The card number that was sent. */
  number: string | undefined
  /** The security code that was sent. */
  code: string | undefined
  /** Everything that proves who sent the request. */
  secrets: readonly Buffer[]
}

/** Shorter secrets occur in other words. They are found as whole values. */
const MIN_SECRET_LENGTH = 6

/** Tells what of an answer must not leave. */
export interface Forbidden {
  /** Whether a text holds something forbidden. @param isId whether digits that look like a card number are an id here */
  holds(text: string, isId: boolean): boolean
  /** Which of several texts in a row make up the number together, such as a list of its groups. */
  together(texts: readonly string[]): ReadonlySet<number>
}

export function createForbidden({ number, code, secrets }: Known): Forbidden {
  const wholeValues = new Set(code === undefined ? [] : formsOf(Buffer.from(code)))
  const secretForms: string[] = []
  for (const secret of secrets) {
    if (secret.length < MIN_SECRET_LENGTH) for (const form of formsOf(secret)) wholeValues.add(form)
    // As text, and as the bytes that a reading gives.
    else secretForms.push(secret.toString('utf8'), secret.toString('latin1'), ...encodingsOf(secret))
  }
  wholeValues.delete('')

  const holdsNumber = number === undefined ? () => false : numberFinder(number)

  const holdsKnown = (reading: string) =>
    wholeValues.has(reading.trim()) || secretForms.some((form) => reading.includes(form)) || holdsNumber(reading)
  return {
    holds(text, isId) {
      const readings = readingsOf(text)
      return readings.some((reading) => holdsKnown(reading) || (!isId && holdsCardNumber(reading)))
    },
    together(texts) {
      const found = new Set<number>()
      if (number === undefined) return found
      const digits = texts.map(digitsOf)
      const joined = digits.join('')
      for (let from = joined.indexOf(number); from >= 0; from = joined.indexOf(number, from + 1)) {
        let start = 0
        for (const [at, { length }] of digits.entries()) {
          if (length > 0 && start < from + number.length && start + length > from) found.add(at)
          start += length
        }
      }
      return found
    },
  }
}

/** Finds the digits of a number, and its value in base 16. */
function numberFinder(number: string): (reading: string) => boolean {
  const value = BigInt(number).toString(16)
  return (reading) => digitsOf(reading).includes(number) || reading.toLowerCase().includes(value)
}

function formsOf(bytes: Buffer): string[] {
  return [bytes.toString('utf8'), ...encodingsOf(bytes)]
}

function encodingsOf(bytes: Buffer): string[] {
  const hex = bytes.toString('hex')
  const base64 = bytes.toString('base64')
  return [base64, base64.replace(/=+$/, ''), bytes.toString('base64url'), hex, hex.toUpperCase()]
}
