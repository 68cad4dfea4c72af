import type { Approval, ApprovalDecision, ApprovalPage, operations, ShownApproval } from './api.ts'
import type { Call } from './call.ts'
import { Pages } from './pages.ts'
import type { CallOptions, CallVault } from './send-call.ts'

/** Which requests a list has; `limit` is the size of its pages. */
export type ApprovalFilter = Omit<NonNullable<operations['listApprovals']['parameters']['query']>, 'after'>

/** Releases that wait for a second person, or for a review. */
export class Approvals {
  readonly #call: CallVault

  constructor(call: CallVault) {
    this.#call = call
  }

  /** Those that the filter asks for; without one all open ones. */
  list(filter: ApprovalFilter = {}, options?: CallOptions): Pages<Approval, ApprovalPage> {
    return new Pages<Approval, ApprovalPage>(
      (after) => this.#call({ method: 'GET', path: '/v1/approvals', query: { ...filter, after } }, options),
      ({ approvals }) => approvals,
    )
  }

  /** One request: who asks for which fields of which record, why, and the record masked. */
  get(approval: string, options?: CallOptions): Call<ShownApproval> {
    return this.#call({ method: 'GET', path: pathOf(approval) }, options)
  }

  /** The caller of the request may see the data once, within 15 minutes. */
  approve(approval: string, options?: CallOptions): Call<ApprovalDecision> {
    return this.#decide(approval, 'approve', options)
  }

  refuse(approval: string, options?: CallOptions): Call<ApprovalDecision> {
    return this.#decide(approval, 'refuse', options)
  }

  /** Records that a release that did not wait was reviewed. */
  review(approval: string, options?: CallOptions): Call<ApprovalDecision> {
    return this.#decide(approval, 'review', options)
  }

  #decide(approval: string, decision: string, options?: CallOptions): Call<ApprovalDecision> {
    return this.#call({ method: 'POST', path: `${pathOf(approval)}/${decision}`, repeatsBy: 'nothing' }, options)
  }
}

const pathOf = (approval: string) => `/v1/approvals/${encodeURIComponent(approval)}`
