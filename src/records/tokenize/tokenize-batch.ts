import type { z } from 'zod'
import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import type { PolicySet } from '../../policies/policy.ts'
import { requireKnownPolicy } from '../../policies/require-known-policy.ts'
import { parseInput } from '../../values/parse-input.ts'
import { Problem } from '../../values/problem.ts'
import { giveWay } from '../../values/time-slice.ts'
import type { RecordDeps, RequestFacts } from '../dependencies.ts'
import type { ReserveKey } from '../idempotency/idempotency.ts'
import type { checkoutSchema } from './checkout-schema.ts'
import { type Checkout, tokenizeCheckouts } from './tokenize.ts'

/** The answer to a batch, and the events of refused items. */
export interface BatchAnswer {
  results: Record<string, unknown>[]
  refusals: string[]
}

/**
 * Stores every acceptable checkout of a batch in one commit, and answers for each item in order with its own status.
 * An item that is refused does not hold up the others; its refusal is an event of the same commit.
 *
 * @throws {Problem} audit-unavailable, database-unavailable; then nothing was stored
 */
export async function tokenizeBatch(
  deps: RecordDeps,
  caller: Caller,
  input: {
    items: readonly unknown[]
    schema: ReturnType<typeof checkoutSchema>
    /** The answer for a refused item. */
    refused: (problem: Problem) => Record<string, unknown>
  },
  facts: RequestFacts,
  reserve?: ReserveKey,
): Promise<BatchAnswer> {
  const policies = await deps.policies.at(caller.policies)
  const parsed: (Checkout | Problem)[] = []
  for (const item of input.items) {
    await giveWay()
    parsed.push(parseItem(policies, input.schema, item))
  }
  const checkouts = parsed.filter((item): item is Checkout => !(item instanceof Problem))
  const refusals = parsed.filter((item) => item instanceof Problem)
  const events = refusals.map((problem) =>
    deps.newAuditEvent({
      type: 'request.refuse',
      outcome: 'refused',
      request_id: facts.requestId,
      caller: auditCaller(caller, facts),
      site: caller.site,
      code: problem.code,
    }),
  )

  const answerFor = (answers: readonly Record<string, unknown>[]): BatchAnswer => {
    const stored = answers.values()
    const results = parsed.map((item) =>
      item instanceof Problem ? input.refused(item) : { status: 201, ...stored.next().value },
    )
    return { results, refusals: events.map(({ id }) => id) }
  }
  const idempotency = reserve && ((answers: Record<string, unknown>[]) => reserve(answerFor(answers)))
  const answers = await tokenizeCheckouts(deps, caller, checkouts, facts, { idempotency, events })
  return answerFor(answers)
}

function parseItem(policies: PolicySet, schema: z.ZodType<Checkout>, item: unknown): Checkout | Problem {
  try {
    const checkout = parseInput(schema, item)
    requireKnownPolicy(policies, checkout.policyVersion)
    return checkout
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
}
