import type { Caller } from '../access/policy/caller.ts'
import { checkInput } from '../destinations/request/check-input.ts'
import type { RequestFacts } from '../records/dependencies.ts'
import { Problem } from '../values/problem.ts'
import { commitIntent } from './commit-intent.ts'
import type { ForwardDeps } from './dependencies.ts'
import type { ForwardAnswer } from './forward-record.ts'
import type { Attempt, ForwardRequest } from './forward-request.ts'
import { consumeTokens, nameTokensOf } from './open-tokens.ts'
import type { Permitted } from './permit-forward.ts'
import { prepareForward, requireUseOfCode } from './prepare-forward.ts'
import { sendIntent, targetOf } from './send-intent.ts'

/** A correction can come between opening and committing once or twice, hardly three times. */
const ATTEMPTS = 3

/**
 * Sends records to a destination that the caller may send to: opens, builds, commits the intent with its events, sends, and
 * commits the outcome before the answer is returned. Nothing leaves before the intent is durable.
 *
 * @returns a problem whose event is written, after the intent is committed: see `sendIntent`
 * @throws {Problem} invalid-input, unknown-member, budget-spent, those of `prepareForward` and `commitIntent`,
 *   destination-unavailable, record-changed
 */
export async function forward(
  deps: ForwardDeps,
  caller: Caller,
  request: ForwardRequest,
  { permitted, facts, attempt }: { permitted: Permitted; facts: RequestFacts; attempt: Attempt },
): Promise<ForwardAnswer | Problem> {
  const { destination, budget } = permitted
  checkInput(destination, request)
  requireUseOfCode(destination, request)
  const named = await nameTokensOf(deps, caller, destination, request.tokens)
  await consumeTokens(deps, caller, request.purpose, { named, budget })
  for (let tried = 0; tried < ATTEMPTS; tried++) {
    const prepared = await prepareForward(deps, caller, request, { destination, named, facts, attempt })
    const answer = await deps.outbound.hold(targetOf(destination), async (send) => {
      const committed = await commitIntent(deps, caller, prepared)
      if (!committed.isCommitted) return undefined
      return sendIntent(deps, send, { prepared, destination, key: committed.key, caller, facts })
    })
    if (answer !== undefined) return answer
  }
  throw new Problem('record-changed', { retryAfterSeconds: 1 })
}
