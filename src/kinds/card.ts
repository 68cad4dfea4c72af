import { z } from 'zod'
import { knownValues } from '../values/known-values.ts'
import { issue } from '../values/parse-input.ts'
import { brandNames, brandOf } from './card-brand.ts'
import { comparisons } from './comparison.ts'
import { correctionSchema, ifNothingElse } from './correction.ts'
import type { KindDefinition } from './kind.ts'
import { optionalMembers } from './optional-members.ts'
import { text } from './text.ts'
import { type Expiry, expiryFault, MAX_CHARACTERS, numberFault, readNumber } from './typed-card.ts'

const UNKNOWN_BRAND = 'unknown'

/**
 * PCI SSC FAQ 1091 gives the first six and last four digits for numbers of 15 and more; a shorter number would keep too
 * few digits hidden.
 */
const BIN_DIGITS = 6
const MIN_DIGITS_TO_SHOW_BIN = 15

const number = z
  .string()
  .superRefine((value, context) => {
    const fault = numberFault(value)
    if (fault !== undefined) context.addIssue({ code: 'custom', ...issue('invalid-card-number', fault) })
  })
  .overwrite(readNumber)
  .meta({
    description: 'Card number, 12 to 19 digits of any script; spaces and dashes are dropped',
    examples: ['4242 4242 4242 4242'],
  })

const expiry = {
  exp_month: z
    .int()
    .min(1)
    .max(12)
    .meta({ description: 'Month of expiry', examples: [12] }),
  exp_year: z
    .int()
    .min(2000)
    .max(2099)
    .meta({ description: 'Year of expiry, four digits', examples: [2031] }),
}

const last4 = z
  .string()
  .regex(/^[0-9]{4}$/)
  .meta({ description: 'Last four digits', examples: ['4242'] })
const bin = z
  .string()
  .regex(/^[0-9]{6}$/)
  .optional()
  .meta({ description: 'First six digits, for roles that may see them', examples: ['424242'] })
const brand = knownValues([...brandNames, UNKNOWN_BRAND]).meta({ description: 'Brand of the card', examples: ['visa'] })

const FIELDS = ['number', 'exp_month', 'exp_year', 'holder_name'] as const

type CardDetails = Expiry & { number: string; holder_name?: string | undefined }

/** A payment card. Card verification codes are not members of it, on purpose. */
export const card = {
  name: 'card',
  called: 'a card',
  privacyTerms: ['pd:PaymentCard', 'pd:Name'],
  tokenPrefix: 'card',
  checkout: { card: {} },
  schema: (now) =>
    z
      .strictObject({
        number,
        ...expiry,
        ...optionalMembers({
          holder_name: text(100).meta({ description: 'Name on the card', examples: ['Tan Mei Ling'] }),
        }),
      })
      .superRefine((details, context) => checkExpiry(details, context, now()), { when: ifNothingElse }),
  // A renewed card keeps its number. Another number is another card. The merged card is checked as a new one is.
  correction: correctionSchema(expiry, {}),
  corrected: 'the expiry of a card',
  fields: FIELDS,
  neededBy: { billing: FIELDS, fraud: ['exp_month', 'exp_year', 'holder_name'], legal: FIELDS },
  boundFields: ['number'],
  rangeOf,
  padToBytes: 64,
  display: ({ number, exp_month, exp_year }) => ({
    brand: brandOf(number)?.name ?? UNKNOWN_BRAND,
    last4: number.slice(-4),
    exp_month,
    exp_year,
    bin: number.length >= MIN_DIGITS_TO_SHOW_BIN ? number.slice(0, BIN_DIGITS) : undefined,
  }),
  views: {
    masked: ['brand', 'last4', 'exp_month', 'exp_year'],
    'bin-last4': ['bin', 'last4'],
    // A grant of it sends the card to a processor, and shows its caller nothing.
    forward: [],
  },
  mask: ({ brand, last4, exp_month, exp_year, bin }, options) => ({
    brand,
    last4,
    exp_month,
    exp_year,
    ...(options.bin ? { bin } : {}),
  }),
  searchBy: {
    card_number: {
      called: 'card number',
      confirms: 'number',
      term: ({ number }) => number,
      normalise: (value) => (numberFault(value) === undefined ? [readNumber(value)] : []),
    },
  },
  comparable: {
    last4: { ...comparisons.last4, of: ({ number }) => number.slice(-4), isShownMasked: true },
    name: { ...comparisons.name, of: ({ holder_name }) => holder_name },
  },
  answers: {
    masked: z.object({ brand, last4, ...expiry, bin }),
    revealed: z
      .object({
        number: z
          .string()
          .regex(/^[0-9]{12,19}$/)
          .meta({ description: 'Card number, digits only', examples: ['4242424242424242'] }),
        ...expiry,
        holder_name: z.string().meta({ description: 'Name on the card', examples: ['Tan Mei Ling'] }),
        brand,
        last4,
        bin,
      })
      .partial(),
  },
} as const satisfies KindDefinition<CardDetails>

function checkExpiry(card: Expiry, context: z.RefinementCtx, today: Date): void {
  const fault = expiryFault(card, today)
  if (fault === 'past') {
    context.addIssue({ code: 'custom', ...issue('card-expired', 'is in the past', ['exp_year']) })
  } else if (fault === 'far') {
    context.addIssue({ code: 'custom', ...issue('invalid-input', 'is too far in the future', ['exp_year']) })
  }
}

/** The BIN of what was sent as a card or its number, however it is written. */
function rangeOf(sent: unknown): string {
  const number: unknown = typeof sent === 'object' && sent !== null && 'number' in sent ? sent.number : sent
  const digits = String(typeof number === 'string' || typeof number === 'number' ? number : '')
    .slice(0, MAX_CHARACTERS)
    .replace(/\D/g, '')
  return digits.length < BIN_DIGITS ? '' : digits.slice(0, BIN_DIGITS)
}
