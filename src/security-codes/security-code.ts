import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import { digestFacts } from '../keys/sealing/row-facts.ts'
import type { SealContext } from '../keys/sealing/seal-context.ts'
import type { Token } from '../records/record/token.ts'
import { RANDOM_NAME, randomName } from '../values/identifier.ts'
import type { RandomBytes } from '../values/random.ts'

/** The place of a security code: which card it is for, and until when. */
export interface CodePlace {
  id: string
  site: string
  card: Token
  expiresAt: Date
}

/** A code as it is stored: sealed to each process that can open it. Nothing in it says which card it is for. */
export interface StoredCode {
  id: string
  expiresAt: Date
  /** Public keys. */
  recipients: readonly Buffer[]
  /** In the order of the recipients. */
  seals: readonly Buffer[]
  mac: Buffer
}

/** How long a code is kept at the most. */
export const MAX_MINUTES = 60
/** How often a process says that it lives. */
export const PUBLISH_EVERY_MS = 20_000

const CODE_ID = new RegExp(`^cvc_${RANDOM_NAME}$`)

export function newCodeId(randomBytes: RandomBytes): string {
  return `cvc_${randomName(randomBytes)}`
}

export function isCodeId(text: string): boolean {
  return CODE_ID.test(text)
}

/** What a sealed code is bound to: with another card, site, end or recipient it does not open. */
export function codeContext({ id, site, card, expiresAt }: CodePlace, recipient: Buffer): SealContext {
  const facts = digestFacts(['security-code', String(Number(expiresAt)), recipient.toString('base64')])
  return { site, kind: 'security-code', token: card, part: id, version: 1, facts }
}

/** What the MAC of a stored code is over. Public keys seal for anyone, so that a seal does not say who made it. */
export function codeText({ id, site, card, expiresAt }: CodePlace, stored: Sealings): string {
  const seals = [...stored.recipients, ...stored.seals].map((bytes) => hash('sha256', bytes, 'base64'))
  return canonicalize({ id, site, card, expires_at: String(Number(expiresAt)), seals }) ?? ''
}

type Sealings = Pick<StoredCode, 'recipients' | 'seals'>
