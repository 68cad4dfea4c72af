import { Agent } from 'node:https'
import { setTimeout as wait } from 'node:timers/promises'
import { basic, callVault, type VaultAnswer, type VaultCall } from './call-vault.ts'

export interface VaultClientOptions {
  url: string
  /** The certificate authority of the vault's certificate, PEM. */
  ca: string
  clientId: string
  clientSecret: string
  /** How long one order may take, all its attempts together. A shopper waits for it. */
  patienceMs?: number
}

/** What the vault answers for a stored card: its token, and what the shop may show. */
interface MaskedCard {
  token: string
  brand: string
  last4: string
  exp_month: number
  exp_year: number
}

/** The tokens of a checkout; each part is there if the shop sent it. */
export interface StoredCheckout {
  card: MaskedCard
  shipping_address: { token: string }
  contact: { token: string }
}

/** The vault refused the request. A retry gives the same answer: the shopper, or a developer, has to change something. */
export class VaultRefusal extends Error {
  override readonly name = 'VaultRefusal'
  /** 422 is for what the shopper entered; others are faults of the shop or of its credentials. */
  readonly status: number
  /** Stable, unlike the title: see the vault's page of problems. */
  readonly code: string
  /** JSON pointers to the members that are wrong, such as `#/card/number`. */
  readonly pointers: readonly string[]

  constructor({ status, body }: VaultAnswer) {
    const pointers = ((body.errors ?? []) as { pointer: string }[]).map(({ pointer }) => pointer)
    super(`the vault refused it: ${[status, body.code, ...pointers].join(' ')}`)
    this.status = status
    this.pointers = pointers
    this.code = String(body.code)
  }
}

/** The vault gave no answer in time. Nothing is lost: the same order can be sent again. */
export class VaultUnreachable extends Error {
  override readonly name = 'VaultUnreachable'
}

/** An access token is renewed this long before it ends, so that none ends on its way. */
const RENEW_BEFORE_MS = 30_000
const FIRST_PAUSE_MS = 200
const MAX_PAUSE_MS = 3_000
const ONE_ATTEMPT_MS = 5_000

/** Calls the vault as one of its clients. */
export class VaultClient {
  readonly #options: VaultClientOptions
  readonly #agent = new Agent({ keepAlive: true })
  #accessToken: { value: string; usableUntil: number } | undefined

  constructor(options: VaultClientOptions) {
    this.#options = options
  }

  /**
   * Stores a checkout and answers with its tokens. It can be called again with the same key and the same checkout, also by
   * another process: the vault stores it once and repeats its answer for 24 hours.
   *
   * @throws {VaultRefusal} when the vault does not take it
   * @throws {VaultUnreachable} when patience ends
   */
  async tokenize(checkout: object, idempotencyKey: string): Promise<StoredCheckout> {
    const deadline = Date.now() + (this.#options.patienceMs ?? 20_000)
    const answer = await this.#retry(deadline, async () => {
      const call = { method: 'POST', path: '/v1/tokenize', body: checkout } as const
      return this.#callWithToken({ ...call, headers: { 'idempotency-key': idempotencyKey } })
    })
    if (answer.status !== 201) throw new VaultRefusal(answer)
    return answer.body as unknown as StoredCheckout
  }

  close(): void {
    this.#agent.destroy()
  }

  /** Repeats what a repetition can mend: no answer, a busy vault, and a first attempt that is still under way. */
  async #retry(deadline: number, attempt: () => Promise<VaultAnswer>): Promise<VaultAnswer> {
    let pauseMs = FIRST_PAUSE_MS
    for (;;) {
      const answer = await attempt().catch((error: Error) => error)
      const isFinal = !(answer instanceof Error) && answer.retryAfterSeconds === undefined && answer.status < 500
      if (isFinal) return answer
      const askedForMs = answer instanceof Error ? 0 : (answer.retryAfterSeconds ?? 0) * 1000
      // A little chance keeps many processes from coming back in the same moment.
      const nextMs = Math.max(askedForMs, pauseMs * (0.5 + Math.random() / 2))
      if (Date.now() + nextMs > deadline) {
        const reason = answer instanceof Error ? answer.message : `${answer.status} ${answer.body.code}`
        throw new VaultUnreachable(`the vault does not answer: ${reason}`)
      }
      await wait(nextMs)
      pauseMs = Math.min(pauseMs * 2, MAX_PAUSE_MS)
    }
  }

  /** An access token can end early, for example when the vault's signing key changes. Then one new token is tried. */
  async #callWithToken(call: VaultCall): Promise<VaultAnswer> {
    const first = await this.#send(call)
    if (first.status !== 401) return first
    this.#accessToken = undefined
    return this.#send(call)
  }

  async #send(call: VaultCall): Promise<VaultAnswer> {
    const token = await this.#token()
    if (typeof token !== 'string') return token
    return this.#call({ ...call, authorization: `Bearer ${token}` })
  }

  /** The access token that is in use, or a new one; the vault's answer when it gives none. */
  async #token(): Promise<string | VaultAnswer> {
    if (this.#accessToken !== undefined && Date.now() < this.#accessToken.usableUntil) return this.#accessToken.value
    const { clientId, clientSecret } = this.#options
    const form = { grant_type: 'client_credentials' }
    const authorization = basic(clientId, clientSecret)
    const answer = await this.#call({ method: 'POST', path: '/oauth/token', authorization, form })
    if (answer.status !== 200) return answer
    const value = String(answer.body.access_token)
    this.#accessToken = { value, usableUntil: Date.now() + Number(answer.body.expires_in) * 1000 - RENEW_BEFORE_MS }
    return value
  }

  #call(call: VaultCall): Promise<VaultAnswer> {
    const { url, ca } = this.#options
    return callVault({ url, ca, agent: this.#agent }, { ...call, signal: AbortSignal.timeout(ONE_ATTEMPT_MS) })
  }
}
