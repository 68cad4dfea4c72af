import type {
  Checkout,
  CheckoutSession,
  CheckoutSessionRequest,
  KeptSecurityCode,
  OpenedCheckoutSession,
  SecurityCode,
  TokenizedBatch,
  TokenizedCheckout,
} from './api.ts'
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

  /**
   * Opens a session in which the shopper's browser stores one checkout. It is repeated only when the vault says that it has opened
   * none.
   */
  openSession(session: CheckoutSessionRequest, options?: CallOptions): Call<OpenedCheckoutSession> {
    return this.#call({ method: 'POST', path: '/v1/checkout-sessions', body: session, repeatsBy: 'nothing' }, options)
  }

  /** The state of a session, with the tokens of what the shopper stored. */
  getSession(id: string, options?: CallOptions): Call<CheckoutSession> {
    return this.#call({ method: 'GET', path: `/v1/checkout-sessions/${encodeURIComponent(id)}` }, options)
  }

  /** Keeps the security code of a card for one forward. It is repeated only when the vault says that it has kept none. */
  keepSecurityCode(code: SecurityCode, options?: CallOptions): Call<KeptSecurityCode> {
    return this.#call({ method: 'POST', path: '/v1/security-codes', body: code, repeatsBy: 'nothing' }, options)
  }
}
