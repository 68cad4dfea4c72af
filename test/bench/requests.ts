import { randomUUID } from 'node:crypto'
import type { Prove } from './proofs.ts'

/** What the load asks for. Every card number, customer and e-mail address differs, as they do in a shop. */
export type RequestKind =
  | 'tokenize'
  | 'tokenize-with-customer'
  | 'checkout'
  | 'read'
  | 'reveal'
  | 'forward'
  | 'pay'
  | 'correct'
  | 'audit'
  | 'batch-100'
  | 'batch-1000'
  | 'batch-with-customer'
  | 'batch-contacts'

export interface Target {
  /** Where the server is: scheme, host and port. */
  url: string
  accessToken: string
  /** Makes a proof for each request (DPoP); without it the token is a bearer token. */
  prove?: Prove | undefined
  /** Tokens of stored cards, for reads and reveals; of contacts for corrections; filters for pages of the audit log. */
  tokens: readonly string[]
}

export interface RequestParts {
  method: 'GET' | 'POST' | 'PATCH'
  path: string
  body: string | undefined
  idempotencyKey?: string
}

/** How many cards one request stores or shows. */
export const recordsPerRequest: Readonly<Record<RequestKind, number>> = {
  tokenize: 1,
  'tokenize-with-customer': 1,
  checkout: 1,
  read: 1,
  reveal: 1,
  forward: 1,
  pay: 1,
  correct: 1,
  audit: 1,
  'batch-100': 100,
  'batch-1000': 1000,
  'batch-with-customer': 1000,
  'batch-contacts': 1000,
}

/** Enough that no body repeats within a batch of commits, few enough to be built before the clock starts. */
const PREPARED = 4096
const PREPARED_BATCHES: Partial<Record<RequestKind, number>> = {
  'batch-100': 64,
  'batch-1000': 16,
  'batch-with-customer': 16,
  'batch-contacts': 16,
}
/** Those that go to each of the target's tokens in turn. */
export const goesToTokens = (kind: RequestKind) =>
  kind === 'read' || kind === 'reveal' || kind === 'forward' || kind === 'correct' || kind === 'audit'

/** A request as it goes over the wire. Built beforehand and drawn in turn, so that the load costs little CPU. */
export function createRequests(kind: RequestKind, target: Target): () => Buffer {
  const count = PREPARED_BATCHES[kind] ?? Math.max(PREPARED, goesToTokens(kind) ? target.tokens.length : 0)
  const prepared = Array.from({ length: count }, (_, at) => encode(requestParts(kind, target, at), target))
  let next = 0
  return () => prepared[next++ % count]!
}

/** Requests of which each is built when it is sent: nothing is stored twice. For filling a vault. */
export function createFreshRequests(kind: RequestKind, target: Target): () => Buffer {
  let next = 0
  return () => encode(requestParts(kind, target, next++), target)
}

/**
 * Requests of which each is sent once, the first `ahead` of them built beforehand: a proof counts once, and is signed before
 * the clock starts.
 */
export function createProvenRequests(kind: RequestKind, target: Target, ahead: number): () => Buffer {
  const build = createFreshRequests(kind, target)
  const prepared = Array.from({ length: ahead }, build).reverse()
  return () => prepared.pop() ?? build()
}

export function requestParts(kind: RequestKind, target: Target, at: number): RequestParts {
  const token = target.tokens[at % target.tokens.length] ?? ''
  switch (kind) {
    case 'tokenize':
      return post('/v1/tokenize', { card: card() })
    case 'tokenize-with-customer':
      return post('/v1/tokenize', cardOfCustomer())
    case 'checkout':
      return post('/v1/tokenize', checkout())
    case 'read':
      return { method: 'GET', path: `/v1/tokens/${token}`, body: undefined }
    case 'reveal':
      return post(`/v1/tokens/${token}/reveal`, { purpose: 'process-payment' })
    case 'forward': {
      const sent = {
        destination: 'processor',
        purpose: 'process-payment',
        tokens: { card: token },
        input: { amount: 1 },
      }
      return { ...post('/v1/forward', sent), idempotencyKey: randomUUID() }
    }
    case 'pay': {
      const { number, holder_name } = card()
      return post('/v1/payments', { card: { number, expiry: '1231', holder: holder_name }, amount: 1 })
    }
    case 'correct':
      return { ...post(`/v1/tokens/${token}`, { phone: singaporePhone() }), method: 'PATCH' }
    case 'audit':
      return { method: 'GET', path: `/v1/audit/events?${token}`, body: undefined }
    case 'batch-with-customer':
      return batch(kind, cardOfCustomer)
    case 'batch-contacts':
      return batch(kind, () => ({ customer: customer(), contact: contact() }))
    default:
      return batch(kind, () => ({ card: card() }))
  }
}

function batch(kind: RequestKind, item: () => unknown): RequestParts {
  return post('/v1/tokenize/batch', { items: Array.from({ length: recordsPerRequest[kind] }, item) })
}

function post(path: string, body: unknown): RequestParts {
  return { method: 'POST', path, body: JSON.stringify(body) }
}

function encode({ method, path, body, idempotencyKey }: RequestParts, { url, accessToken, prove }: Target): Buffer {
  const headers = [`${method} ${path} HTTP/1.1`, `Host: ${new URL(url).host}`]
  if (prove === undefined) headers.push(`Authorization: Bearer ${accessToken}`)
  else headers.push(`Authorization: DPoP ${accessToken}`, `DPoP: ${prove(method, `${url}${path}`, accessToken)}`)
  if (idempotencyKey !== undefined) headers.push(`Idempotency-Key: ${idempotencyKey}`)
  if (body !== undefined) headers.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`)
  return Buffer.from(`${headers.join('\r\n')}\r\n\r\n${body ?? ''}`, 'utf8')
}

function card() {
  return { number: cardNumber(), exp_month: 12, exp_year: 2031, holder_name: 'Tan Mei Ling' }
}

/** A card that is found in two ways. */
function cardOfCustomer() {
  return { customer: customer(), card: card() }
}

const customer = () => `cus_${Math.floor(Math.random() * 1e9)}`
const singaporePhone = () => `+65 6${String(Math.floor(Math.random() * 1e7)).padStart(7, '0')}`

function contact() {
  return {
    name: 'Tan Mei Ling',
    email: `mei.${Math.floor(Math.random() * 1e9)}@example.sg`,
    phone: singaporePhone(),
  }
}

function checkout() {
  const serial = Math.floor(Math.random() * 1e9)
  const address = {
    name: 'Tan Mei Ling',
    line1: '1 Raffles Place',
    line2: 'Unit 20-61 Tower One',
    city: 'Singapore',
    postal_code: '048616',
    country: 'SG',
  }
  return {
    customer: `cus_${serial}`,
    policy_version: '2026-11-01',
    consents: ['store-card'],
    card: card(),
    billing_address: address,
    shipping_address: { ...address, phone: '+65 6123 4567', instructions: 'Leave it with the neighbour' },
    contact: { name: 'Tan Mei Ling', email: `mei.${serial}@example.sg`, phone: '+65 6123 4567' },
  }
}

/** Sixteen digits of the test range, random but for the check digit (ISO/IEC 7812-1, Luhn). */
function cardNumber(): string {
  const digits = `42424${String(Math.floor(Math.random() * 1e10)).padStart(10, '0')}`
  let sum = 0
  for (let at = 0; at < digits.length; at++) {
    // The check digit comes last, so every second digit from the first one on is doubled.
    const value = digits.charCodeAt(at) - 48
    sum += at % 2 === 0 ? (value > 4 ? 2 * value - 9 : 2 * value) : value
  }
  return `${digits}${(10 - (sum % 10)) % 10}`
}
