import { auditCaller, type Caller } from '../access/policy/caller.ts'
import type { Presumption } from '../access/policy/presumption.ts'
import type { AuditCaller } from '../audit/event/audit-event.ts'
import type { Destination } from '../destinations/destination.ts'
import { checkInput } from '../destinations/request/check-input.ts'
import { type DescribedRequest, describeRequest } from '../destinations/request/describe-request.ts'
import type { RequestFacts } from '../records/dependencies.ts'
import { Problem } from '../values/problem.ts'
import type { ForwardDeps } from './dependencies.ts'
import type { ForwardRequest } from './forward-request.ts'
import {
  byRole,
  consumeTokens,
  nameTokens,
  nameTokensOf,
  type OpenedToken,
  openNamed,
  openTokens,
} from './open-tokens.ts'
import type { Permitted } from './permit-forward.ts'
import { requireUseOfCode } from './prepare-forward.ts'

/** A correction can come between opening and committing once or twice, hardly three times. */
const ATTEMPTS = 3

/** What a request would be, and the event that says that it was shown. */
export interface Preview {
  request: DescribedRequest
  event: string
}

type PreviewDeps = Pick<
  ForwardDeps,
  | 'alert'
  | 'batches'
  | 'budgets'
  | 'database'
  | 'destinations'
  | 'erasures'
  | 'keys'
  | 'lookUp'
  | 'newAuditEvent'
  | 'now'
  | 'policies'
  | 'probes'
>

/**
 * Shows the request that would be sent, with its values masked and its secrets named. Nothing is sent, no code is used, and no
 * secret part is opened.
 *
 * @throws {Problem} those of `forward`, but none of a destination
 */
export async function previewForward(
  deps: PreviewDeps,
  caller: Caller,
  request: ForwardRequest,
  { permitted: { destination, budget }, facts }: { permitted: Permitted; facts: RequestFacts },
): Promise<Preview> {
  checkInput(destination, request)
  requireUseOfCode(destination, request)
  const named = await nameTokensOf(deps, caller, destination, request.tokens)
  const { purpose } = request
  await consumeTokens(deps, caller, purpose, { named, budget })
  return show(deps, destination, request, {
    by: auditCaller(caller, facts),
    site: caller.site,
    owner: caller.id,
    requestId: facts.requestId,
    presumption: caller.presumption,
    open: () => openTokens(deps, caller, { named, purpose, part: 'display' }),
  })
}

/**
 * The same for an operator, of records of a site and for the first purpose of the destination.
 *
 * @throws {Problem} destination-not-found, record-not-found, record-gone, invalid-input
 */
export async function previewForOperator(
  deps: PreviewDeps,
  operator: AuditCaller,
  { site, ...asked }: Omit<ForwardRequest, 'purpose'> & { site: string },
): Promise<Preview> {
  const destination = await deps.destinations.find(asked.destination)
  if (destination === undefined) throw new Problem('destination-not-found')
  const [purpose] = destination.purposes
  const request = { ...asked, purpose }
  checkInput(destination, request)
  requireUseOfCode(destination, request)
  const named = nameTokens(destination, request.tokens)
  await deps.keys.ensureFresh()
  return show(deps, destination, request, {
    by: operator,
    site,
    owner: operator.id,
    open: () => openNamed(deps, { owner: operator.id, site }, { named, purpose, part: 'display' }),
  })
}

/** Who looks, and at what. */
interface Look {
  by: AuditCaller
  site: string
  owner: string
  requestId?: string
  presumption?: Presumption | undefined
  open: () => Promise<OpenedToken[]>
}

async function show(
  deps: PreviewDeps,
  destination: Destination,
  { purpose, input, headers, method, securityCode }: ForwardRequest,
  { by, site, owner, requestId, presumption, open }: Look,
): Promise<Preview> {
  const hasCode = securityCode !== undefined
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const opened = await open()
    const described = describeRequest(destination, byRole(opened), { method, input, headers, hasCode })
    const event = deps.newAuditEvent({
      type: 'forward.preview',
      outcome: 'success',
      request_id: requestId,
      caller: by,
      site,
      tokens: opened.map(({ token }) => token),
      purpose,
      partner: destination.partner,
      subject: destination.name,
    })
    const records = opened.map(({ record }) => record)
    const match = { owner, presumption, events: [event], records, now: deps.now() }
    if (await deps.batches.commitMatch(match)) return { request: described, event: event.id }
  }
  throw new Problem('record-changed', { retryAfterSeconds: 1 })
}
