import type { Checkout, TokenizedBatch, TokenizedCheckout } from './api.ts'
import type { Call } from './call.ts'
import type { CallOptions, CallVault } from './send-call.ts'

/** Stores what a shopper entered. */
export class Checkouts {
  readonly #call: CallVault

  constructor(call: CallVault) {
    this.#call = call
  }

  /** Stores the parts of a checkout, all or none, and gives their tokens and masked views. */
  tokenize(checkout: Checkout, options?: CallOptions): Call<TokenizedCheckout> {
    return this.#call({ method: 'POST', path: '/v1/tokenize', body: checkout }, options)
  }

  /** Stores up to 1,000 checkouts. Each succeeds or fails by itself, with a status of its own, in the order given. */
  tokenizeMany(checkouts: readonly Checkout[], options?: CallOptions): Call<TokenizedBatch> {
    return this.#call({ method: 'POST', path: '/v1/tokenize/batch', body: { items: checkouts } }, options)
  }
}
