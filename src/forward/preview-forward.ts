import { auditCaller, type Caller } from '../access/policy/caller.ts'
import { type DescribedRequest, describeRequest } from '../destinations/request/describe-request.ts'
import type { RequestFacts } from '../records/dependencies.ts'
import { Problem } from '../values/problem.ts'
import type { ForwardDeps } from './dependencies.ts'
import type { ForwardRequest } from './forward-request.ts'
import { byRole, consumeTokens, nameTokens, openTokens } from './open-tokens.ts'
import type { Permitted } from './permit-forward.ts'
import { requireUseOfCode } from './prepare-forward.ts'

/** A correction can come between opening and committing once or twice, hardly three times. */
const ATTEMPTS = 3

/** What a request would be, and the event that says that it was shown. */
export interface Preview {
  request: DescribedRequest
  event: string
}

/**
 * Shows the request that would be sent, with its values masked and its secrets named. Nothing is sent, no code is used, and no
 * secret part is opened.
 *
 * @throws {Problem} those of `forward`, but none of a destination
 */
export async function previewForward(
  deps: Pick<ForwardDeps, 'batches' | 'budgets' | 'keys' | 'lookUp' | 'newAuditEvent' | 'now' | 'probes'>,
  caller: Caller,
  request: ForwardRequest,
  { permitted: { destination, budget }, facts }: { permitted: Permitted; facts: RequestFacts },
): Promise<Preview> {
  requireUseOfCode(destination, request)
  const named = await nameTokens(deps, caller, destination, request.tokens)
  const { purpose, input, headers, method } = request
  const hasCode = request.securityCode !== undefined
  await consumeTokens(deps, caller, purpose, { named, budget })
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const opened = await openTokens(deps, caller, { named, purpose, part: 'display' })
    const described = describeRequest(destination, byRole(opened), { method, input, headers, hasCode })
    const event = deps.newAuditEvent({
      type: 'forward.preview',
      outcome: 'success',
      request_id: facts.requestId,
      caller: auditCaller(caller, facts),
      site: caller.site,
      tokens: named.map(({ token }) => token),
      purpose,
      partner: destination.partner,
      subject: destination.name,
    })
    const isShown = await deps.batches.commitMatch({
      owner: caller.id,
      presumption: caller.presumption,
      events: [event],
      records: opened.map(({ record }) => record),
      now: deps.now(),
    })
    if (isShown) return { request: described, event: event.id }
  }
  throw new Problem('record-changed', { retryAfterSeconds: 1 })
}
