import { novelPlaces } from './passphrase-novelty.ts'

/** Letters of one encoding, and how many of them 32 random bytes take. `classes` are parts of the alphabet that all must occur. */
interface Encoding {
  form: RegExp
  size: number
  minLength: number
  classes: readonly RegExp[]
  /** Whether words can be written in it. */
  hasWords: boolean
}

const ENCODINGS: readonly Encoding[] = [
  { form: /^[A-Za-z0-9+/_-]$/, size: 64, minLength: 43, classes: [/[A-Z]/, /[a-z]/, /[0-9]/], hasWords: true },
  { form: /^[0-9a-fA-F]$/, size: 16, minLength: 64, classes: [/[a-fA-F]/, /[0-9]/], hasWords: false },
]
const PADDING = '='.charCodeAt(0)
/**
 * How much of random letters does not repeat, nor lie side by side. It is less for one of some 50,000 random passphrases. The estimate
 * hardly gives such a one 100 bits, since it counts new letters alone.
 */
const MIN_NOVEL = 0.6

/**
 * How many standard deviations above the expectation for random letters a count may be. Of 10,000 random passphrases
 * some fifteen are above one of them, repeat too much or have no digit: those are estimated like any other.
 */
const MOST_COMMON_PAIRS = 4.2
const MOST_COINCIDENCES = 5.5
const MOST_SMALL_LETTERS = 4.2

/**
 * The 100 commonest pairs of letters in English, 15 % of all. They are three quarters of the pairs in English text, and half in
 * other languages of Europe; of random letters they are 15 %.
 */
const COMMON_PAIRS = new Set(
  `in er re ng th an on he en ou st es ar ea ed te at or se ve le ha me ll al ne ti nt hi nd it is ri el li co as ro ho de
   to ur et ch ee be om us ma ta ca lo ra ce ot wa ow no la si ic pe ke so il ge oo ay un sh di ac ie gh do ut ss we ly rs
   id go ck io ai ad tr am ec ig wh mo ol ry mi rt ul ki fo ni`
    .split(/\s+/)
    .map((pair) => pairOf(pair.charCodeAt(0), pair.charCodeAt(1))),
)
const PAIRS_OF_LETTERS = 26 * 26
/** The share of small letters in base64. */
const SMALL_LETTERS = 26 / 64

/**
 * Whether a passphrase is written as 32 random bytes or more are in base64, base64url or hexadecimal, and nothing in it is
 * unlike random letters: what repeats or walks over a keyboard, letters or pairs of letters that come too often, as in words of
 * any language, words in CamelCase. What is true of random bytes too, if rarely, only sends a passphrase to the estimate.
 *
 * Looks at one letter at a time: the passphrase must not become a string in this process.
 */
export function isRandomlyEncoded(passphrase: Uint8Array): boolean {
  const end = passphrase.findLastIndex((code) => code !== PADDING) + 1
  const letters = passphrase.subarray(0, end)
  if (passphrase.length - end > 2 || novelPlaces(letters).length < MIN_NOVEL * letters.length) return false
  return ENCODINGS.some((encoding) => isIn(encoding, letters) && isEven(encoding, letters))
}

function isIn({ form, minLength, classes }: Encoding, letters: Uint8Array): boolean {
  const distinct = [...new Set(letters)].map((code) => String.fromCharCode(code))
  return (
    letters.length >= minLength &&
    distinct.every((letter) => form.test(letter)) &&
    classes.every((one) => distinct.some((letter) => one.test(letter)))
  )
}

function isEven({ size, hasWords }: Encoding, letters: Uint8Array): boolean {
  const pairs = (letters.length * (letters.length - 1)) / 2
  if (deviation(coincidencesIn(letters), pairs, 1 / size) > MOST_COINCIDENCES) return false
  if (!hasWords) return true
  const small = letters.reduce((count, code) => count + (isSmall(code) ? 1 : 0), 0)
  if (deviation(small, letters.length, SMALL_LETTERS) > MOST_SMALL_LETTERS) return false
  const { all, common } = letterPairsIn(letters)
  return deviation(common, all, COMMON_PAIRS.size / PAIRS_OF_LETTERS) <= MOST_COMMON_PAIRS
}

/** By how many standard deviations a count lies above that of so many independent trials. */
function deviation(count: number, trials: number, probability: number): number {
  if (trials === 0) return 0
  return (count - trials * probability) / Math.sqrt(trials * probability * (1 - probability))
}

/** How many pairs of places hold the same letter. */
function coincidencesIn(letters: Uint8Array): number {
  const counts = new Map<number, number>()
  for (const code of letters) counts.set(code, (counts.get(code) ?? 0) + 1)
  return counts.values().reduce((sum, count) => sum + (count * (count - 1)) / 2, 0)
}

/** How many letters follow another letter, in either case, and how many of these pairs are common ones. */
function letterPairsIn(letters: Uint8Array): { all: number; common: number } {
  let all = 0
  let common = 0
  for (let at = 1; at < letters.length; at++) {
    const [one, other] = [toSmall(letters[at - 1]!), toSmall(letters[at]!)]
    if (!isSmall(one) || !isSmall(other)) continue
    all += 1
    if (COMMON_PAIRS.has(pairOf(one, other))) common += 1
  }
  return { all, common }
}

function pairOf(one: number, other: number): number {
  return one * 0x80 + other
}

function isSmall(code: number): boolean {
  return code >= 0x61 && code <= 0x7a
}

function toSmall(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code
}
