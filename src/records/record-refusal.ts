import { isClientId } from '../access/ledger/client-store.ts'
import type { StrangerLimit } from '../access/limits/stranger-limit.ts'
import { auditCaller, type Caller } from '../access/policy/caller.ts'
import type { AuditEvent, NewAuditEvent } from '../audit/event/audit-event.ts'
import type { WriteAuditEvent } from '../audit/event/write-audit-event.ts'
import type { Queryable } from '../database/database.ts'
import type { Refusal } from '../http/route.ts'
import { type Problem, toProblem } from '../values/problem.ts'
import type { ProblemCode } from '../values/problem-codes.ts'
import { parseToken } from './record/token.ts'

interface RecordRefusalDeps {
  database: Queryable
  newAuditEvent: NewAuditEvent
  writeAuditEvent: WriteAuditEvent
  strangers: StrangerLimit
  outage: {
    /** Whether the log is known to take no events at present. */
    isOpen: () => boolean
    /** Counts an answer that leaves without its event. */
    missed: (code: ProblemCode) => void
  }
}

/**
 * Writes the event of a refused request before the refusal is answered. The number of events is limited that strangers,
 * callers on wrong paths and the vault's own failures can cause.
 *
 * @returns the problem to answer with: that of the refusal, or too-many-requests to an unknown caller beyond the limit
 * @throws {Problem} audit-unavailable, database-unavailable
 */
export function createRecordRefusal(deps: RecordRefusalDeps): (refusal: Refusal<Caller>) => Promise<Problem> {
  /** Undefined when the event is to be written, otherwise what to answer without one. */
  async function isTooMany({ problem, caller, source, isAnsweredAnyway }: Refusal<Caller>) {
    if (problem.kind !== 'refused' && isAnsweredAnyway) {
      return deps.strangers.countFailure(source.network) ? problem : undefined
    }
    if (caller !== undefined && !isAnsweredAnyway) return undefined
    const instead = await deps.strangers.count(source.network)
    // A caller with a good token never meets the limit of unknown callers.
    return instead && caller === undefined && problem.code !== 'too-many-requests' ? instead : instead && problem
  }

  /** The client that the request claims to come from, if it exists: another text is a caller's input. */
  async function findClaimed({ problem, claimedClient }: Refusal<Caller>): Promise<string | undefined> {
    const claimed = problem.disbelief?.claimedClient ?? claimedClient
    return claimed !== undefined && (await isClientId(deps.database, claimed)) ? claimed : undefined
  }

  async function record(refusal: Refusal<Caller>): Promise<Problem> {
    const instead = await isTooMany(refusal)
    if (instead !== undefined) return instead
    await deps.writeAuditEvent(refusalEvent(deps.newAuditEvent, refusal, await findClaimed(refusal)))
    return refusal.problem
  }

  return async (refusal) => {
    const { problem, isAnsweredAnyway } = refusal
    if (!isAnsweredAnyway) return record(refusal)
    if (deps.outage.isOpen()) {
      // A 503 is counted by its answer.
      if (problem.kind !== 'unavailable') deps.outage.missed('audit-unavailable')
      return problem
    }
    const recorded = record(refusal).catch((failure: unknown) => {
      deps.outage.missed(toProblem(failure).code)
      return problem
    })
    // `busy` is answered at once.
    return problem.kind === 'unavailable' ? problem : recorded
  }
}

function refusalEvent(newAuditEvent: NewAuditEvent, refusal: Refusal<Caller>, claimed: string | undefined): AuditEvent {
  const { problem, requestId, route, caller, token, source, asked } = refusal
  return newAuditEvent({
    type: 'request.refuse',
    outcome: problem.kind === 'refused' ? 'refused' : 'failed',
    request_id: requestId,
    caller: caller && auditCaller(caller, { source }),
    source: caller ? undefined : source.address,
    site: caller?.site,
    // An unknown caller has no site, so every site's auditor may read this: it names no record. A text that is no
    // record's token is a caller's input, and is not kept either.
    token: caller && token !== undefined && problem.code !== 'record-not-found' ? parseToken(token) : undefined,
    code: problem.code,
    reason: problem.disbelief?.reason,
    subject: claimed,
    route,
    ...asked,
  })
}
