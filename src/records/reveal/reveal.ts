import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import { type Circumstances, stricter } from '../../access/policy/condition.ts'
import type { Purpose } from '../../access/policy/purpose.ts'
import type { Budget } from '../../access/policy/roles.ts'
import { findReveals } from '../../audit/event/event-lookup-store.ts'
import { Problem } from '../../values/problem.ts'
import { giveWay } from '../../values/time-slice.ts'
import type { RecordDeps, RequestFacts } from '../dependencies.ts'
import { attemptAsync } from '../record/attempt.ts'
import type { PlannedEvents, ReserveForRelease } from './commit-opened.ts'
import type { Plan } from './open-planned.ts'
import { planReveal, type RevealItem } from './plan-reveal.ts'
import { recordRefusals } from './record-refusals.ts'
import { type RedeemDeps, redeemApproval } from './redeem-approval.ts'
import { releasePlanned } from './release-planned.ts'
import type { RevealResult } from './reveal-result.ts'

export interface RevealRequest {
  purpose: Purpose
  reason?: string | undefined
  /** The ticket or case of the release; its event names it. */
  ticket?: string | undefined
  /** The authority that asks for it; the event names it too. */
  authority?: string | undefined
  /** Asks not to wait for an approval, where the role allows it. */
  breakGlass?: boolean | undefined
  /** The partner to whose key the fields leave; left out: they leave to the caller. */
  recipient?: string | undefined
  items: readonly RevealItem[]
}

interface RevealExtra {
  idempotency?: ReserveForRelease | undefined
  /** What the first answer planned, when this is a replay. */
  replayOf?: PlannedEvents | undefined
}

/** A release with the budget of the grants that decide. */
interface BudgetedPlan extends Plan {
  budget: Budget | undefined
}

/**
 * Releases the granted fields of each record for a purpose: plans, opens, commits, and answers. Every release and every
 * refusal is an event, and all of them commit before anything is returned. A record is opened first, so that the event
 * of its release names the fields that leave, which are those that it has; the commit of the event ensures that the
 * record is still as it was opened. An item that may not be released does not hold up the others.
 *
 * @throws {Problem} audit-unavailable, database-unavailable; problems of one item are in its result
 */
export async function revealRecords(
  deps: RedeemDeps &
    Pick<RecordDeps, 'batches' | 'budgets' | 'erasures' | 'kinds' | 'lookUp' | 'proveCaller' | 'writeAuditEvent'>,
  caller: Caller,
  input: RevealRequest,
  facts: RequestFacts,
  extra: RevealExtra = {},
): Promise<RevealResult[]> {
  const { purpose, reason, ticket, authority, recipient, items } = input
  const about = {
    type: recipient === undefined ? ('record.reveal' as const) : ('record.release' as const),
    request_id: facts.requestId,
    caller: auditCaller(caller, facts),
    site: caller.site,
    purpose,
    ticket,
    authority,
    partner: caller.partner?.id,
  }
  const decided = await planItems(deps, caller, input, facts, extra.replayOf ?? [])
  const planned = await consumeBudget(deps, caller, purpose, decided)
  const released = await releasePlanned(deps, caller, { reason, about, planned }, extra.idempotency)
  const results = released.map((item, at): RevealResult => {
    const token = items[at]!.token
    if (item instanceof Problem) return { token, problem: item }
    const { plan, record, data, event } = item
    const isRepeated = plan.first?.version === record.version
    return { token, kind: record.kind, data, event: isRepeated ? plan.first!.id : event.id }
  })
  if (results.some((result) => 'problem' in result)) {
    await deps.proveCaller(caller)
    await recordRefusals(deps, about, items, results)
  }
  return results
}

/**
 * Decides what does not depend on a record, before any record is looked at. One item after the other: two items of one record
 * must not use the same approval.
 */
async function planItems(
  deps: RedeemDeps & Pick<RecordDeps, 'kinds' | 'proveCaller'>,
  caller: Caller,
  { items, purpose, reason, ticket, authority, breakGlass, recipient }: RevealRequest,
  facts: RequestFacts,
  replayOf: PlannedEvents,
): Promise<(BudgetedPlan | Problem)[]> {
  const circumstances: Circumstances = {
    now: deps.now(),
    reason: reason !== undefined,
    ticket: ticket !== undefined,
    authority: authority !== undefined,
    breakGlass,
  }
  const earlier = await findReveals(deps.database, replayOf)
  const taken = new Set<string>()
  const decided: (BudgetedPlan | Problem)[] = []
  for (const [at, item] of items.entries()) {
    if (at > 0) await giveWay()
    const plan = await attemptAsync(async (): Promise<BudgetedPlan> => {
      const { token, granted, needs } = planReveal(deps.kinds, caller, purpose, item, circumstances)
      const first = earlier.get(replayOf[at] ?? '')
      if (needs === undefined) return { token, ...granted, first, approval: undefined }
      const question = { token, needs, purpose, reason, ticket, authority, partner: recipient, taken }
      await deps.proveCaller(caller)
      const approval = await redeemApproval(deps, caller, question, facts)
      taken.add(approval.id)
      const { fields, budget } = approval.approved === undefined ? needs.urgent! : needs.approved
      return { token, fields, budget, first, approval }
    })
    decided.push(plan)
  }
  return decided
}

/** A record above the budget becomes a refusal. The whole request is counted at once. */
async function consumeBudget(
  deps: Pick<RecordDeps, 'budgets'>,
  caller: Caller,
  purpose: Purpose,
  decided: readonly (BudgetedPlan | Problem)[],
): Promise<(BudgetedPlan | Problem)[]> {
  const plans = decided.filter((plan): plan is BudgetedPlan => !(plan instanceof Problem))
  const budget = plans.map((plan) => plan.budget).reduce(stricter, undefined)
  const tokens = plans.map(({ token }) => token)
  const refused = (await deps.budgets.consume(caller, purpose, tokens, budget)).values()
  return decided.map((plan) => (plan instanceof Problem ? plan : (refused.next().value ?? plan)))
}
