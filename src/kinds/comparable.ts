import type { Details, Kind } from './kind.ts'

/** What may be compared without being shown: no guess at any of these leads to a card number. */
export const comparableNames = ['last4', 'postal_code', 'name', 'address'] as const

export type ComparableName = (typeof comparableNames)[number]

/** The parts that make an address the same place, in the order in which they are compared. */
const PLACE = ['line1', 'line2', 'district', 'city', 'region', 'postal_code', 'country'] as const

type Comparables = Partial<Record<ComparableName, (details: Details) => string | undefined>>

const comparables: Readonly<Record<Kind['name'], Comparables>> = {
  card: {
    last4: ({ number }) => textOf(number)?.slice(-4),
    name: ({ holder_name }) => words(holder_name),
  },
  address: {
    postal_code: ({ postal_code }) => letters(postal_code),
    name: ({ name }) => words(name),
    address: (details) => words(PLACE.map((part) => textOf(details[part]) ?? '').join(' ')),
  },
  contact: { name: ({ name }) => words(name) },
}

/** The names that a kind can be compared by. */
export function comparableNamesOf(kind: Kind['name']): ComparableName[] {
  return comparableNames.filter((name) => comparables[kind][name] !== undefined)
}

/** Whether every masked view of that kind shows it whole. */
export function isShownMasked(kind: Kind['name'], name: ComparableName): boolean {
  return kind === 'card' && name === 'last4'
}

/** What a record has under that name, normalised; undefined when it has nothing there. */
export function comparableOf(kind: Kind['name'], name: ComparableName, details: Details): string | undefined {
  return comparables[kind][name]?.(details) || undefined
}

/** What a caller compares with it: the same form as a record has it in. */
export function comparableInput(name: ComparableName, value: string | Details): string | undefined {
  if (typeof value !== 'string') return comparables.address.address?.(value) || undefined
  if (name === 'last4') return value
  return (name === 'postal_code' ? letters(value) : words(value)) || undefined
}

/**
 * A text as two people may have written it alike: without case, accents and punctuation, white space as one space. Marks
 * of other scripts are letters to them and stay.
 */
function words(value: Details[string]): string | undefined {
  return textOf(value)
    ?.normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim()
}

/** A code as it is meant, however it is spaced. */
function letters(value: Details[string]): string | undefined {
  return words(value)?.replaceAll(' ', '')
}

function textOf(value: Details[string]): string | undefined {
  return value === undefined ? undefined : String(value)
}
