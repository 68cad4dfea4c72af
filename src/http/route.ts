import type { z } from 'zod'
import type { Problem } from '../values/problem.ts'
import type { ProblemCode } from '../values/problem-codes.ts'
import type { Source } from './source/source.ts'

/** What a request brings to prove who sends it. Only the connection's certificate and the source are verified. */
export interface RequestCredentials {
  authorization: string | undefined
  /** The DPoP header (RFC 9449 section 4.1). */
  proof: string | undefined
  method: string
  /** The URL of the request without its query, under each name that the server goes by. */
  urls: () => readonly string[]
  /** The client certificate of this connection (RFC 8705): from the TLS socket, never from a header. */
  certificate: () => PeerCertificate | undefined
  source: Source
}

/** A certificate whose private key the peer has proved to hold. */
export interface PeerCertificate {
  der: Buffer
  /** Whether an authority that the operator trusts has signed it and not revoked it, and it was valid at the handshake. */
  isTrusted: boolean
}

/** One value per header, lower-case names. */
export type RequestHeaders = Readonly<Record<string, string | undefined>>

/** What a handler gets: parsed values, never the raw request. `C` is the authenticated caller. */
export interface RouteRequest<C, B = unknown, Q = unknown> {
  requestId: string
  /** Present unless the route is public. */
  caller: C
  /** Path parameters, decoded, not yet parsed. */
  params: Readonly<Record<string, string>>
  query: Q
  body: B
  /** The body's bytes as they came, until the handler is done; for the hash of an idempotent request. */
  bodyBytes: Uint8Array
  /** The parsed body before any schema, for the same purpose. */
  bodyValue: unknown
  headers: RequestHeaders
  source: Source
  credentials: RequestCredentials
}

export interface Answer {
  status: number
  body?: unknown
  /** Defaults to JSON. A string or a buffer is sent as it is. */
  contentType?: string
  headers?: Readonly<Record<string, string>>
  /** Headers in place of those that every answer of the API has, for a document that a browser shows. */
  documentHeaders?: Readonly<Record<string, string>>
  /** The problem in this answer, for the log. */
  problem?: Problem
}

/** What a request asks for, as far as its event may say so: names that the vault knows, never a value. */
export interface Asked {
  fields?: readonly string[] | undefined
  purpose?: string | undefined
}

/** A refused request, for the audit log. */
export interface Refusal<C> {
  problem: Problem
  requestId: string
  route: string
  caller?: C | undefined
  token?: string | undefined
  source: Source
  /** The client that a request for a token claims to come from, if the claim has the form of an id. */
  claimedClient?: string | undefined
  asked?: Asked | undefined
  /** Whether it is answered as it is even where its event cannot be written: it says nothing of a record or a caller. */
  isAnsweredAnyway: boolean
}

interface RouteResponse {
  description: string
  schema?: z.ZodType
  /** Defaults to JSON; for the documentation. */
  contentType?: string
}

/** The parts of the documentation, in their order. */
export const ROUTE_TAGS = {
  Tokens: 'Get an access token, and find out how to check one',
  Records: 'Store, show, reveal, find, compare, correct and erase records',
  Checkout: 'Let the browser of a shopper store a checkout',
  Forward: 'Send a stored card to a processor without seeing it',
  'Security codes': 'Keep the security code of a card for one payment',
  Approvals: 'Decide on releases that need a second person',
  Privacy: 'Read the privacy policy, keep what shoppers agreed to, and answer what they ask',
  'Audit log': 'Read the audit log and verify it',
  Vault: 'Health and documentation',
} as const

type RouteTag = keyof typeof ROUTE_TAGS

/**
 * One call of the API: what it takes, who may call it, what it answers. The OpenAPI document is made from the same
 * schemas.
 */
export interface Route<C, B = unknown, Q = unknown> {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** In Express's notation: `/v1/tokens/:token`. */
  path: string
  /** What generated clients call it. Never renamed. */
  operationId: string
  /** The part of the documentation that it belongs to. */
  tag: RouteTag
  summary: string
  /** What the summary does not say, for the documentation. */
  description?: string
  /** `public`, or the scopes of which the caller needs at least one. */
  access: 'public' | readonly string[]
  /** Whether the browser of a shopper may call it too, in its checkout session. */
  admitsShoppers?: true
  /** Whether a refusal is an audit event; true for everything but public documents. */
  audited: boolean
  /** Codes of refusals that are not events: they reveal nothing that the caller may not know. */
  silentRefusals?: readonly ProblemCode[]
  /** Also answered by a sealed vault, since it needs no key. */
  answersSealed?: true
  /** Also answered while the database is older than what the vault has signed. */
  answersOlder?: true
  /** Answered for any Host: a health check often knows only an address. */
  answersAnyHost?: true
  /**
   * Its statement proves that the caller is still what it was (`Caller.presumption`), and does nothing otherwise. Anything
   * else with an effect comes after a statement that has proved it.
   */
  provesCaller?: true
  /** Refusals have the form of RFC 6749 section 5.2, with the members of a problem beside `error`. */
  refusesAsOAuth?: true
  /** The scopes of `access` that a caller needs for what the path names; default: all of them. */
  scopesFor?(params: Readonly<Record<string, string>>): readonly string[]
  /** What the path's parameters are, for the documentation; default: texts. */
  params?: Readonly<Record<string, z.ZodType>>
  body?: z.ZodType<B>
  /** What the documentation says of the body where its schema leaves a part of the parsing to the use case. */
  describedBody?: z.ZodType
  /** Bodies that succeed, by what they show; the viewer of the documentation sends the first. */
  examples?: Readonly<Record<string, unknown>>
  /** Also take `application/x-www-form-urlencoded`, as RFC 6749 has it. */
  acceptsForm?: true
  /** Also take the media types of reports that browsers send. */
  acceptsReports?: true
  query?: z.ZodType<Q>
  maxBodyBytes?: number
  /** Called with the body before it is validated: what is limited must not tell good input from bad. */
  limit?(request: { caller: C; source: Source; body: unknown; headers: RequestHeaders }): Promise<void>
  /** What a body asks for, good or bad, for the event of a refusal. */
  asked?(body: unknown): Asked
  /** The client that a request for a token claims to come from, for the event of a refusal. */
  claimedClient?(authorization: string | undefined, body: unknown): string | undefined
  /** Whether the `Idempotency-Key` header is honoured; for the documentation. */
  idempotent?: true
  /** The codes of its own refusals, beside those that follow from the members above; for the documentation. */
  problems?: readonly ProblemCode[]
  responses: Readonly<Record<number, RouteResponse>>
  handle(request: RouteRequest<C, B, Q>): Promise<Answer> | Answer
}

/** Lets the schemas give the types of `body` and `query`, and forgets them again so that routes fit in one list. */
export function route<C, B = undefined, Q = undefined>(definition: Route<C, B, Q>): Route<C> {
  return definition as unknown as Route<C>
}

/** What `Allow` says of each path. HEAD is answered on every path with GET. */
export function methodsByPath<C>(routes: readonly Route<C>[]): Map<string, string[]> {
  const methods = new Map<string, string[]>()
  for (const { path, method } of routes) {
    methods.set(path, [...(methods.get(path) ?? []), ...(method === 'GET' ? ['GET', 'HEAD'] : [method])])
  }
  return methods
}
