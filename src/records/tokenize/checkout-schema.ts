import { z } from 'zod'
import { holdsCardNumber } from '../../kinds/card-number.ts'
import { type CheckoutPart, checkoutParts } from '../../kinds/checkout-parts.ts'
import { consentName, slug } from '../../kinds/clear-value.ts'
import type { Details } from '../../kinds/kind.ts'
import type { Kinds } from '../../kinds/kinds.ts'
import { optionalMembers } from '../../kinds/optional-members.ts'
import { issue } from '../../values/parse-input.ts'
import { Sensitive } from '../../values/sensitive.ts'
import { maskedSchemas } from '../record/record-schemas.ts'
import type { Checkout } from './tokenize.ts'

/**
 * The shop's own reference for a shopper. It finds everything about a person, so it is needed exactly as sent. Digits
 * that touch a letter are no card number here: a shop whose references are numbers puts a letter before them.
 */
export const customerSchema = z
  .string()
  .min(1)
  .max(128, { abort: true })
  .regex(/^[\p{L}\p{N}\p{P}\p{S}](?:[\p{L}\p{M}\p{N}\p{P}\p{S} ]*[\p{L}\p{M}\p{N}\p{P}\p{S}])?$/u)
  .refine((value) => !holdsCardNumber(value, { besideLetters: false }), {
    ...issue('card-number-in-text', 'remove the card number, or put a letter before a reference that looks like one'),
  })
  .overwrite((value) => value.normalize('NFC'))
  .meta({ description: "the shop's own reference for the shopper", examples: ['cus_1042'] })

const partNames = Object.keys(checkoutParts) as CheckoutPart[]

/** A member for each part of a checkout. */
function forEachPart<T>(of: (part: CheckoutPart) => T): Record<CheckoutPart, T> {
  return Object.fromEntries(partNames.map((part) => [part, of(part)])) as Record<CheckoutPart, T>
}

/** The body of `POST /v1/tokenize`. Unknown members are refused, so a verification code can never be stored by accident. */
export function checkoutSchema(kinds: Kinds) {
  const part = (name: CheckoutPart) =>
    kinds[checkoutParts[name].kind].schema.transform((details) => new Sensitive<Details>(details))
  return z
    .strictObject(
      optionalMembers({
        customer: customerSchema,
        policy_version: slug.describe('the version of the privacy policy that the shopper was shown'),
        consents: z.array(consentName).max(32).describe('what the shopper agreed to, by name'),
        ...forEachPart(part),
      }),
    )
    .refine((body) => partNames.some((name) => body[name] !== undefined), {
      ...issue('invalid-input', `expected at least one of: ${partNames.join(', ')}`),
    })
    .transform((body): Checkout => {
      const { customer, policy_version, consents, ...parts } = body
      const present = Object.entries(parts).filter(([, details]) => details !== undefined)
      return {
        customer,
        policyVersion: policy_version,
        consents: [...new Set(consents ?? [])],
        parts: Object.fromEntries(present),
      }
    })
    .meta({
      id: 'Checkout',
      description: `What a checkout hands over, with at least one of: ${partNames.map((name) => `\`${name}\``).join(', ')}`,
    })
}

/** The answer to `POST /v1/tokenize`. */
export const tokenizedSchema = z
  .object({
    customer: z.string().optional().describe('As it was sent'),
    ...forEachPart((part) => maskedSchemas[checkoutParts[part].kind].optional()),
    consents_given: z
      .array(z.string())
      .optional()
      .describe('In a checkout session: the consents that the shopper gave'),
  })
  .meta({ id: 'TokenizedCheckout', description: 'The token and the masked view of each part that was sent' })
