import { z } from 'zod'
import type { Comparison } from './kind.ts'
import { optionalMembers } from './optional-members.ts'

const words = z.string().max(200)

/** A place, as a caller describes it. */
export const place = z
  .strictObject({
    line1: words,
    ...optionalMembers({
      line2: words,
      district: words,
      city: words,
      region: words,
      postal_code: words,
      country: words,
    }),
  })
  .meta({ id: 'Place', description: 'A place, as a caller describes it' })

/** The parts that make an address the same place, in the order in which they are compared. */
const PLACE = ['line1', 'line2', 'district', 'city', 'region', 'postal_code', 'country'] as const

/** The comparisons that kinds have in common. A kind may have others of its own. */
export const comparisons = {
  last4: { input: z.string().regex(/^[0-9]{4}$/), form: formOf((text) => text) },
  postal_code: { input: z.string().min(1).max(20), form: formOf(asCode) },
  name: { input: z.string().min(1).max(100), form: formOf(asWords) },
  address: { input: place, form: formOf(asWords) },
} as const satisfies Readonly<Record<string, Comparison>>

/** A value that is not text is a place. */
function formOf(formOfText: (text: string) => string): Comparison['form'] {
  return (value) => {
    if (typeof value === 'string') return formOfText(value) || undefined
    return asWords(PLACE.map((part) => value[part] ?? '').join(' ')) || undefined
  }
}

/**
 * A text as two people may have written it alike: without case, accents and punctuation, white space as one space. Marks
 * of other scripts are letters to them and stay.
 */
function asWords(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim()
}

/** A code without its spaces and dashes. */
function asCode(text: string): string {
  return asWords(text).replaceAll(' ', '')
}
