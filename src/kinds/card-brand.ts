import luhn10 from 'card-validator/dist/luhn-10.js'
import creditCardType from 'credit-card-type'

export interface CardBrand {
  /** Such as `visa` or `amex`. */
  name: string
  /** The numbers of digits that its card numbers can have. */
  lengths: readonly number[]
  /** After how many digits a space is printed on the card. */
  gaps: readonly number[]
}

/** The names that are stored, by those of credit-card-type: an update of the library must not rename a brand. */
const BRAND_NAMES: Readonly<Record<(typeof creditCardType.types)[string], string>> = {
  visa: 'visa',
  mastercard: 'mastercard',
  'american-express': 'amex',
  'diners-club': 'diners',
  discover: 'discover',
  jcb: 'jcb',
  unionpay: 'unionpay',
  maestro: 'maestro',
  mir: 'mir',
  elo: 'elo',
  hiper: 'hiper',
  hipercard: 'hipercard',
  verve: 'verve',
  troy: 'troy',
  naranja: 'naranja',
}

/** Ranges that the schemes have published and the library does not have, with the lengths of their cards. */
const FURTHER_RANGES: readonly { name: string; lengths: readonly number[]; ranges: readonly [number, number][] }[] = [
  {
    name: 'rupay',
    lengths: [16],
    ranges: [
      [508500, 508999],
      [606985, 607984],
      [608001, 608500],
      [652150, 653149],
      [817200, 820199],
    ],
  },
  {
    name: 'verve',
    lengths: [16, 18, 19],
    ranges: [
      [506099, 506198],
      [507865, 507964],
      [650002, 650027],
    ],
  },
  {
    name: 'hipercard',
    lengths: [16],
    ranges: [
      [384100, 384100],
      [384140, 384140],
      [384160, 384160],
    ],
  },
  { name: 'diners', lengths: [14, 16, 19], ranges: [[3095, 3095]] },
]

/**
 * Maestro's `6` stands for all numbers of that digit that no other scheme has. Such a number is a valid card, but no
 * evidence in a text.
 */
const CATCH_ALL = { name: 'maestro', low: 6, high: 6 }

/** Most schemes print groups of four. */
const GROUPS_OF_FOUR = [4, 8, 12]

interface PrefixRange {
  prefixDigits: number
  low: number
  high: number
  isCatchAll: boolean
  brand: CardBrand
}

/** The issuer prefixes, the longest first: the most specific prefix decides, and of equal ones the vault's own. */
const PREFIX_RANGES: readonly PrefixRange[] = [...furtherRanges(), ...libraryRanges()].sort(
  (a, b) => b.prefixDigits - a.prefixDigits,
)

function furtherRanges(): PrefixRange[] {
  return FURTHER_RANGES.flatMap(({ name, lengths, ranges }) => {
    const brand = { name, lengths, gaps: name === 'diners' ? [4, 10] : GROUPS_OF_FOUR }
    return ranges.map(([low, high]) => ({ prefixDigits: String(low).length, low, high, isCatchAll: false, brand }))
  })
}

function libraryRanges(): PrefixRange[] {
  return Object.values(creditCardType.types).flatMap((type) => {
    const { patterns, lengths, gaps } = creditCardType.getTypeInfo(type)
    const brand = { name: BRAND_NAMES[type]!, lengths, gaps }
    return patterns.map((pattern) => {
      const [low, high = low] = [pattern].flat() as [number, number?]
      const isCatchAll = brand.name === CATCH_ALL.name && low === CATCH_ALL.low && high === CATCH_ALL.high
      return { prefixDigits: String(low).length, low, high, isCatchAll, brand }
    })
  })
}

/** The ranges by their first digit, so that a look-up compares only a few of them. */
const RANGES_BY_FIRST_DIGIT = Map.groupBy(
  PREFIX_RANGES.flatMap((range) => firstDigits(range).map((digit) => ({ digit, range }))),
  ({ digit }) => digit,
)

function firstDigits({ low, high }: PrefixRange): string[] {
  const [from, to] = [Number(String(low)[0]), Number(String(high)[0])]
  return Array.from({ length: to - from + 1 }, (_, at) => String(from + at))
}

/** How many digits the security code of each brand has (`code` of credit-card-type); three where it has none. */
const CODE_DIGITS = new Map(
  Object.values(creditCardType.types).map((type) => [BRAND_NAMES[type]!, creditCardType.getTypeInfo(type).code.size]),
)
const UNKNOWN_CODE_DIGITS = [3, 4]

/** How many digits the security code of a card may have. @param brand undefined or unknown: three or four */
export function codeDigitsOf(brand: string | undefined): readonly number[] {
  if (brand === undefined || !brandNames.includes(brand)) return UNKNOWN_CODE_DIGITS
  return [CODE_DIGITS.get(brand) ?? 3]
}

/** Every brand that a card may have, each once. */
export const brandNames: readonly string[] = [...new Set(PREFIX_RANGES.map(({ brand }) => brand.name))].sort()

/**
 * The brand of a card number: of those that name its prefix and issue numbers of that many digits the most specific one,
 * otherwise the most specific of all. Undefined when the prefix is not a known brand's.
 */
export function brandOf(digits: string): CardBrand | undefined {
  const ranges = rangesOf(digits)
  return (ranges.find(({ brand }) => brand.lengths.includes(digits.length)) ?? ranges[0])?.brand
}

/** The schemes that name the prefix of these digits and issue numbers of that many; a catch-all range names none. */
export function schemesOf(digits: string): CardBrand[] {
  return rangesOf(digits)
    .filter(({ isCatchAll, brand }) => !isCatchAll && brand.lengths.includes(digits.length))
    .map(({ brand }) => brand)
}

function rangesOf(digits: string): PrefixRange[] {
  return (RANGES_BY_FIRST_DIGIT.get(digits.charAt(0)) ?? []).flatMap(({ range }) => {
    const prefix = Number(digits.slice(0, range.prefixDigits))
    return prefix >= range.low && prefix <= range.high ? [range] : []
  })
}

/**
 * Whether the last of the ASCII digits is the right check digit (ISO/IEC 7812-1 annex B). Taken from inside
 * card-validator, because its public `number()` answers only for brands that it knows.
 */
export function hasValidCheckDigit(digits: string): boolean {
  return luhn10(digits)
}
