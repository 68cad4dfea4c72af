import { type CheckoutPart, checkoutParts } from '../kinds/checkout-parts.ts'
import { RANDOM_NAME, randomName } from '../values/identifier.ts'
import type { RandomBytes } from '../values/random.ts'

/** A part of a checkout, or the security code of its card, which is kept for one use and is no record. */
export type SessionPart = CheckoutPart | 'security_code'

export const sessionParts = [...Object.keys(checkoutParts), 'security_code'] as readonly SessionPart[]

/** What the shop decides when it opens a session, and the client that did so. All of it is sealed. */
export interface SessionFacts {
  /** The client that opened the session. It alone may ask for its state. */
  client: string
  role: string | undefined
  site: string
  partner: string | undefined
  /** The origins whose pages may show the fields and use the token, such as `https://shop.example`. */
  origins: readonly string[]
  customer: string | undefined
  policyVersion: string | undefined
  /** The consents that the page asks for, by name. */
  consents: readonly string[]
  /** The parts of a checkout that the page asks for. */
  parts: readonly SessionPart[]
  /** Where the hosted page leads back to, at one of the origins. */
  returnUrl: string | undefined
  /** A language tag (BCP 47). */
  locale: string
}

/** A single-use session in which a shopper's browser stores one checkout. */
export interface CheckoutSession extends SessionFacts {
  id: string
  expiresAt: Date
}

export type SessionState = 'open' | 'completed' | 'expired'

const SESSION_ID = new RegExp(`^cs_${RANDOM_NAME}$`)

/** 128 random bits: who knows the id may fill in the page of the session, and reads nothing. */
export function newSessionId(randomBytes: RandomBytes): string {
  return `cs_${randomName(randomBytes)}`
}

export function isSessionId(text: string): boolean {
  return SESSION_ID.test(text)
}

/** The one Idempotency-Key of a session: it makes two submits of a checkout one, and a second checkout impossible. */
export const SESSION_KEY = 'checkout'

const KEPT_FOR_MS = 24 * 60 * 60 * 1000

/** Until when a session and the answer to its checkout are kept: a day after its end. */
export function keptUntil({ expiresAt }: Pick<CheckoutSession, 'expiresAt'>): Date {
  return new Date(expiresAt.getTime() + KEPT_FOR_MS)
}

/** What ended before then is kept no longer. */
export function lastEndKept(now: Date): Date {
  return new Date(now.getTime() - KEPT_FOR_MS)
}

/** Under which the key of a session is kept. */
export function ownerOf({ id, client, site }: CheckoutSession) {
  return { id: client, site, session: id }
}
