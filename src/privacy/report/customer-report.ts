import { type Partner, selectPartners } from '../../access/ledger/partner-store.ts'
import { auditCaller, type Caller } from '../../access/policy/caller.ts'
import { requireAnyScope } from '../../access/policy/grant.ts'
import { storeUnderKeys } from '../../keys/ring/store-under-keys.ts'
import { normaliseSearchValue } from '../../kinds/kinds.ts'
import type { RecordDeps, RequestFacts } from '../../records/dependencies.ts'
import { Problem } from '../../values/problem.ts'
import { type ErasedRecord, findErased } from '../erasure/find-erased.ts'
import { requireRequest } from '../requests/read-requests.ts'
import { selectRequest } from '../requests/request-store.ts'
import { type Disclosure, type FindDisclosuresDeps, findDisclosures } from './disclosures.ts'
import {
  type DamagedRecord,
  type FullFields,
  fieldsInFull,
  type HeldDeps,
  type HeldRecord,
  openHeld,
  REPORT_PURPOSE,
} from './held-records.ts'
import { findOrders } from './withholding.ts'

/** Everything that is held of a customer, and every time something of it left. */
export interface CustomerReport {
  format: 1
  made_at: string
  customer: string
  site: string
  copy: 'shopper' | 'auditor'
  /** The times that the disclosures are about. */
  from: string | null
  to: string
  /** The request that it answers. */
  request: string | null
  values: 'full' | 'masked'
  records: readonly (HeldRecord | DamagedRecord)[]
  /** Records that were erased: nothing of them is held, and the disclosures are about them too. */
  erased: readonly ErasedRecord[]
  /** Records that were erased until then may be missing, since it is not known whose they were; null if none is missing. */
  erased_unknown_until: string | null
  /** Whether there are more records than these. */
  truncated: boolean
  disclosures: readonly Disclosure[]
}

export interface ReportRequest {
  customer: string
  from?: Date | undefined
  to?: Date | undefined
  /** The id of a request of the shopper to see what is held. */
  request?: string | undefined
  copy?: 'shopper' | 'auditor' | undefined
}

/** A correction can come between opening and committing once or twice, hardly three times. */
const ATTEMPTS = 3
const MOST_RECORDS = 5_000
/** How many records one event names. */
const RECORDS_OF_EVENT = 100
/** What the auditor's copy needs beside the scope of the call. */
const AUDITORS = ['audit:read', 'audit:read-all']

export type CustomerReportDeps = Pick<
  RecordDeps,
  'batches' | 'budgets' | 'database' | 'findByTerm' | 'keys' | 'kinds' | 'newAuditEvent' | 'now' | 'probes'
> &
  HeldDeps &
  Pick<FindDisclosuresDeps, 'authenticity' | 'issuer'>

/**
 * Reports what is held of a customer on the caller's site, why, since when and under which policy, and every disclosure of it.
 * Values are in full only for a request of the shopper whose proof of identity is recorded, and then as far as the caller's role
 * grants them for `respond-to-query`; otherwise they are masked. What an authority has ordered to withhold is only in the
 * auditor's copy. The event commits before the report leaves, if every record is still as it was opened.
 *
 * @throws {Problem} scope-missing, privacy-request-not-found, privacy-request-closed, invalid-input, budget-spent,
 *   too-many-requests, record-changed, audit-unavailable
 */
export async function reportCustomer(
  deps: CustomerReportDeps,
  caller: Caller,
  input: ReportRequest,
  facts: RequestFacts,
): Promise<CustomerReport> {
  const { copy = 'shopper' } = input
  if (copy === 'auditor') requireAnyScope(caller, AUDITORS)
  const full = (await isProven(deps, caller, input)) ? fieldsInFull(caller, deps.now()) : undefined
  const [value] = normaliseSearchValue('customer', input.customer)
  return deps.probes.lookUp(
    caller,
    1,
    async () => {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const report = await storeUnderKeys(deps.keys, () =>
          reportOnce(deps, caller, { ...input, copy, value: value! }, full, facts),
        )
        if (report !== undefined) return report
      }
      throw new Problem('record-changed', { retryAfterSeconds: 1 })
    },
    ({ records, erased }) => (records.length + erased.length === 0 ? 1 : 0),
  )
}

/** Whether the report answers a request whose shopper has proved who they are. */
async function isProven(
  deps: Pick<CustomerReportDeps, 'database' | 'keys'>,
  caller: Caller,
  { request: id, customer }: ReportRequest,
): Promise<boolean> {
  if (id === undefined) return false
  const request = await requireRequest(deps, caller, () => selectRequest(deps.database, caller.site, id))
  if (request.kind !== 'access' || request.customer !== customer) {
    throw new Problem('invalid-input', {
      errors: [{ pointer: '#/request', detail: 'expected a request of this customer to see what is held' }],
    })
  }
  if (request.closedAt !== undefined) throw new Problem('privacy-request-closed')
  return request.identity !== undefined
}

/** Undefined when a record was changed in the meantime. */
async function reportOnce(
  deps: CustomerReportDeps,
  caller: Caller,
  input: ReportRequest & { copy: 'shopper' | 'auditor'; value: string },
  full: FullFields | undefined,
  facts: RequestFacts,
): Promise<CustomerReport | undefined> {
  const { customer, from, request, copy, value } = input
  const madeAt = deps.now()
  // Without an end everything counts that has committed: the clock of another server may be ahead.
  const until = input.to !== undefined && input.to < madeAt ? input.to : undefined
  const sought = { site: caller.site, by: 'customer', values: [value] } as const
  const { records, truncated } = await deps.findByTerm.records(sought, MOST_RECORDS)
  const held = await openHeld(deps, caller, records, full)
  // After the records: one that is erased in between lets the commit fail.
  const gone = await findErased(deps, { site: caller.site, customer: value }, MOST_RECORDS)
  const tokens = [...records, ...gone.erased].map(({ token }) => token)
  const orders = await findOrders(deps)
  const partners: Partner[] = await selectPartners(deps.database)
  const disclosures = await findDisclosures(
    deps,
    { tokens, from, until },
    { forAuditor: copy === 'auditor', orders, partners },
  )
  await deps.keys.ensureFresh()
  const events = eventsOf(deps, caller, { held, full, request }, facts)
  if (!(await deps.batches.commitMatch({ owner: caller.id, events, records, now: deps.now() }))) return undefined
  return {
    format: 1,
    made_at: madeAt.toISOString(),
    customer,
    site: caller.site,
    copy,
    from: from?.toISOString() ?? null,
    to: (until ?? madeAt).toISOString(),
    request: request ?? null,
    values: full === undefined ? 'masked' : 'full',
    records: held,
    erased: gone.erased,
    erased_unknown_until: gone.unknownUntil?.toISOString() ?? null,
    truncated: truncated || gone.truncated,
    disclosures,
  }
}

/** One event for each hundred records; one that names none where none is held. */
function eventsOf(
  { newAuditEvent }: Pick<CustomerReportDeps, 'newAuditEvent'>,
  caller: Caller,
  {
    held,
    full,
    request,
  }: { held: CustomerReport['records']; full: FullFields | undefined; request: string | undefined },
  facts: RequestFacts,
) {
  const parts = Array.from({ length: Math.max(1, Math.ceil(held.length / RECORDS_OF_EVENT)) }, (_, at) =>
    held.slice(at * RECORDS_OF_EVENT, (at + 1) * RECORDS_OF_EVENT),
  )
  return parts.map((part) => {
    return newAuditEvent({
      type: 'customer.report',
      outcome: 'success',
      request_id: facts.requestId,
      caller: auditCaller(caller, facts),
      site: caller.site,
      subject: request,
      count: part.length,
      tokens: part.length === 0 ? undefined : part.map(({ token }) => token),
      purpose: full && REPORT_PURPOSE,
      fields: full && [...new Set(part.flatMap(shownInFull))],
    })
  })
}

/** The fields of a record that a report shows in full, as `kind.field`: those that it has. */
function shownInFull(held: HeldRecord | DamagedRecord): string[] {
  if ('code' in held) return []
  const values = [held, ...held.earlier_versions].flatMap((one) => Object.keys(one.values ?? {}))
  return values.map((field) => `${held.kind}.${field}`)
}
