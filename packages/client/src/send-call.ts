import { AccessTokens, type Credentials } from './access-tokens.ts'
import { within } from './attempt-time.ts'
import type { Answer, Call } from './call.ts'
import { VaultProblem, VaultUnreachable } from './errors.ts'
import { Exchange } from './exchange.ts'
import type { SigningKeyPair } from './jws.ts'
import { type AnswerForm, problemOf, readBody } from './read-answer.ts'
import { pause, pauseBeforeRetry } from './retry.ts'
import { ServerClock } from './server-clock.ts'

export interface VaultClientOptions {
  /** Where the vault is: `https://vault.example.com`. */
  url: string | URL
  /** Who the client is. Without it only public calls can be made. */
  credentials?: Credentials
  /**
   * Binds access tokens to a key, so that a stolen token is worth nothing (RFC 9449). `true` makes a key that cannot be
   * exported; a pair is one that lives elsewhere.
   */
  dpop?: boolean | SigningKeyPair
  /** Asks for fewer scopes than the client has. */
  scope?: readonly string[]
  /** Sends the requests. `createNodeFetch` makes one that knows an authority or has a certificate. */
  fetch?: typeof fetch
  /** How long a call may take with all its attempts: 30 seconds. */
  timeoutMs?: number
  /** How long one attempt may take: 10 seconds. */
  attemptTimeoutMs?: number
  /** How often a call is repeated at most: 5. */
  retries?: number
  /** The clock of this machine, in milliseconds. The time of the vault is learned from its answers. */
  now?: () => number
}

/** What can be said for a single call. */
export interface CallOptions {
  signal?: AbortSignal
  timeoutMs?: number
  retries?: number
  /** The shop's own key, such as the id of an order, so that another process can repeat the call too. */
  idempotencyKey?: string
}

/** A call as `request` takes it. */
export interface VaultRequest {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** With its values encoded: `/v1/tokens/card_…`. */
  path: string
  query?: Readonly<Record<string, string | number | undefined>> | undefined
  /** Sent as JSON. */
  body?: unknown
  /** The form of the answer: `json`. */
  answer?: AnswerForm
  /** Sent without an access token. */
  isPublic?: boolean
  /**
   * What makes it safe to send the request again when no answer came. `key`, for POST: an Idempotency-Key. `method`, for
   * GET: it changes nothing. `nothing`, for others: it is repeated only when the vault says that it has done nothing.
   */
  repeatsBy?: 'key' | 'method' | 'nothing'
}

/** What the groups of calls are made of. */
export type CallVault = <Data>(request: VaultRequest, options?: CallOptions) => Call<Data>

const DEFAULTS = { timeoutMs: 30_000, attemptTimeoutMs: 10_000, retries: 5 }
const REPEATS = { GET: 'method', POST: 'key', PATCH: 'nothing', DELETE: 'nothing' } as const

/** Sends calls with access tokens, and repeats them where that is safe and helps. */
export class CallSender {
  readonly #options: typeof DEFAULTS
  readonly #clock: ServerClock
  readonly #exchange: Exchange
  readonly #tokens: AccessTokens | undefined
  readonly #givenToken: (() => string | Promise<string>) | undefined

  constructor(options: VaultClientOptions) {
    const url = new URL(options.url)
    if (url.protocol !== 'https:') throw new TypeError('the url of the vault must begin with https:')
    const { credentials, dpop = false, scope, fetch: given = fetch, now = Date.now } = options
    const { timeoutMs, attemptTimeoutMs, retries } = { ...DEFAULTS, ...options }
    this.#options = { timeoutMs, attemptTimeoutMs, retries }
    this.#clock = new ServerClock(now)
    // A browser wants its fetch to be called without an object.
    this.#exchange = new Exchange({ url, fetch: (...request) => given(...request), clock: this.#clock, dpop })
    if (credentials === undefined) return
    if ('accessToken' in credentials) {
      const { accessToken } = credentials
      this.#givenToken = typeof accessToken === 'string' ? () => accessToken : accessToken
    } else {
      const timed = <Result>(work: (signal: AbortSignal) => Promise<Result>) =>
        within(attemptTimeoutMs, undefined, () => tooLate(attemptTimeoutMs), work)
      const deps = { exchange: this.#exchange, clock: this.#clock, url, scope, within: timed }
      this.#tokens = new AccessTokens(credentials, deps)
    }
  }

  /** @throws {VaultProblem} {VaultUnreachable} and the reason of the signal */
  async send(request: VaultRequest, options: CallOptions = {}): Promise<Answer<unknown>> {
    const { timeoutMs = this.#options.timeoutMs, retries = this.#options.retries, signal } = options
    const { repeatsBy = REPEATS[request.method] } = request
    const idempotencyKey = repeatsBy === 'key' ? (options.idempotencyKey ?? crypto.randomUUID()) : undefined
    const outgoing = { path: pathOf(request), ...contentOf(request, idempotencyKey) }
    const deadline = this.#clock.local() + timeoutMs
    for (let attempts = 1; ; attempts++) {
      const progress = { isSent: false }
      const limitMs = Math.max(0, Math.min(this.#options.attemptTimeoutMs, deadline - this.#clock.local()))
      try {
        const answer = await within(
          limitMs,
          signal,
          () => tooLate(limitMs),
          (ending) => this.#attempt(request, outgoing, progress, ending),
        )
        return { data: answer.data, response: { ...answer.response, idempotencyKey, attempts } }
      } catch (error) {
        if (error instanceof VaultProblem || error instanceof VaultUnreachable) {
          Object.assign(error, { idempotencyKey, attempts })
        }
        const isRepeatable = repeatsBy !== 'nothing' || !progress.isSent
        const pauseMs = pauseBeforeRetry(error, attempts, isRepeatable)
        if (pauseMs === undefined || attempts > retries || this.#clock.local() + pauseMs > deadline) throw error
        await pause(pauseMs, signal)
      }
    }
  }

  async #attempt(
    request: VaultRequest,
    outgoing: { path: string; headers: Record<string, string>; body?: string },
    progress: { isSent: boolean },
    signal: AbortSignal,
  ): Promise<{
    data: unknown
    response: Pick<Answer<unknown>['response'], 'status' | 'headers' | 'requestId' | 'replayed'>
  }> {
    for (let sends = 1; ; sends++) {
      const accessToken = request.isPublic ? undefined : await this.#accessToken()
      progress.isSent = true
      const sent = { method: request.method, ...outgoing, ...(accessToken === undefined ? {} : { accessToken }) }
      const answer = await this.#exchange.send(sent, signal)
      const { status, headers } = answer
      if (status >= 200 && status < 300) {
        const requestId = headers.get('request-id') ?? undefined
        const replayed = headers.has('idempotent-replayed')
        return { data: readBody(answer, request.answer ?? 'json'), response: { status, headers, requestId, replayed } }
      }
      const problem = problemOf(answer)
      // A token can end early, as when the vault's signing key changes. A new one is tried once.
      if (problem.code !== 'unauthenticated' || accessToken === undefined || sends > 1) throw problem
      if (this.#tokens === undefined) throw problem
      this.#tokens.discard(accessToken)
    }
  }

  #accessToken(): Promise<string> | string | undefined {
    return this.#tokens?.current() ?? this.#givenToken?.()
  }
}

function tooLate(limitMs: number): VaultUnreachable {
  return new VaultUnreachable('timeout', `the vault gave no answer within ${Math.round(limitMs)} ms`)
}

function pathOf({ path, query = {} }: VaultRequest): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value))
  return parameters.size === 0 ? path : `${path}?${parameters}`
}

function contentOf({ body }: VaultRequest, idempotencyKey: string | undefined) {
  return {
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }
}
