import { auditCaller, type Caller } from '../access/caller.ts'
import { type Circumstances, stricter } from '../access/condition.ts'
import { decideReveal, grantReveal } from '../access/grant.ts'
import { needsConsent, type Purpose } from '../access/purpose.ts'
import type { Budget } from '../access/roles.ts'
import { isShown, kindNames } from '../access/view.ts'
import { type AuditFacts, leaveOutRecord, type UnfinishedEvent } from '../audit/audit-event.ts'
import { type EarlierReveal, findReveals } from '../audit/audit-store.ts'
import { storeUnderKeys } from '../keys/store-under-keys.ts'
import type { Details, Kind } from '../kinds/kind.ts'
import { Problem } from '../problem.ts'
import { Sensitive } from '../sensitive.ts'
import { giveWay } from '../time-slice.ts'
import { type ClaimDeps, type ClaimedApproval, claimApproval } from './claim-approval.ts'
import type { RecordDeps, RequestFacts } from './dependencies.ts'
import type { IdempotencyRow } from './idempotency-store.ts'
import type { ReleaseOutcome } from './release-store.ts'
import { requireReleased } from './require-live.ts'
import { sealReason } from './seal-reason.ts'
import { openDetails } from './sealed-record.ts'
import { kindNameOf, parseToken, type Token } from './token.ts'

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
export interface Revealed {
  token: string
  kind: string
  data: Sensitive<Details>
  event: string
}

export type RevealResult = Revealed | { token: string; problem: Problem }

/** By which event each record leaves, if it does; null for what cannot. A kept answer of a reveal is no more than this. */
export type PlannedEvents = (string | null)[]

interface RevealExtra {
  idempotency?: ((planned: PlannedEvents) => IdempotencyRow) | undefined
  /** What the first answer planned, when this is a replay. */
  replayOf?: PlannedEvents | undefined
}

/**
 * Releases the granted fields of each record for a purpose. Every release and every refusal is an event, and all of them
 * commit before anything is returned: the events of the releases in the statement that looks the records up. An item that
 * may not be released does not hold up the others. A record that does not open then has two events, its release and the
 * failure of it.
 *
 * @throws {Problem} audit-unavailable, database-unavailable; what concerns one item is in its result
 */
export async function revealRecords(
  deps: ClaimDeps & Pick<RecordDeps, 'batches' | 'budgets' | 'kinds' | 'recordEvent'>,
  caller: Caller,
  input: RevealRequest,
  facts: RequestFacts,
  extra: RevealExtra = {},
): Promise<RevealResult[]> {
  const { purpose, reason, ticket, authority, breakGlass } = input
  const about = {
    request_id: facts.requestId,
    caller: auditCaller(caller),
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
  const decided: (Plan | Problem)[] = []
  for (const [at, item] of input.items.entries()) {
    if (at > 0) await giveWay()
    const plan = await attemptAsync(async (): Promise<Plan> => {
      const question = { ...item, purpose, reason, ticket, authority }
      const approval = await claimApproval(deps, caller, question, circumstances, facts)
      const granting = { ...circumstances, approved: approval !== undefined }
      const { token, fields, budget } = grantItem(deps, caller, purpose, item, granting)
      const first = earlier.get(extra.replayOf?.[at] ?? '')
      return {
        token,
        fields,
        budget,
        first,
        approval,
        event: releaseEvent(deps, { ...about, approval: approval?.id }, token, fields, first?.id),
      }
    })
    decided.push(plan)
  }
  const planned = await spendBudget(deps, caller, purpose, decided)
  const outcomes = await releasePlanned(deps, caller, input, planned, extra)
  const opened: Awaited<ReturnType<typeof openPlanned>>[] = []
  for (const [at, plan] of planned.entries()) {
    if (at > 0) await giveWay()
    opened.push(await openPlanned(deps, plan, outcomes[at]))
  }
  const results = opened.map((item, at): RevealResult => {
    const token = input.items[at]!.token
    if (item instanceof Problem) return { token, problem: item }
    const { kind, version } = item.record
    const { first, event } = item.plan
    return { token, kind, data: item.data, event: first?.version === version ? first.id : event.id }
  })
  await recordRefusals(deps, about, results)
  return results
}

/** Whether there is no such record, as far as the caller can see. */
export function isUnknown(result: RevealResult): boolean {
  return 'problem' in result && result.problem.code === 'record-not-found'
}

/** What all events of a request say. */
type About = Pick<
  AuditFacts,
  'request_id' | 'caller' | 'site' | 'purpose' | 'ticket' | 'authority' | 'partner' | 'approval'
>

type Plan = {
  token: Token
  fields: string[]
  budget: Budget | undefined
  first: EarlierReveal | undefined
  approval: ClaimedApproval | undefined
  event: UnfinishedEvent
}

function releaseEvent(
  deps: Pick<RecordDeps, 'newAuditEvent'>,
  about: About,
  token: Token,
  fields: string[],
  replayOf: string | undefined,
): UnfinishedEvent {
  return leaveOutRecord(deps.newAuditEvent, {
    ...about,
    type: 'record.reveal',
    outcome: 'success',
    token,
    kind: kindNameOf(token),
    fields,
    replay_of: replayOf,
  })
}

/** What the budget does not allow becomes a refusal; the whole request is counted at once. */
async function spendBudget(
  deps: Pick<RecordDeps, 'budgets'>,
  caller: Caller,
  purpose: Purpose,
  decided: readonly (Plan | Problem)[],
): Promise<(Plan | Problem)[]> {
  const plans = decided.filter((plan): plan is Plan => !(plan instanceof Problem))
  const budget = plans.map((plan) => plan.budget).reduce(stricter, undefined)
  const tokens = plans.map(({ token }) => token)
  const refused = (await deps.budgets.spend(caller, purpose, tokens, budget)).values()
  return decided.map((plan) => (plan instanceof Problem ? plan : (refused.next().value ?? plan)))
}

/** Looks up what may be released and commits its events; undefined for the others. */
async function releasePlanned(
  deps: Pick<RecordDeps, 'batches' | 'keys' | 'now'>,
  caller: Caller,
  { purpose, reason }: RevealRequest,
  planned: readonly (Plan | Problem)[],
  extra: RevealExtra,
): Promise<ReleaseOutcome[]> {
  const plans = planned.filter((plan): plan is Plan => !(plan instanceof Problem))
  if (plans.length === 0) return []
  const consent = needsConsent(purpose) ? purpose : undefined
  await deps.keys.ensureFresh()
  const found = await storeUnderKeys(deps.keys, () =>
    deps.batches.release({
      owner: caller.id,
      site: caller.site,
      records: plans.map(({ token, event }) => ({ token, part: 'secret', consent, event })),
      reasons: reason === undefined ? [] : plans.map(({ event }) => sealReason(deps, event.id, reason)),
      idempotency: extra.idempotency?.(planned.map((plan) => (plan instanceof Problem ? null : plan.event.id))),
      now: deps.now(),
    }),
  )
  const outcomes = found.values()
  return planned.map((plan) => (plan instanceof Problem ? undefined : outcomes.next().value))
}

/** The granted fields of one record, whose release has committed. */
function openPlanned(deps: Pick<RecordDeps, 'keys' | 'kinds'>, plan: Plan | Problem, outcome: ReleaseOutcome) {
  return attemptAsync(async () => {
    if (plan instanceof Problem) throw plan
    const record = requireReleased(outcome)
    // Corrected since it was claimed: what it says now was approved by no person.
    if ((plan.approval?.version ?? record.version) !== record.version) throw new Problem('record-changed')
    const details = await openDetails(deps.keys, { ...record, secret: record.sealed })
    return { record, plan, data: new Sensitive(pick(deps.kinds[record.kind], details, plan.fields)) }
  })
}

/** Every refused item has an event of its own; what is no record is somebody's input, and is not kept. */
async function recordRefusals(
  deps: Pick<RecordDeps, 'newAuditEvent' | 'recordEvent'>,
  about: About,
  results: readonly RevealResult[],
): Promise<void> {
  const refused = results.filter((result) => 'problem' in result)
  const events = refused.map(({ token, problem }) =>
    deps.newAuditEvent({
      ...about,
      type: 'request.refuse',
      outcome: problem.status >= 500 ? 'failed' : 'refused',
      token: problem.code === 'record-not-found' ? undefined : parseToken(token),
      code: problem.code,
    }),
  )
  await Promise.all(events.map(deps.recordEvent))
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

/** The fields of the details, and what views derive from them. */
function pick(kind: Kind, details: Details, names: readonly string[]): Details {
  const display = names.every((name) => kind.fields.includes(name)) ? {} : kind.display(details)
  const shown = { ...display, ...details }
  return Object.fromEntries(names.filter((name) => shown[name] !== undefined).map((name) => [name, shown[name]]))
}

function attempt<T>(work: () => T): T | Problem {
  try {
    return work()
  } catch (error) {
    if (error instanceof Problem && error.status !== 503) return error
    throw error
  }
}

async function attemptAsync<T>(work: () => Promise<T>): Promise<T | Problem> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Problem && error.status !== 503) return error
    throw error
  }
}
