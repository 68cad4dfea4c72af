import type { Caller } from '../../access/policy/caller.ts'
import { needsConsent, type Purpose } from '../../access/policy/purpose.ts'
import type { AuditFacts } from '../../audit/event/audit-event.ts'
import type { EarlierReveal } from '../../audit/event/event-lookup-store.ts'
import { leaveOutRecord, type UnfinishedEvent } from '../../audit/event/unfinished-event.ts'
import { storeUnderKeys } from '../../keys/ring/store-under-keys.ts'
import type { Details, Kind } from '../../kinds/kind.ts'
import { Problem } from '../../values/problem.ts'
import { Sensitive } from '../../values/sensitive.ts'
import { giveWay } from '../../values/time-slice.ts'
import type { RecordDeps } from '../dependencies.ts'
import type { IdempotencyRow } from '../idempotency/idempotency-store.ts'
import { attemptAsync } from '../record/attempt.ts'
import { sealReason } from '../record/seal-reason.ts'
import { openDetails, requireOwnToken } from '../record/sealed-record.ts'
import { kindNameOf, type Token } from '../record/token.ts'
import type { LookedUp } from '../search/look-up-store.ts'
import type { RedeemedApproval } from './redeem-approval.ts'
import type { Release, ReleaseOutcome } from './release-store.ts'
import { requireLive, requireReleased } from './require-live.ts'

/** By which event each record leaves, if it does; null for what cannot. A kept answer of a reveal is no more than this. */
export type PlannedEvents = (string | null)[]

/** Makes the row of the request's Idempotency-Key, which commits with its first release. */
type ReserveForRelease = (planned: PlannedEvents) => IdempotencyRow

/** What all events of a reveal say. */
export type ReleaseAbout = Pick<AuditFacts, 'request_id' | 'caller' | 'site' | 'ticket' | 'authority' | 'partner'> & {
  purpose: Purpose
}

/** A release that has been decided, before its record is looked at. */
export interface Plan {
  token: Token
  /** What is granted, whether the record has it or not. */
  fields: string[]
  /** What a replay repeats. */
  first: EarlierReveal | undefined
  approval: RedeemedApproval | undefined
}

/** A record that was opened, and the event of its release, which has not committed yet. Holds plaintext. */
export interface Opened {
  plan: Plan
  record: Exclude<LookedUp, string | undefined>
  data: Sensitive<Details>
  event: UnfinishedEvent
}

/** A correction can come between opening and committing once or twice, hardly three times. */
const ATTEMPTS = 3

/** Opens what may be released and commits its events: what comes back without a problem may leave. */
export async function releasePlanned(
  deps: Pick<
    RecordDeps,
    'batches' | 'database' | 'lookUp' | 'keys' | 'kinds' | 'newAuditEvent' | 'now' | 'usedApprovals'
  >,
  caller: Caller,
  { reason, about, planned }: { reason: string | undefined; about: ReleaseAbout; planned: readonly (Plan | Problem)[] },
  idempotency: ReserveForRelease | undefined,
): Promise<(Opened | Problem)[]> {
  const released: (Opened | Problem | undefined)[] = planned.map((plan) => (plan instanceof Problem ? plan : undefined))
  let waiting = planned.flatMap((plan, at) => (plan instanceof Problem ? [] : [{ plan, at }]))
  let reserve = idempotency
  for (let attempt = 0; attempt < ATTEMPTS && waiting.length > 0; attempt++) {
    await deps.keys.ensureFresh()
    const tokens = waiting.map(({ plan }) => plan.token)
    const found = await deps.lookUp({ owner: caller.id, site: caller.site, tokens, part: 'secret' })
    const opened: (Opened & { at: number })[] = []
    for (const [nth, { plan, at }] of waiting.entries()) {
      if (nth > 0) await giveWay()
      const result = await attemptAsync(() => openPlanned(deps, about, plan, found[nth]))
      if (result instanceof Problem) released[at] = result
      else opened.push({ ...result, at })
    }
    const outcomes = await commitOpened(
      deps,
      caller,
      { reason, purpose: about.purpose, opened, count: planned.length },
      reserve,
    )
    for (const [nth, { at, ...one }] of opened.entries()) {
      const result = outcomes[nth]
      const outcome = result instanceof Problem ? result : await attemptAsync(async () => requireReleased(result))
      released[at] = outcome instanceof Problem ? outcome : one
      // The key of the request commits with the first release.
      if (!(outcome instanceof Problem)) reserve = undefined
    }
    waiting = opened.filter((_, nth) => outcomes[nth] === 'changed')
  }
  return released.map((one) => one ?? new Problem('record-changed', { retryAfterSeconds: 1 }))
}

/**
 * Commits the releases of opened records, each if its record still stands as it was opened. One under an approval is a
 * transaction of its own, which uses the approval up; the others are one.
 */
async function commitOpened(
  deps: Pick<RecordDeps, 'batches' | 'database' | 'keys' | 'now' | 'usedApprovals'>,
  caller: Caller,
  what: { reason: string | undefined; purpose: Purpose; opened: readonly (Opened & { at: number })[]; count: number },
  reserve: ReserveForRelease | undefined,
): Promise<(ReleaseOutcome | Problem)[]> {
  const { reason, purpose, opened, count } = what
  if (opened.length === 0) return []
  const consent = needsConsent(purpose) ? purpose : undefined
  const plannedEvents = Array.from({ length: count }, (_, at) => opened.find((one) => one.at === at)?.event.id ?? null)
  await deps.keys.ensureFresh()
  let hasReleased = false
  const releaseOf = (ones: readonly Opened[]): Release => ({
    owner: caller.id,
    site: caller.site,
    records: ones.map(({ record, event }) => ({ record, consent, event })),
    reasons: reason === undefined ? [] : ones.map(({ event }) => sealReason(deps, event.id, reason)),
    idempotency: hasReleased ? undefined : reserve?.(plannedEvents),
    now: deps.now(),
  })
  const outcomes = new Map<Opened, ReleaseOutcome | Problem>()
  const { alone = [], together = [] } = Object.groupBy(opened, ({ plan }) =>
    plan.approval?.approved === undefined ? 'together' : 'alone',
  )
  if (together.length > 0) {
    const released = await storeUnderKeys(deps.keys, () => deps.batches.release(releaseOf(together)))
    for (const [nth, one] of together.entries()) outcomes.set(one, released[nth])
    hasReleased = released.includes('released')
  }
  for (const one of alone) {
    const { id: approval, approved } = one.plan.approval!
    if (deps.usedApprovals.at(deps.now()).has(approval)) {
      outcomes.set(one, new Problem('approval-required'))
      continue
    }
    const release = () => deps.batches.releaseApproved(releaseOf([one]), { approval, event: one.event.id })
    const outcome = await storeUnderKeys(deps.keys, release).catch((error: unknown) => {
      // What was released already leaves, whatever becomes of the rest.
      if (error instanceof Problem && (hasReleased || error.kind !== 'unavailable')) return error
      throw error
    })
    outcomes.set(one, outcome)
    if (outcome === 'released') deps.usedApprovals.add(approval, approved!.until)
    hasReleased ||= outcome === 'released'
  }
  return opened.map((one) => outcomes.get(one))
}

/** @throws {Problem} record-not-found, record-gone, consent-missing, record-changed, record-integrity */
async function openPlanned(
  deps: Pick<RecordDeps, 'keys' | 'kinds' | 'newAuditEvent'>,
  about: ReleaseAbout,
  plan: Plan,
  found: LookedUp,
): Promise<Opened> {
  const record = requireLive(found)
  const { token, fields, first, approval } = plan
  await requireOwnToken(deps.keys, record, 'secret', token)
  const { purpose } = about
  if (needsConsent(purpose) && !record.consents.includes(purpose)) throw new Problem('consent-missing')
  // Corrected since it was reserved: what it says now was approved by no person.
  if ((approval?.approved?.version ?? record.version) !== record.version) throw new Problem('record-changed')
  const data = pick(deps.kinds[record.kind], await openDetails(deps.keys, { ...record, secret: record.sealed }), fields)
  const event = leaveOutRecord(deps.newAuditEvent, {
    ...about,
    type: 'record.reveal',
    outcome: 'success',
    token,
    kind: kindNameOf(token),
    fields: Object.keys(data),
    approval: approval?.id,
    replay_of: first?.id,
  })
  return { plan, record, data: new Sensitive(data), event }
}

/** The fields of the details, and what views derive from them. */
function pick(kind: Kind, details: Details, names: readonly string[]): Details {
  const display = names.every((name) => kind.fields.includes(name)) ? {} : kind.display(details)
  const shown = { ...display, ...details }
  return Object.fromEntries(names.filter((name) => shown[name] !== undefined).map((name) => [name, shown[name]]))
}
