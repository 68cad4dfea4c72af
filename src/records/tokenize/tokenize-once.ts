import type { Caller } from '../../access/policy/caller.ts'
import type { AuditEvent } from '../../audit/event/audit-event.ts'
import type { Answer, RouteRequest } from '../../http/route.ts'
import { requireKnownPolicy } from '../../policies/require-known-policy.ts'
import type { RecordDeps } from '../dependencies.ts'
import type { Idempotency } from '../idempotency/idempotency.ts'
import { replayEvents, runOnce } from '../idempotency/run-once.ts'
import { type Checkout, type TokenizedCheckout, tokenizeCheckouts } from './tokenize.ts'

/**
 * Stores one checkout, once for each Idempotency-Key.
 *
 * @param more what is done before the records commit, events that commit with them, what is answered in place of the
 *   tokens and masked views, and until when this answer is kept
 * @throws {Problem} those of `tokenizeCheckouts` and of `Idempotency.once`
 */
export function tokenizeOnce(
  deps: RecordDeps & { idempotency: Idempotency },
  request: RouteRequest<Caller, Checkout>,
  more: {
    before?: (answer: TokenizedCheckout) => Promise<void>
    eventsOf?: (answer: TokenizedCheckout) => AuditEvent[]
    answerOf?: (answer: TokenizedCheckout) => object
    keptUntil?: Date
  } = {},
): Promise<Answer> {
  const { answerOf = (answer) => answer } = more
  return runOnce<unknown>(
    deps,
    request,
    'tokenize',
    async (reserve) => {
      const idempotency = reserve && (([answer]: TokenizedCheckout[]) => reserve(answerOf(answer!), more.keptUntil))
      const extra = { idempotency, before: more.before, eventsOf: more.eventsOf }
      requireKnownPolicy(await deps.policies.at(request.caller.policies), request.body.policyVersion)
      const [answer] = await tokenizeCheckouts(deps, request.caller, [request.body], request, extra)
      return { status: 201, body: answerOf(answer!) }
    },
    async (body, commit) => {
      await commit(await replayEvents(deps, request, { type: 'record.tokenize', tokens: tokensIn([body]) }))
      return { status: 201, body }
    },
  )
}

/** The records that answers name, as they were kept. */
export function tokensIn(answers: readonly unknown[]): string[] {
  return answers.flatMap((answer) =>
    Object.values(answer as object).flatMap((part) => {
      const { token } = (typeof part === 'object' && part !== null ? part : {}) as { token?: string }
      return token ?? []
    }),
  )
}
