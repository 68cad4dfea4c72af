import luhn10 from 'card-validator/dist/luhn-10.js'
import creditCardType from 'credit-card-type'

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

export interface CardBrand {
  /** Such as `visa` or `amex`. */
  name: string
  /** The numbers of digits that its card numbers can have. */
  lengths: readonly number[]
  /** After how many digits a space is printed on the card. */
  gaps: readonly number[]
}

interface PrefixRange {
  prefixDigits: number
  low: number
  high: number
  brand: CardBrand
}

/** The issuer prefixes of credit-card-type, the longest first: the most specific prefix decides. */
const PREFIX_RANGES: readonly PrefixRange[] = Object.values(creditCardType.types)
  .flatMap((type) => {
    const { patterns, lengths, gaps } = creditCardType.getTypeInfo(type)
    const brand = { name: BRAND_NAMES[type], lengths, gaps }
    return patterns.map((pattern) => {
      const [low, high] = [pattern].flat() as [number, number?]
      return { prefixDigits: String(low).length, low, high: high ?? low, brand }
    })
  })
  .sort((a, b) => b.prefixDigits - a.prefixDigits)

/**
 * The brand of a card number, by its first eight digits at most; undefined when the prefix is no known brand's.
 * Answers what `creditCardType(number)` does, which clones its tables at every call: too slow to be asked at every
 * position of a long text.
 */
export function brandOf(digits: string): CardBrand | undefined {
  let prefix = 0
  let prefixDigits = 0
  return PREFIX_RANGES.find((range) => {
    if (range.prefixDigits !== prefixDigits) {
      prefixDigits = range.prefixDigits
      prefix = Number(digits.slice(0, prefixDigits))
    }
    return prefix >= range.low && prefix <= range.high
  })?.brand
}

/**
 * Whether the last of the ASCII digits is the right check digit (ISO/IEC 7812-1 annex B). Taken from inside
 * card-validator, because its public `number()` answers only for brands that it knows.
 */
export function hasValidCheckDigit(digits: string): boolean {
  return luhn10(digits)
}
