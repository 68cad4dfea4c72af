import type { ConsentChange, ConsentsChanged, PrivacyPolicy, ReceiptKeys } from './api.ts'
import type { Call } from './call.ts'
import type { CallOptions, CallVault } from './send-call.ts'

/** The privacy policy, and what shoppers agree to. */
export class Privacy {
  readonly #call: CallVault

  constructor(call: CallVault) {
    this.#call = call
  }

  /** A version of the privacy policy; without one the newest. */
  policy(version?: string, options?: CallOptions): Call<PrivacyPolicy> {
    const path = version === undefined ? PATH : `${PATH}/${encodeURIComponent(version)}`
    return this.#call({ method: 'GET', path, isPublic: true }, options)
  }

  /** The public keys of receipts of consents. */
  receiptKeys(options?: CallOptions): Call<ReceiptKeys> {
    return this.#call({ method: 'GET', path: `${PATH}/receipt-keys`, isPublic: true }, options)
  }

  /** Gives and withdraws consents of a customer; the answer has a receipt for the shopper. */
  changeConsents(change: ConsentChange, options?: CallOptions): Call<ConsentsChanged> {
    return this.#call({ method: 'POST', path: '/v1/customers/consents', body: change }, options)
  }
}

const PATH = '/v1/privacy-policy'
