import type {
  Correction,
  Erasure,
  ForwardAnswer,
  ForwardPreview,
  ForwardRequest,
  MaskedRecord,
  MatchAnswer,
  MatchRequest,
  PartnerRelease,
  PartnerReleaseRequest,
  Release,
  RevealManyRequest,
  RevealRequest,
  RevealResults,
  SearchRequest,
  SearchResults,
} from './api.ts'
import type { Call } from './call.ts'
import type { CallOptions, CallVault } from './send-call.ts'

/** Works with stored records by their tokens. */
export class Tokens {
  readonly #call: CallVault

  constructor(call: CallVault) {
    this.#call = call
  }

  /** The masked view of a record. */
  get(token: string, options?: CallOptions): Call<MaskedRecord> {
    return this.#call({ method: 'GET', path: pathOf(token) }, options)
  }

  /** Releases the granted fields of a record for a purpose. */
  reveal(token: string, request: RevealRequest, options?: CallOptions): Call<Release> {
    return this.#call({ method: 'POST', path: `${pathOf(token)}/reveal`, body: request }, options)
  }

  /** Releases the granted fields of a record to the key of a partner: the answer has them as a JWE. */
  release(token: string, request: PartnerReleaseRequest, options?: CallOptions): Call<PartnerRelease> {
    return this.#call({ method: 'POST', path: `${pathOf(token)}/release`, body: request }, options)
  }

  /** Releases up to 100 records for one purpose, each with its own status. */
  revealMany(request: RevealManyRequest, options?: CallOptions): Call<RevealResults> {
    return this.#call({ method: 'POST', path: '/v1/reveal', body: request }, options)
  }

  /**
   * Sends records to a destination of the vault, and gives what it answered. The key is that of the payment, such as the id of
   * the order: after an answer that was lost the same key sends nothing again. `resend` in the request does.
   */
  forward(request: ForwardRequest, options: CallOptions & { idempotencyKey: string }): Call<ForwardAnswer> {
    return this.#call({ method: 'POST', path: '/v1/forward', body: request }, options)
  }

  /** The request that `forward` would send, with its values masked. Nothing is sent. */
  previewForward(request: ForwardRequest, options?: CallOptions): Call<ForwardPreview> {
    return this.#call({ method: 'POST', path: '/v1/forward', body: { ...request, dry_run: true } }, options)
  }

  /** Says whether a record equals values or another record, without releasing either. */
  match(token: string, comparison: MatchRequest, options?: CallOptions): Call<MatchAnswer> {
    return this.#call({ method: 'POST', path: `${pathOf(token)}/match`, body: comparison }, options)
  }

  /** Finds records by the exact customer, e-mail address, telephone number or card number. */
  search(search: SearchRequest, options?: CallOptions): Call<SearchResults> {
    return this.#call({ method: 'POST', path: '/v1/search', body: search }, options)
  }

  /**
   * Corrects an address, a contact or the expiry of a card; null removes an optional field. It takes no idempotency key, so
   * it is not sent again when its answer is lost.
   */
  correct(token: string, correction: Correction, options?: CallOptions): Call<MaskedRecord> {
    return this.#call({ method: 'PATCH', path: pathOf(token), body: correction }, options)
  }

  /** Erases a record with all its versions, and says why. */
  erase(token: string, reason: Erasure = {}, options?: CallOptions): Call<void> {
    return this.#call({ method: 'POST', path: `${pathOf(token)}/erase`, body: reason, answer: 'nothing' }, options)
  }

  /** The same without a reason, as a DELETE. It is not sent again when its answer is lost: prefer `erase`. */
  delete(token: string, options?: CallOptions): Call<void> {
    return this.#call({ method: 'DELETE', path: pathOf(token), answer: 'nothing' }, options)
  }
}

const pathOf = (token: string) => `/v1/tokens/${encodeURIComponent(token)}`
