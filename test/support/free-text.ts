import { createKinds } from '../../src/kinds/kinds.ts'
import { card, contact, shippingAddress } from './samples.ts'

/** What is not free text: everything else that a kind has is, so that a new field is attacked from its first day. */
const FORMATTED = new Set(['number', 'exp_month', 'exp_year', 'country', 'phone', 'phone_e164', 'email'])

const parts = { card, shipping_address: shippingAddress, contact } as const
const kindOf = { card: 'card', shipping_address: 'address', contact: 'contact' } as const

export type Part = keyof typeof parts

const kinds = createKinds(() => new Date())

/** Every free-text field of every kind, with its part of a checkout. */
export const freeTextFields = (Object.keys(parts) as Part[]).flatMap((part) =>
  kinds[kindOf[part]].fields.filter((field) => !FORMATTED.has(field)).map((field) => ({ part, field })),
)

/** A good checkout of one part, but for that member of the part. */
export function checkoutWith(part: Part, member: string, value: unknown): Record<string, Record<string, unknown>> {
  return { [part]: { ...parts[part], [member]: value } }
}

/** A good checkout with that text in every free-text field of every kind. */
export function checkoutFullOf(value: string): Record<string, Record<string, unknown>> {
  const names = Object.keys(parts) as Part[]
  return Object.fromEntries(
    names.map((part) => {
      const fields = freeTextFields.filter((candidate) => candidate.part === part)
      return [part, { ...parts[part], ...Object.fromEntries(fields.map(({ field }) => [field, value])) }]
    }),
  )
}
