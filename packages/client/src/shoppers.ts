import type {
  CustomerErased,
  CustomerErasure,
  CustomerReportRequest,
  NewPrivacyRequest,
  operations,
  PrivacyRequest,
  PrivacyRequestChange,
  PrivacyRequestPage,
} from './api.ts'
import type { Call } from './call.ts'
import { Pages } from './pages.ts'
import type { CallOptions, CallVault } from './send-call.ts'

/** Which requests a list has; `limit` is the size of its pages. */
export type PrivacyRequestFilter = Omit<NonNullable<operations['listPrivacyRequests']['parameters']['query']>, 'after'>

/** What shoppers ask, and the answers. */
export class Shoppers {
  readonly #call: CallVault

  constructor(call: CallVault) {
    this.#call = call
  }

  /** Opens the request of a shopper. The law that it names says until when it must be answered. */
  openRequest(request: NewPrivacyRequest, options?: CallOptions): Call<PrivacyRequest> {
    return this.#call({ method: 'POST', path: '/v1/requests', body: request }, options)
  }

  /** The requests that the caller may see, the oldest first. */
  requests(filter: PrivacyRequestFilter = {}, options?: CallOptions): Pages<PrivacyRequest, PrivacyRequestPage> {
    return new Pages<PrivacyRequest, PrivacyRequestPage>(
      (after) => this.#call({ method: 'GET', path: '/v1/requests', query: { ...filter, after } }, options),
      ({ requests }) => requests,
    )
  }

  getRequest(id: string, options?: CallOptions): Call<PrivacyRequest> {
    return this.#call({ method: 'GET', path: pathOf(id) }, options)
  }

  /** Records the proof of identity, who is in charge, and the outcome. */
  changeRequest(id: string, change: PrivacyRequestChange, options?: CallOptions): Call<PrivacyRequest> {
    return this.#call({ method: 'PATCH', path: pathOf(id), body: change, repeatsBy: 'nothing' }, options)
  }

  /** Everything that is held of a shopper, and every disclosure of it: a zip with `report.json` and `report.html`. */
  report(request: CustomerReportRequest, options?: CallOptions): Call<Uint8Array> {
    const path = '/v1/customers/report'
    return this.#call({ method: 'POST', path, body: request, answer: 'bytes', repeatsBy: 'nothing' }, options)
  }

  /** Erases all records of a customer; those that a hold keeps go once it is released. */
  erase(erasure: CustomerErasure, options?: CallOptions): Call<CustomerErased> {
    return this.#call({ method: 'POST', path: '/v1/customers/erase', body: erasure }, options)
  }
}

const pathOf = (id: string) => `/v1/requests/${encodeURIComponent(id)}`
