import { z } from 'zod'
import { holdsCardNumber } from '../kinds/card-number.ts'
import { consentName, slug } from '../kinds/clear-value.ts'
import { optionalMembers } from '../kinds/optional-members.ts'
import { customerSchema } from '../records/tokenize/checkout-schema.ts'
import { issue } from '../values/parse-input.ts'
import { type SessionPart, sessionParts } from './checkout-session.ts'

/** A name or an IPv4 address, or an IPv6 address in brackets. URLs may have other hosts, such as a wildcard. */
const HOST = /^([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])$/
const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/

/** An exact origin (RFC 6454): a scheme, a host and a port where it is not 443; no path, no wildcard, no default port. */
function originSchema(allowsHttp: boolean) {
  return z
    .string()
    .max(261)
    .refine((text) => isOrigin(text, allowsHttp), {
      ...issue(
        'invalid-input',
        allowsHttp
          ? 'expected an exact origin such as https://shop.example, or http:// with a loopback host'
          : 'expected an exact https origin such as https://shop.example',
      ),
    })
}

function isOrigin(text: string, allowsHttp: boolean): boolean {
  const url = URL.parse(text)
  return url !== null && url.origin === text && HOST.test(url.hostname) && isSafe(url, allowsHttp)
}

/** HTTPS; outside production also HTTP on this machine, where browsers take it for as safe (W3C Secure Contexts). */
function isSafe({ protocol, hostname }: URL, allowsHttp: boolean): boolean {
  return protocol === 'https:' || (protocol === 'http:' && allowsHttp && LOOPBACK.test(hostname))
}

/** @param allowsHttp whether origins of this machine may be http */
export function sessionSchema(allowsHttp: boolean) {
  return z
    .strictObject({
      origins: z
        .array(originSchema(allowsHttp))
        .min(1)
        .max(10)
        .describe('the origins of the pages that may show the fields, exactly as the browser sends them')
        .meta({ examples: [['https://shop.example']] }),
      ...optionalMembers({
        customer: customerSchema,
        policy_version: slug.describe('the version of the privacy policy that the shopper is shown'),
        consents: z.array(consentName).max(32).describe('the consents that the page asks for, by name'),
        parts: z
          .array(z.enum(sessionParts as [SessionPart, ...SessionPart[]]))
          .min(1)
          .refine((parts) => !parts.includes('security_code') || parts.includes('card'), {
            ...issue('invalid-input', 'security_code goes with card'),
          })
          .describe('the parts of the checkout that the page asks for; default: the card'),
        return_url: z
          .url()
          .max(2048)
          .refine((url) => !holdsCardNumber(url, { besideLetters: false }), {
            ...issue('card-number-in-text', 'remove the card number'),
          })
          .describe('where the hosted page leads back to, at one of the origins'),
        locale: z
          .string()
          .regex(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,8}$/)
          .describe('the language of the page, as a BCP 47 tag; default: en'),
        minutes: z.int().min(1).max(240).describe('how long the session is open; default: 30'),
      }),
    })
    .superRefine(({ origins, return_url: returnUrl }, context) => {
      if (returnUrl === undefined) return
      const url = URL.parse(returnUrl)
      const isFine =
        url !== null &&
        isSafe(url, allowsHttp) &&
        origins.includes(url.origin) &&
        url.username === '' &&
        url.password === ''
      if (isFine) return
      context.addIssue({
        code: 'custom',
        path: ['return_url'],
        ...issue('invalid-input', 'expected a URL at one of the origins, without a user name and a password'),
      })
    })
    .meta({ id: 'CheckoutSessionRequest', description: 'What a checkout session is for' })
}

export type SessionRequest = z.output<ReturnType<typeof sessionSchema>>
