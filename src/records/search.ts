import { spendOrRefuse } from '../access/budget.ts'
import { auditCaller, type Caller } from '../access/caller.ts'
import { seesBin } from '../access/grant.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import type { SearchType } from '../kinds/kind.ts'
import { normaliseSearchValue } from '../kinds/kinds.ts'
import { Problem } from '../problem.ts'
import type { Sensitive } from '../sensitive.ts'
import { giveWay } from '../time-slice.ts'
import type { RecordDeps, RequestFacts } from './dependencies.ts'
import type { IdempotencyRow } from './idempotency-store.ts'
import { maskedView, openDisplay, searchHashes } from './sealed-record.ts'
import { type Finding, searchRecords } from './search-store.ts'

/** A correction can come between opening and committing once or twice, hardly three times. */
const ATTEMPTS = 3

/** One shopper has few records; a term that finds more is not a person. */
const MAX_RESULTS = 100

export interface SearchResult {
  results: Record<string, unknown>[]
  /** Whether there are more than were returned. */
  truncated: boolean
}

/**
 * Finds the records of the caller's site that carry exactly this value, and answers with their masked views, newest first.
 *
 * @throws {Problem} invalid-input when the value cannot be one of that type, record-changed, budget-spent, audit-unavailable
 */
export async function searchByValue(
  deps: Pick<RecordDeps, 'database' | 'batches' | 'budgets' | 'probes' | 'keys' | 'kinds' | 'newAuditEvent' | 'now'>,
  caller: Caller,
  input: { by: SearchType; value: Sensitive<string> },
  facts: RequestFacts,
  extra: { idempotency?: (() => IdempotencyRow) | undefined } = {},
): Promise<SearchResult> {
  const normalised = normaliseSearchValue(deps.kinds, input.by, input.value.expose())
  if (normalised === undefined) {
    throw new Problem('invalid-input', {
      errors: [{ pointer: '#/value', detail: `is no ${input.by.replace('_', ' ')}` }],
    })
  }
  const about = { request_id: facts.requestId, caller: auditCaller(caller), site: caller.site }
  const find = async (): Promise<{ found: SearchResult; finding: Finding }> => {
    const hashes = searchHashes(deps.keys, caller.site, input.by, normalised)
    const found = await searchRecords(deps.database, caller.site, hashes, MAX_RESULTS + 1)
    const records = found.slice(0, MAX_RESULTS)
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
        // One damaged record must not hide all others of a shopper.
        const { token, kind } = record
        results.push({ token, kind, code: error.code })
        events.push(
          deps.newAuditEvent({ ...about, type: 'request.refuse', outcome: 'failed', token, kind, code: error.code }),
        )
      }
    }
    const count = records.length
    events.push(deps.newAuditEvent({ ...about, type: 'record.search', outcome: 'success', search_by: input.by, count }))
    return {
      found: { results, truncated: found.length > MAX_RESULTS },
      finding: { owner: caller.id, events, records, idempotency: extra.idempotency?.(), now: deps.now() },
    }
  }
  // What was found leaves only when its events have committed; a record that was changed meanwhile is looked at again.
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { found, finding } = await find()
    await spendOrRefuse(
      deps.budgets,
      caller,
      undefined,
      finding.records.map(({ token }) => token),
    )
    if (!(await deps.batches.commitFinding(finding))) continue
    if (finding.records.length === 0) await deps.probes.spend(caller, 1)
    return found
  }
  throw new Problem('record-changed', { retryAfterSeconds: 1 })
}
