import { auditCaller, type Caller } from '../access/policy/caller.ts'
import type { RequestFacts } from '../records/dependencies.ts'
import type { CommitReplay } from '../records/idempotency/idempotency.ts'
import { Problem } from '../values/problem.ts'
import type { KeptForward } from './commit-intent.ts'
import type { ForwardDeps } from './dependencies.ts'
import { settleUnknown } from './end-forward.ts'
import { forward } from './forward.ts'
import { answerOf, type Forward, type ForwardAnswer } from './forward-record.ts'
import type { ForwardRequest } from './forward-request.ts'
import { selectForward } from './forward-store.ts'
import type { Permitted } from './permit-forward.ts'
import { openForward } from './sealed-forwards.ts'

/**
 * Answers a request whose Idempotency-Key was used. What was answered is answered again, with an event. Nothing is sent,
 * unless the outcome is unknown and the caller asks to send again.
 *
 * @throws {Problem} forward-outcome-unknown; request-in-flight while a server sends it; record-gone; those of `forward`
 */
export async function repeatForward(
  deps: ForwardDeps,
  caller: Caller,
  request: ForwardRequest,
  repeated: {
    kept: KeptForward
    commit: CommitReplay
    permitted: Permitted
    facts: RequestFacts
    /** Whether the caller has decided to send it again. */
    resend: boolean
  },
): Promise<ForwardAnswer | Problem> {
  const { kept, commit, permitted, facts, resend } = repeated
  const earlier = await findForward(deps, kept)
  if (earlier.state === 'answered') {
    await commit(replayEvents(deps, caller, earlier, facts))
    return answerOf(earlier)
  }
  if (!resend) throw new Problem('forward-outcome-unknown')
  return forward(deps, caller, request, { permitted, facts, attempt: { earlier } })
}

async function findForward(deps: ForwardDeps, { forward: id }: KeptForward): Promise<Forward> {
  const stored = await selectForward(deps.database, id)
  // Its row ends with that of the key.
  if (stored === undefined) throw new Problem('forward-outcome-unknown')
  if (stored.state !== 'sending') return openForward(deps.keys, stored)
  if (stored.deadline > deps.now()) throw new Problem('request-in-flight', { retryAfterSeconds: 1 })
  return settleUnknown(deps, stored)
}

function replayEvents(
  { newAuditEvent }: Pick<ForwardDeps, 'newAuditEvent'>,
  caller: Caller,
  { facts: { released, site } }: Forward,
  facts: RequestFacts,
) {
  const about = { request_id: facts.requestId, caller: auditCaller(caller, facts), site }
  const repeated = released.length === 0 ? [{}] : released.map(({ token, event }) => ({ token, replay_of: event }))
  return repeated.map((one) => newAuditEvent({ type: 'request.replay', outcome: 'success', ...about, ...one }))
}
