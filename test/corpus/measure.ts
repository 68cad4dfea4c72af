import { holdsCardNumber, isCardNumberOverLines } from '../../src/kinds/card-number.ts'
import { cardNumber, forms, inScript, schemes, scripts, surroundings } from './card-texts.ts'
import { ordinaryKinds } from './ordinary-text.ts'
import { createRandom } from './random.ts'

export const SEED = 20261129

export interface FalseRefusals {
  kind: string
  looksLikeCards: boolean
  texts: number
  refused: number
  /** One that was refused; it holds random digits only. */
  example: string | undefined
}

/** How many texts of each ordinary kind are taken for a card number. */
export function measureFalseRefusals(texts: number): FalseRefusals[] {
  return ordinaryKinds.map(({ name, looksLikeCards, text }) => {
    const random = createRandom(SEED)
    const refused = Array.from({ length: texts }, () => text(random)).filter((one) => holdsCardNumber(one))
    return { kind: name, looksLikeCards, texts, refused: refused.length, example: refused[0] }
  })
}

export interface Misses {
  scheme: string
  /** How many combinations of a grouping and a script were tried, each with all separators and line breaks in turn. */
  combinations: number
  numbers: number
  missed: number
  example: string | undefined
}

/** How many card numbers of each scheme, in every form and script of the rule, are not found. */
export function measureMisses(numbersOfEach: number): Misses[] {
  return schemes.map((scheme) => {
    const random = createRandom(SEED)
    const result: Misses = { scheme: scheme.name, combinations: 0, numbers: 0, missed: 0, example: undefined }
    for (const sizes of scheme.printed) {
      const length = sizes.reduce((sum, size) => sum + size, 0)
      const fitting = forms.filter((form) => form.lines(cardNumber(random, scheme, length), sizes) !== undefined)
      for (const zero of Object.values(scripts)) {
        result.combinations++
        for (let at = 0; at < numbersOfEach; at++) {
          const lines = fitting[at % fitting.length]!.lines(cardNumber(random, scheme, length), sizes)!
          if (
            isFound(
              lines.map((line) => inScript(line, zero)),
              random.pick(surroundings),
            )
          )
            continue
          result.missed++
          result.example ??= lines.join(' | ')
        }
        result.numbers += numbersOfEach
      }
    }
    return result
  })
}

/** The surroundings touch the ends of the whole, not the digits where two lines meet. */
function isFound(lines: readonly string[], [before, after]: readonly [string, string]): boolean {
  const written = lines.map((line, at) => `${at === 0 ? before : ''}${line}${at === lines.length - 1 ? after : ''}`)
  return written.some((line) => holdsCardNumber(line)) || isCardNumberOverLines(written)
}
