import { auditCaller, type Caller } from '../access/caller.ts'
import { seesBin } from '../access/grant.ts'
import type { SearchType } from '../kinds/kind.ts'
import { normaliseSearchValue } from '../kinds/kinds.ts'
import { Problem } from '../problem.ts'
import type { Sensitive } from '../sensitive.ts'
import type { RecordDeps, RequestFacts } from './dependencies.ts'
import type { IdempotencyRow } from './idempotency-store.ts'
import { searchRecords } from './record-store.ts'
import { release } from './release.ts'
import { maskedView, openDisplay, searchHashes } from './sealed-record.ts'

/** One shopper has few records; a term that finds more is not a person. */
const MAX_RESULTS = 100

/**
 * Finds the records of the caller's site that carry exactly this value, and answers with their masked views, newest first.
 *
 * @throws {Problem} invalid-input when the value cannot be one of that type, record-integrity, audit-unavailable
 */
export async function searchByValue(
  deps: Pick<RecordDeps, 'database' | 'batches' | 'keys' | 'kinds' | 'newAuditEvent' | 'now'>,
  caller: Caller,
  input: { by: SearchType; value: Sensitive<string> },
  facts: RequestFacts,
  extra: { idempotency?: () => IdempotencyRow } = {},
): Promise<Record<string, unknown>[]> {
  const value = normaliseSearchValue(deps.kinds, input.by, input.value.expose())
  if (value === undefined) {
    throw new Problem('invalid-input', {
      errors: [{ pointer: '#/value', detail: `cannot be a ${input.by.replace('_', ' ')}` }],
    })
  }
  return release(deps.batches, async () => {
    const hashes = searchHashes(deps.keys, caller.site, input.by, value)
    const records = await searchRecords(deps.database, caller.site, hashes, MAX_RESULTS)
    const views = await Promise.all(
      records.map(async (record) =>
        maskedView(deps.kinds, record, await openDisplay(deps.keys, record), { bin: seesBin(caller) }),
      ),
    )
    const event = deps.newAuditEvent({
      type: 'record.search',
      outcome: 'success',
      request_id: facts.requestId,
      caller: auditCaller(caller),
      site: caller.site,
      search_by: input.by,
      count: records.length,
    })
    return { value: views, release: { events: [event], records, idempotency: extra.idempotency?.(), now: deps.now() } }
  })
}
