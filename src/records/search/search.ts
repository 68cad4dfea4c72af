import { consumeOrRefuse } from '../../access/limits/budget.ts'
import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import { seesBin } from '../../access/policy/grant.ts'
import { needsConsent, type Purpose } from '../../access/policy/purpose.ts'
import type { Budget } from '../../access/policy/roles.ts'
import type { AuditEvent, AuditFacts } from '../../audit/event/audit-event.ts'
import { storeUnderKeys } from '../../keys/ring/store-under-keys.ts'
import { confirmedBy, normaliseSearchValue, type SearchType } from '../../kinds/kinds.ts'
import type { PolicySet } from '../../policies/policy.ts'
import { judgePurpose } from '../../policies/require-purpose.ts'
import { Problem } from '../../values/problem.ts'
import type { Sensitive } from '../../values/sensitive.ts'
import { giveWay } from '../../values/time-slice.ts'
import type { RecordDeps, RequestFacts } from '../dependencies.ts'
import type { IdempotencyRow } from '../idempotency/idempotency-store.ts'
import type { StoredRecord } from '../record/record.ts'
import { sealReason } from '../record/seal-reason.ts'
import { maskedView, openDisplay } from '../record/sealed-record.ts'
import { authoriseConfirmingSearch, type SearchReason } from './authorise-confirming-search.ts'
import type { Match } from './search-store.ts'

/** A correction can come between opening and committing once or twice, hardly three times. */
const ATTEMPTS = 3

/** One shopper has few records; a term that finds more is not a person. */
const MAX_RESULTS = 100

export interface SearchResult {
  results: Record<string, unknown>[]
  /** Whether there are more than were returned. */
  truncated: boolean
}

/** What a caller looks for. A hit by card number confirms the number, so such a search says why. */
export interface SearchRequest {
  by: SearchType
  value: Sensitive<string>
  /** Present exactly if a hit confirms a field. */
  why?: SearchReason | undefined
}

interface SearchExtra {
  /** Keeps the id of the event. */
  idempotency?: ((event: string) => IdempotencyRow) | undefined
  /** The event of the first answer, when this is a replay. */
  replayOf?: string | undefined
}

type SearchDeps = Pick<
  RecordDeps,
  | 'batches'
  | 'budgets'
  | 'cardSearches'
  | 'erasures'
  | 'findByTerm'
  | 'findsCards'
  | 'probes'
  | 'keys'
  | 'kinds'
  | 'newAuditEvent'
  | 'now'
  | 'policies'
>

/** Which budgets the records of a search are counted in. */
interface Counted {
  purpose: Purpose | undefined
  extra?: Budget | undefined
}

/**
 * Finds the records of the caller's site that carry exactly this value, and answers with their masked views, newest
 * first. The decision and the count come before anything is looked up.
 *
 * @throws {Problem} scope-missing, purpose-not-permitted, fields-not-permitted, condition-not-met, unauthenticated for
 *   a card
 *   number that the caller may not see; card-search-off where the vault finds none by its number; invalid-input when the value cannot be one of that type; too-many-requests,
 *   budget-spent, record-changed, audit-unavailable
 */
export async function searchByValue(
  deps: SearchDeps,
  caller: Caller,
  input: SearchRequest,
  facts: RequestFacts,
  extra: SearchExtra = {},
): Promise<SearchResult> {
  const budgets: Counted[] = [{ purpose: undefined }]
  const { by, why } = input
  const confirmed = confirmedBy(by)
  if (confirmed !== undefined) {
    if (why === undefined) throw new Error('a search that confirms a field says why')
    budgets.push({ purpose: why.purpose, extra: authoriseConfirmingSearch(caller, confirmed, why, deps.now()) })
  }
  if (by === 'card_number' && !deps.findsCards) throw new Problem('card-search-off')
  const values = normaliseSearchValue(by, input.value.expose())
  if (values[0] === undefined) {
    throw new Problem('invalid-input', {
      errors: [{ pointer: '#/value', detail: `is not a valid ${by.replace('_', ' ')}` }],
    })
  }
  for (const { purpose, extra } of budgets) await deps.budgets.requireRoom(caller, purpose, extra)
  if (why !== undefined) await deps.cardSearches.consume(caller, values[0])
  return deps.probes.lookUp(
    caller,
    1,
    () => lookUp(deps, caller, { input, values, budgets }, facts, extra),
    ({ results }) => (results.length === 0 ? 1 : 0),
  )
}

async function lookUp(
  deps: SearchDeps,
  caller: Caller,
  { input, values, budgets }: { input: SearchRequest; values: readonly string[]; budgets: readonly Counted[] },
  facts: RequestFacts,
  extra: SearchExtra,
): Promise<SearchResult> {
  const about = {
    request_id: facts.requestId,
    caller: auditCaller(caller, facts),
    site: caller.site,
    ...statedIn(input),
  }
  const policies = await deps.policies.at(caller.policies)
  const find = async (): Promise<{ found: SearchResult; match: Match }> => {
    const sought = { site: caller.site, by: input.by, values }
    const found = await deps.findByTerm.records(sought, MAX_RESULTS)
    const records = found.records.filter((record) => isForPurpose({ policies, erasures: deps.erasures }, record, input))
    const results: Record<string, unknown>[] = []
    const events: AuditEvent[] = []
    for (const [at, record] of records.entries()) {
      if (at > 0) await giveWay()
      try {
        results.push(
          maskedView(deps.kinds, record, await openDisplay(deps.keys, record), {
            bin: seesBin(caller),
          }),
        )
      } catch (error) {
        if (!(error instanceof Problem) || error.code !== 'record-integrity') throw error
        const { token, kind } = record
        // One damaged record must not hide all others of a shopper. What its shopper was told and has agreed to is
        // not confirmed, so it is left out where that matters.
        if (!dependsOnNotice(policies, input)) results.push({ token, kind, code: error.code })
        events.push(
          deps.newAuditEvent({ ...about, type: 'request.refuse', outcome: 'failed', token, kind, code: error.code }),
        )
      }
    }
    await deps.keys.ensureFresh()
    const count = records.length
    const event = deps.newAuditEvent({
      ...about,
      type: 'record.search',
      outcome: 'success',
      search_by: input.by,
      count,
      tokens: count === 0 ? undefined : records.map(({ token }) => token),
      replay_of: extra.replayOf,
    })
    events.push(event)
    const reason = input.why?.reason
    const reasons = reason === undefined ? [] : [sealReason(deps, event.id, reason)]
    return {
      found: { results, truncated: found.truncated },
      match: {
        owner: caller.id,
        events,
        reasons,
        records,
        idempotency: extra.idempotency?.(event.id),
        now: deps.now(),
      },
    }
  }
  const findAndCommit = async (): Promise<SearchResult | undefined> => {
    const { found, match } = await find()
    const tokens = match.records.map(({ token }) => token)
    for (const { purpose, extra } of budgets) {
      // Other requests may have consumed the budget in the meantime. Then a miss is refused as a hit would be.
      if (tokens.length === 0) await deps.budgets.requireRoom(caller, purpose, extra)
      else await consumeOrRefuse(deps.budgets, caller, purpose, tokens, extra)
    }
    return (await deps.batches.commitMatch(match)) ? found : undefined
  }
  // Records leave only after their events have committed. A record that was changed in the meantime is read again.
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const found = await storeUnderKeys(deps.keys, findAndCommit)
    if (found !== undefined) return found
  }
  throw new Problem('record-changed', { retryAfterSeconds: 1 })
}

/** The reasons that the events of a search give. */
function statedIn(input: SearchRequest): Pick<AuditFacts, 'purpose' | 'ticket' | 'authority'> {
  if (input.why === undefined) return {}
  const { purpose, ticket, authority } = input.why
  return { purpose, ticket, authority }
}

/** A record is left out if its shopper was not told of the purpose or has not consented to it, or if only a hold still keeps it. */
function isForPurpose(
  { policies, erasures }: { policies: PolicySet; erasures: SearchDeps['erasures'] },
  record: StoredRecord,
  { why }: SearchRequest,
): boolean {
  if (why === undefined) return true
  if (judgePurpose(policies, why.purpose, record).refusal !== undefined) return false
  return !erasures.isRestricted(record.token, why.purpose)
}

/** Whether what a shopper was told and has agreed to decides about a record. */
function dependsOnNotice({ published, distrusted }: PolicySet, { why }: SearchRequest): boolean {
  if (why === undefined) return false
  return needsConsent(why.purpose) || distrusted === true || published.length > 0
}
