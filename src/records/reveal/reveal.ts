import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import { type Circumstances, stricter } from '../../access/policy/condition.ts'
import { decideReveal, grantReveal } from '../../access/policy/grant.ts'
import type { Purpose } from '../../access/policy/purpose.ts'
import type { Budget } from '../../access/policy/roles.ts'
import { isShown, kindNames } from '../../access/policy/view.ts'
import { findReveals } from '../../audit/event/event-lookup-store.ts'
import type { Details } from '../../kinds/kind.ts'
import { Problem } from '../../values/problem.ts'
import type { Sensitive } from '../../values/sensitive.ts'
import { giveWay } from '../../values/time-slice.ts'
import type { RecordDeps, RequestFacts } from '../dependencies.ts'
import type { IdempotencyRow } from '../idempotency/idempotency-store.ts'
import { knownFields } from '../record/asked.ts'
import { attempt, attemptAsync } from '../record/attempt.ts'
import { kindNameOf, parseToken, type Token } from '../record/token.ts'
import { type RedeemDeps, redeemApproval } from './redeem-approval.ts'
import { type Plan, type PlannedEvents, type ReleaseAbout, releasePlanned } from './release-planned.ts'

export interface RevealRequest {
  purpose: Purpose
  reason?: string | undefined
  /** The ticket or case that the release is for; stands in its event. */
  ticket?: string | undefined
  /** Which authority asks for it; likewise. */
  authority?: string | undefined
  /** Asks not to wait for an approval, where the role allows it. */
  breakGlass?: boolean | undefined
  items: readonly { token: string; fields?: readonly string[] | undefined }[]
}

/** One released record. `event` is the id of the audit event that committed before this left. */
interface Revealed {
  token: string
  kind: string
  data: Sensitive<Details>
  event: string
}

export type RevealResult = Revealed | { token: string; problem: Problem }

interface RevealExtra {
  idempotency?: ((planned: PlannedEvents) => IdempotencyRow) | undefined
  /** What the first answer planned, when this is a replay. */
  replayOf?: PlannedEvents | undefined
}

/** A release with the budget of the grants that decide. */
interface Granted extends Plan {
  budget: Budget | undefined
}

/**
 * Releases the granted fields of each record for a purpose. Every release and every refusal is an event, and all of them
 * commit before anything is returned. A record is opened first, so that the event of its release names the fields that
 * leave, which are those that it has; what commits the event makes sure that the record still stands as it was opened. An
 * item that may not be released does not hold up the others.
 *
 * @throws {Problem} audit-unavailable, database-unavailable; what concerns one item is in its result
 */
export async function revealRecords(
  deps: RedeemDeps & Pick<RecordDeps, 'batches' | 'budgets' | 'kinds' | 'lookUp' | 'writeAuditEvent'>,
  caller: Caller,
  input: RevealRequest,
  facts: RequestFacts,
  extra: RevealExtra = {},
): Promise<RevealResult[]> {
  const { purpose, reason, ticket, authority, breakGlass } = input
  const about = {
    request_id: facts.requestId,
    caller: auditCaller(caller, facts),
    site: caller.site,
    purpose,
    ticket,
    authority,
    partner: caller.partner?.id,
  }
  const given = { reason: reason !== undefined, ticket: ticket !== undefined, authority: authority !== undefined }
  const circumstances = { ...given, now: deps.now(), breakGlass }
  const earlier = await findReveals(deps.database, extra.replayOf ?? [])
  // What does not depend on a record is decided before any record is looked at. One after the other: two items of one
  // record must not use the same approval.
  const decided: (Granted | Problem)[] = []
  const taken = new Set<string>()
  for (const [at, item] of input.items.entries()) {
    if (at > 0) await giveWay()
    const plan = await attemptAsync(async (): Promise<Granted> => {
      const question = { ...item, purpose, reason, ticket, authority, taken }
      const approval = await redeemApproval(deps, caller, question, circumstances, facts)
      if (approval !== undefined) taken.add(approval.id)
      const granting = { ...circumstances, approved: approval !== undefined }
      const granted = grantItem(deps, caller, purpose, item, granting)
      return { ...granted, first: earlier.get(extra.replayOf?.[at] ?? ''), approval }
    })
    decided.push(plan)
  }
  const planned = await consumeBudget(deps, caller, purpose, decided)
  const released = await releasePlanned(deps, caller, { reason, about, planned }, extra.idempotency)
  const results = released.map((item, at): RevealResult => {
    const token = input.items[at]!.token
    if (item instanceof Problem) return { token, problem: item }
    const { plan, record, data, event } = item
    return {
      token,
      kind: record.kind,
      data,
      event: plan.first?.version === record.version ? plan.first.id : event.id,
    }
  })
  await recordRefusals(deps, about, input, results)
  return results
}

/** Whether there is no such record, as far as the caller can see. */
export function isUnknown(result: RevealResult): boolean {
  return 'problem' in result && result.problem.code === 'record-not-found'
}

/** What the budget does not allow becomes a refusal; the whole request is counted at once. */
async function consumeBudget(
  deps: Pick<RecordDeps, 'budgets'>,
  caller: Caller,
  purpose: Purpose,
  decided: readonly (Granted | Problem)[],
): Promise<(Granted | Problem)[]> {
  const plans = decided.filter((plan): plan is Granted => !(plan instanceof Problem))
  const budget = plans.map((plan) => plan.budget).reduce(stricter, undefined)
  const tokens = plans.map(({ token }) => token)
  const refused = (await deps.budgets.consume(caller, purpose, tokens, budget)).values()
  return decided.map((plan) => (plan instanceof Problem ? plan : (refused.next().value ?? plan)))
}

/** Every refused item has an event of its own; what is no record is somebody's input, and is not kept. */
async function recordRefusals(
  deps: Pick<RecordDeps, 'newAuditEvent' | 'writeAuditEvent'>,
  about: ReleaseAbout,
  { items }: RevealRequest,
  results: readonly RevealResult[],
): Promise<void> {
  const events = results.flatMap((result, at) => {
    if (!('problem' in result)) return []
    const { token, problem } = result
    const refusal = deps.newAuditEvent({
      ...about,
      type: 'request.refuse',
      outcome: problem.kind === 'refused' ? 'refused' : 'failed',
      token: problem.code === 'record-not-found' ? undefined : parseToken(token),
      fields: knownFields(items[at]?.fields),
      code: problem.code,
    })
    return [refusal]
  })
  await Promise.all(events.map(deps.writeAuditEvent))
}

function grantItem(
  deps: Pick<RecordDeps, 'kinds'>,
  caller: Caller,
  purpose: Purpose,
  item: RevealRequest['items'][number],
  circumstances: Circumstances,
): { token: Token; fields: string[]; budget: Budget | undefined } {
  const token = parseToken(item.token)
  if (token === undefined) {
    // A malformed token is of no kind: a caller that may reveal nothing for this purpose learns that first,
    // and an approval is asked for only of a record that exists.
    grantAnyKind(caller, purpose, { ...circumstances, approved: true })
    throw new Problem('record-not-found')
  }
  const kind = deps.kinds[kindNameOf(token)]
  if (item.fields?.some((field) => !isShown(field, kind.name))) {
    throw new Problem('invalid-input', {
      errors: [{ pointer: '#/fields', detail: `expected some of: ${kind.fields.join(', ')}` }],
    })
  }
  const decision = decideReveal(caller, kind.name, purpose, item.fields, circumstances)
  if (!decision.granted) throw decision.problem
  return { token, fields: decision.fields, budget: decision.budget }
}

function grantAnyKind(caller: Caller, purpose: Purpose, circumstances: Circumstances): void {
  const refusals = kindNames.map((kind) => attempt(() => grantReveal(caller, kind, purpose, undefined, circumstances)))
  const refused = refusals.filter((refusal) => refusal instanceof Problem)
  if (refused.length === refusals.length) throw refused[0]
}
