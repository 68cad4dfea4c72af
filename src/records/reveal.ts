import { auditCaller, type Caller } from '../access/caller.ts'
import { grantReveal, requireConsent } from '../access/grant.ts'
import type { Purpose } from '../access/purpose.ts'
import type { AuditEvent } from '../audit/audit-event.ts'
import { reasonContext } from '../keys/sealed-columns.ts'
import type { Details } from '../kinds/kind.ts'
import { Problem } from '../problem.ts'
import { Sensitive } from '../sensitive.ts'
import type { RecordDeps, RequestFacts } from './dependencies.ts'
import { requireLive } from './find-live-record.ts'
import type { IdempotencyRow } from './idempotency-store.ts'
import type { StoredRecord } from './record.ts'
import { release } from './release.ts'
import type { SealedReason } from './release-store.ts'
import { openDetails } from './sealed-record.ts'
import { kindNameOf, parseToken, type Token } from './token.ts'

export interface RevealRequest {
  purpose: Purpose
  reason?: string | undefined
  items: readonly { token: string; fields?: readonly string[] | undefined }[]
}

/** One released record. `event` is the id of the audit event that committed before this left. */
export interface Revealed {
  token: string
  kind: string
  data: Sensitive<Details>
  event: string
  version: number
}

export type RevealResult = Revealed | { token: string; problem: Problem }

/** A release of the first answer: shown again with its event as long as the record stands as it did; null was refused. */
export type ReplayedRelease = { event: string; version: number } | null

interface RevealExtra {
  idempotency?: ((results: RevealResult[]) => IdempotencyRow | undefined) | undefined
  /** What the first answer released, when this is a replay. */
  replayOf?: readonly ReplayedRelease[] | undefined
}

/**
 * Releases the granted fields of each record for a purpose. Every release and every refusal is an event, and all of them
 * commit before anything is returned. An item that may not be released does not hold up the others.
 *
 * @throws {Problem} audit-unavailable, database-unavailable, record-changed; what concerns one item is in its result
 */
export function revealRecords(
  deps: Pick<RecordDeps, 'batches' | 'keys' | 'kinds' | 'newAuditEvent' | 'now'>,
  caller: Caller,
  input: RevealRequest,
  facts: RequestFacts,
  extra: RevealExtra = {},
): Promise<RevealResult[]> {
  // What does not depend on a record is decided before any record is looked at.
  const grants = input.items.map((item) => attempt(() => grantItem(deps, caller, input.purpose, item)))
  const tokens = grants.flatMap((grant) => (grant instanceof Problem || grant.token === undefined ? [] : [grant.token]))

  return release(deps.batches, async () => {
    const found = tokens.length === 0 ? new Map() : await deps.batches.find({ site: caller.site, tokens })
    const opened = await Promise.all(
      grants.map((grant) =>
        attemptAsync(async () => {
          if (grant instanceof Problem) throw grant
          const record = requireLive(grant.token && found.get(grant.token))
          requireConsent(input.purpose, record.consents)
          const details = await openDetails(deps.keys, record)
          return { record, fields: grant.fields, data: new Sensitive(pick(details, grant.fields)) }
        }),
      ),
    )
    const events: AuditEvent[] = []
    const reasons: SealedReason[] = []
    const results = opened.map((item, at): RevealResult => {
      const token = input.items[at]!.token
      const replayOf = extra.replayOf?.[at] ?? undefined
      const event = deps.newAuditEvent({
        request_id: facts.requestId,
        caller: auditCaller(caller),
        site: caller.site,
        token: item instanceof Problem && item.code === 'record-not-found' ? undefined : parseToken(token),
        purpose: input.purpose,
        replay_of: replayOf?.event,
        ...(item instanceof Problem ? refusal(item) : success(item)),
      })
      events.push(event)
      if (item instanceof Problem) return { token, problem: item }
      if (input.reason !== undefined) reasons.push(sealReason(deps, event.id, input.reason))
      const { kind, version } = item.record
      return { token, kind, data: item.data, version, event: replayOf?.version === version ? replayOf.event : event.id }
    })
    const records = opened.flatMap((item) => (item instanceof Problem ? [] : [item.record]))
    const idempotency = extra.idempotency?.(results)
    return { value: results, release: { events, records, reasons, idempotency, now: deps.now() } }
  })
}

function grantItem(
  deps: Pick<RecordDeps, 'kinds'>,
  caller: Caller,
  purpose: Purpose,
  item: RevealRequest['items'][number],
): { token: Token | undefined; fields: string[] } {
  const token = parseToken(item.token)
  if (token === undefined) {
    // A malformed token is of no kind: whoever may reveal nothing for this purpose learns that first.
    grantAnyKind(caller, purpose)
    return { token, fields: [] }
  }
  const kind = deps.kinds[kindNameOf(token)]
  if (item.fields?.some((field) => !kind.fields.includes(field))) {
    throw new Problem('invalid-input', {
      errors: [{ pointer: '#/fields', detail: `expected some of: ${kind.fields.join(', ')}` }],
    })
  }
  return { token, fields: grantReveal(caller, kind.name, purpose, item.fields) }
}

function grantAnyKind(caller: Caller, purpose: Purpose): void {
  const refusals = (['card', 'address', 'contact'] as const).map((kind) =>
    attempt(() => grantReveal(caller, kind, purpose)),
  )
  const refused = refusals.filter((refusal) => refusal instanceof Problem)
  if (refused.length === refusals.length) throw refused[0]
}

function pick(details: Details, fields: readonly string[]): Details {
  return Object.fromEntries(
    fields.filter((field) => details[field] !== undefined).map((field) => [field, details[field]]),
  )
}

function success(item: { record: StoredRecord; fields: string[] }) {
  const { kind, policyVersion, version } = item.record
  return {
    type: 'record.reveal',
    outcome: 'success',
    kind,
    fields: item.fields,
    policy_version: policyVersion,
    record_version: version,
  } as const
}

function refusal(problem: Problem) {
  return {
    type: 'request.refuse',
    outcome: problem.status >= 500 ? 'failed' : 'refused',
    code: problem.code,
  } as const
}

/** What people write as a reason may name a shopper, so it is sealed and stands beside the event, not in it. */
function sealReason(deps: Pick<RecordDeps, 'keys'>, event: string, reason: string): SealedReason {
  const sealed = deps.keys.seal('display', reasonContext(event), Buffer.from(reason, 'utf8'), 128)
  return { event, ...sealed }
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
