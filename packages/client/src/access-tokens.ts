import type { Exchange, Outgoing } from './exchange.ts'
import { base64, type SigningKey, signJws, utf8 } from './jws.ts'
import { problemOf } from './read-answer.ts'
import type { ServerClock } from './server-clock.ts'

/** How the client proves who it is. */
export type Credentials =
  | { clientId: string; clientSecret: string }
  /** Signs an assertion (RFC 7523). `audience` is the vault's issuer or token endpoint, if it is not the one of `url`. */
  | { clientId: string; privateKey: SigningKey; keyId?: string; audience?: string }
  /** Proves itself by the certificate of the connection (RFC 8705), which the given `fetch` sends. */
  | { clientId: string; certificate: true }
  /** An access token from elsewhere, as of `strongroom staff token`; a function is asked for each request. */
  | { accessToken: string | (() => string | Promise<string>) }

export type ClientCredentials = Exclude<Credentials, { accessToken: unknown }>

/** A token is renewed so long before its end that none ends on its way. */
const RENEW_BEFORE_MS = 30_000
const TOKEN_PATH = '/oauth/token'
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
/** An assertion is for one request. */
const ASSERTION_SECONDS = 60

export interface AccessTokenDeps {
  exchange: Exchange
  clock: ServerClock
  url: URL
  scope: readonly string[] | undefined
  /** Limits one renewal, which serves all calls that wait for it. */
  within: <Result>(work: (signal: AbortSignal) => Promise<Result>) => Promise<Result>
}

/** The access tokens of one client, renewed before they end; calls at the same time share a renewal. */
export class AccessTokens {
  readonly #deps: AccessTokenDeps
  readonly #credentials: ClientCredentials
  #current: { value: string; renewAt: number; endsAt: number } | undefined
  #renewal: Promise<string> | undefined

  constructor(credentials: ClientCredentials, deps: AccessTokenDeps) {
    this.#credentials = credentials
    this.#deps = deps
  }

  /** @throws {VaultProblem} when the vault gives no token, with what `fetch` throws when there is no answer */
  async current(): Promise<string> {
    const { clock } = this.#deps
    if (this.#current !== undefined && clock.local() < this.#current.renewAt) return this.#current.value
    this.#renewal ??= this.#renew().finally(() => {
      this.#renewal = undefined
    })
    try {
      return await this.#renewal
    } catch (error) {
      const { value, endsAt } = this.#current ?? { endsAt: 0 }
      if (value !== undefined && clock.local() < endsAt) return value
      throw error
    }
  }

  /** The vault has refused this token before its end. */
  discard(token: string): void {
    if (this.#current?.value === token) this.#current = undefined
  }

  async #renew(): Promise<string> {
    const { exchange, clock, within } = this.#deps
    const { status, headers, bytes } = await within((signal) => exchange.send(this.#request(), signal))
    if (status !== 200) throw problemOf({ status, headers, bytes })
    const { access_token, expires_in } = JSON.parse(new TextDecoder().decode(bytes))
    const endsAt = clock.local() + expires_in * 1000
    // A token with a short life is used for half of it.
    const renewAt = Math.max(endsAt - RENEW_BEFORE_MS, endsAt - expires_in * 500)
    this.#current = { value: access_token, renewAt, endsAt }
    return access_token
  }

  #request(): Outgoing {
    const { scope } = this.#deps
    const form = { grant_type: 'client_credentials', ...(scope === undefined ? {} : { scope: scope.join(' ') }) }
    const request = { method: 'POST', path: TOKEN_PATH, proves: true }
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const credentials = this.#credentials
    if ('clientSecret' in credentials) {
      const pair = [credentials.clientId, credentials.clientSecret].map(encodeURIComponent).join(':')
      const authorization = `Basic ${base64(utf8(pair))}`
      return { ...request, headers: { ...headers, authorization }, body: encoded(form) }
    }
    if ('privateKey' in credentials) {
      const body = async () =>
        encoded({
          ...form,
          client_assertion_type: ASSERTION_TYPE,
          client_assertion: await this.#assertion(credentials),
        })
      return { ...request, headers, body }
    }
    return { ...request, headers, body: encoded({ ...form, client_id: credentials.clientId }) }
  }

  #assertion(credentials: Extract<ClientCredentials, { privateKey: unknown }>): Promise<string> {
    const { clientId, privateKey, keyId, audience = new URL(TOKEN_PATH, this.#deps.url).href } = credentials
    const iat = this.#deps.clock.nowSeconds()
    const claims = {
      iss: clientId,
      sub: clientId,
      aud: audience,
      jti: crypto.randomUUID(),
      iat,
      exp: iat + ASSERTION_SECONDS,
    }
    return signJws(privateKey, { typ: 'JWT', ...(keyId === undefined ? {} : { kid: keyId }) }, claims)
  }
}

const encoded = (form: Record<string, string>) => new URLSearchParams(form).toString()
