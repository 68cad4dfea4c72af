import { countrySpecs, ValidationErrorsIBAN, validateIBAN } from 'ibantools'

/** The text between two groups of digits: a separator, the end of a line of an address, or anything else. */
type Joint = 'space' | 'dash' | 'dot' | 'slash' | 'line' | 'none'

/** An unbroken run of digits in a text, as ASCII. */
export interface DigitGroup {
  digits: string
  /** The text between it and the group before it. */
  joint: Joint
  /** Whether a letter touches it. */
  touchesLetter: boolean
}

/** Characters that print nothing or sit on the one before: zero-width characters, soft hyphens, combining marks. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{M}]/gu

/** A text without anything to undo; most are. */
const ASCII = /^[\u0000-\u007F]*$/

/**
 * Dashes for a class of characters: those of Unicode, the minus sign, the hyphen bullet, and what a Japanese keyboard types
 * in their place.
 */
export const DASHES = '\\p{Pd}\\u2212\\u2043\\u2500\\u30FC\\uFF70'

const SEPARATORS: readonly [Joint, RegExp][] = [
  ['space', /^\s+$/u],
  ['dash', new RegExp(`^\\s*[${DASHES}]\\s*$`, 'u')],
  ['dot', /^\s*[.\u00B7\u2022\u2027\u30FB]\s*$/u],
  ['slash', /^\s*[/\u2044\u2215]\s*$/u],
]

/** The groups of digits that a reader sees in a text, in order. Takes time in proportion to the text. */
export function digitGroups(text: string): DigitGroup[] {
  return groupsOf(readableDigits(text))
}

/**
 * The groups of several lines, in order. If digits end a line and begin the next they are joined; nothing else joins
 * two lines.
 */
export function digitGroupsOfLines(lines: readonly string[]): DigitGroup[] {
  let endsInDigit = false
  return lines.flatMap((line) => {
    const plain = readableDigits(line).trim()
    const [first, ...others] = groupsOf(plain)
    const joint = endsInDigit && /^\d/.test(plain) ? 'line' : 'none'
    endsInDigit = /\d$/.test(plain)
    return first === undefined ? [] : [{ ...first, joint } as const, ...others]
  })
}

function groupsOf(plain: string): DigitGroup[] {
  let end = 0
  return [...plain.matchAll(/\d+/g)].map(({ 0: digits, index }, at) => {
    const joint = at === 0 ? 'none' : jointOf(plain.slice(end, index))
    end = index + digits.length
    // A letter outside the Basic Multilingual Plane takes two code units.
    const touchesLetter =
      /\p{L}$/u.test(plain.slice(Math.max(0, index - 2), index)) || /^\p{L}/u.test(plain.slice(end, end + 2))
    return { digits, joint, touchesLetter }
  })
}

function jointOf(between: string): Joint {
  if (between === ' ') return 'space'
  return SEPARATORS.find(([, form]) => form.test(between))?.[0] ?? 'none'
}

/** A copy of the text in which every digit that a reader sees is an ASCII digit, without IBANs; empty when it has no digit. */
function readableDigits(text: string): string {
  if (ASCII.test(text)) return /\d/.test(text) ? withoutIbans(text) : ''
  if (!/\p{N}/u.test(text)) return ''
  return withoutIbans(asciiDigits(text.normalize('NFKC').replace(INVISIBLE, '')))
}

/** The text with ASCII digits in the place of the decimal digits of other scripts. */
export function asciiDigits(text: string): string {
  return ASCII.test(text) ? text : text.replace(/(?!\d)\p{Nd}/gu, toAsciiDigit)
}

/** Unicode 17.0 section 4.6: decimal digits are in unbroken runs of ten, from zero to nine. */
function toAsciiDigit(digit: string): string {
  const codePoint = digit.codePointAt(0)!
  let first = codePoint
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--
  return String((codePoint - first) % 10)
}

/** At the beginning of a word, or glued to its own name. */
const IBAN_START = /(?<=(?<![a-z0-9])(?:iban)?)[a-z]{2}\d{2}/gi

/** ISO 13616-1: at most 34 characters, printed in groups of four with a space between them. */
const MAX_IBAN_CHARACTERS = 34 + 8

function withoutIbans(text: string): string {
  let kept = ''
  let rest = 0
  for (const { index } of text.matchAll(IBAN_START)) {
    const length = index < rest ? undefined : ibanLength(text.slice(index, index + MAX_IBAN_CHARACTERS))
    if (length === undefined) continue
    kept += `${text.slice(rest, index)}x`
    rest = index + length
  }
  return kept + text.slice(rest)
}

/**
 * How many characters at the beginning of the text are a valid IBAN, in its electronic or its printed form; undefined when
 * it does not begin with one. The check is that of ISO/IEC 7064, mod 97-10.
 */
function ibanLength(text: string): number | undefined {
  const wanted = countrySpecs[text.slice(0, 2).toUpperCase()]?.chars
  if (wanted == null) return undefined
  let iban = ''
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at)
    if (/[A-Za-z0-9]/.test(character)) iban += character.toUpperCase()
    else if (!/[\s-]/.test(character)) return undefined
    if (iban.length === wanted) return !/^[A-Za-z0-9]/.test(text.slice(at + 1)) && isIban(iban) ? at + 1 : undefined
  }
  return undefined
}

/** The check digits of a country inside the IBAN are not asked for: ISO 13616-1 leaves them to its banks. */
function isIban(iban: string): boolean {
  return validateIBAN(iban).errorCodes.every((error) => error === ValidationErrorsIBAN.WrongAccountBankBranchChecksum)
}
