import { unreachable } from './errors.ts'
import type { SigningKeyPair } from './jws.ts'
import { createProofKey, type ProofKey, signProof } from './proof-key.ts'
import type { ServerClock } from './server-clock.ts'

export interface ExchangeOptions {
  url: URL
  fetch: typeof fetch
  clock: ServerClock
  dpop: boolean | SigningKeyPair
}

/** One HTTP request. What is signed for it is made when it is sent. */
export interface Outgoing {
  method: string
  /** Below the address of the vault, with its query. */
  path: string
  headers?: Record<string, string>
  body?: string | (() => Promise<string>)
  /** Sent with a proof, if the client has a key for them. */
  accessToken?: string
  /** Whether a proof of the key is sent without an access token, as to the token endpoint. */
  proves?: boolean
}

/** An answer of any status, read to its end. */
export interface Incoming {
  status: number
  headers: Headers
  bytes: Uint8Array
}

/** Credentials go to no other address, cookies nowhere, and answers into no cache. */
const CONFINED: RequestInit = {
  redirect: 'error',
  credentials: 'omit',
  cache: 'no-store',
  referrerPolicy: 'no-referrer',
}

/** A nonce and a corrected clock can both be needed before a request counts. */
const MAX_SENDS = 3

/** Sends single requests: with proofs of the client's key, the nonce that the server wants, and the server's time. */
export class Exchange {
  readonly #options: ExchangeOptions
  #key: Promise<ProofKey> | undefined
  #nonce: string | undefined

  constructor(options: ExchangeOptions) {
    this.#options = options
  }

  /** Gives answers of every status. @throws {VaultUnreachable} */
  async send(outgoing: Outgoing, signal: AbortSignal): Promise<Incoming> {
    for (let sends = 1; ; sends++) {
      const nonceBefore = this.#nonce
      const answer = await this.#sendOnce(outgoing, signal)
      const wasClockWrong = this.#options.clock.correct(answer.headers.get('date'))
      this.#nonce = answer.headers.get('dpop-nonce') ?? nonceBefore
      const isSigned = this.#hasProof(outgoing) || typeof outgoing.body === 'function'
      const isMended = wasClockWrong || (asksForNonce(answer) && this.#nonce !== nonceBefore)
      const isRefused = answer.status === 400 || answer.status === 401
      if (!(isSigned && isRefused && isMended) || sends === MAX_SENDS) return answer
    }
  }

  async #sendOnce(outgoing: Outgoing, signal: AbortSignal): Promise<Incoming> {
    const { method, path, headers, body, accessToken } = outgoing
    const { clock } = this.#options
    const url = new URL(path, this.#options.url)
    const proof = this.#hasProof(outgoing)
      ? await signProof(await this.#proofKey(), {
          method,
          url,
          atSeconds: clock.nowSeconds(),
          accessToken,
          nonce: this.#nonce,
        })
      : undefined
    const text = typeof body === 'function' ? await body() : body
    const scheme = proof === undefined ? 'Bearer' : 'DPoP'
    return this.#fetch(url, {
      method,
      headers: {
        ...headers,
        ...(accessToken === undefined ? {} : { authorization: `${scheme} ${accessToken}` }),
        ...(proof === undefined ? {} : { dpop: proof }),
      },
      ...(text === undefined ? {} : { body: text }),
      signal,
    })
  }

  async #fetch(url: URL, init: RequestInit): Promise<Incoming> {
    const { fetch } = this.#options
    try {
      const response = await fetch(url, { ...init, ...CONFINED })
      const bytes = new Uint8Array(await response.arrayBuffer())
      return { status: response.status, headers: response.headers, bytes }
    } catch (error) {
      throw unreachable(error)
    }
  }

  #hasProof({ accessToken, proves = false }: Outgoing): boolean {
    return this.#options.dpop !== false && (proves || accessToken !== undefined)
  }

  #proofKey(): Promise<ProofKey> {
    const { dpop } = this.#options
    this.#key ??= createProofKey(typeof dpop === 'object' ? dpop : undefined)
    return this.#key
  }
}

/** RFC 9449 sections 8 and 9: the token endpoint says it in the body, a resource in its challenge. */
function asksForNonce({ headers, bytes }: Incoming): boolean {
  const challenge = headers.get('www-authenticate') ?? ''
  return /use_dpop_nonce/.test(challenge) || /"use_dpop_nonce"/.test(new TextDecoder().decode(bytes))
}
