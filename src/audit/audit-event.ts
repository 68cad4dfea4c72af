import canonicalize from 'canonicalize'
import type { NewId } from '../identifier.ts'

export const auditEventTypes = [
  'record.tokenize',
  'record.read',
  'record.reveal',
  'record.correct',
  'record.erase',
  'record.search',
  'request.refuse',
  'request.replay',
  'token.issue',
  'client.add',
  'client.rotate-secret',
  'client.revoke',
  'key.create',
  'key.promote',
  'key.deactivate',
  'key.compromise',
  'key.destroy',
  'key.retire',
  'key.certify',
  'root-key.replace',
  'root-key.acknowledge',
  'root-key.share',
  'keys.rotate',
  'audit.read',
] as const

export type AuditEventType = (typeof auditEventTypes)[number]

/** Who acted: a client, a member of staff, the operator at the command line, or the vault by itself. */
export interface AuditCaller {
  id: string
  kind: 'client' | 'staff' | 'operator' | 'vault'
  role?: string | undefined
}

/**
 * What an event says. It must hold no personal value: tokens, callers, field names and codes only.
 * `count` is how many records a search found or a rotation moved; `replay_of` names the event that a replayed
 * answer belonged to.
 */
export interface AuditFacts {
  type: AuditEventType
  outcome: 'success' | 'refused' | 'failed'
  request_id?: string | undefined
  caller?: AuditCaller | undefined
  site?: string | undefined
  token?: string | undefined
  kind?: string | undefined
  purpose?: string | undefined
  fields?: readonly string[] | undefined
  search_by?: string | undefined
  policy_version?: string | undefined
  record_version?: number | undefined
  code?: string | undefined
  route?: string | undefined
  subject?: string | undefined
  count?: number | undefined
  replay_of?: string | undefined
}

/** An event as it is stored. `body` is its canonical form, the bytes that the log will be built over. */
export interface AuditEvent {
  id: string
  occurredAt: Date
  type: AuditEventType
  caller: string | null
  token: string | null
  /** Null for what concerns the whole vault, such as its keys. */
  site: string | null
  body: string
}

/** The version of the canonical form: a member of every event, so that old ones stay readable for ever. */
const FORMAT = 1

/** Makes events; the clock and the ids come from the composition root. */
export type NewAuditEvent = (facts: AuditFacts) => AuditEvent

/**
 * The canonical form is RFC 8785 (JSON Canonicalization Scheme) over the facts with `format`, `id` and `at`:
 * sorted members, no white space, UTF-8. `at` is RFC 3339 in UTC with milliseconds. Absent facts are left out.
 */
export function createNewAuditEvent(now: () => Date, newId: NewId): NewAuditEvent {
  return (facts) => {
    const id = newId('evt')
    const occurredAt = now()
    const body = canonicalize({ format: FORMAT, id, at: occurredAt.toISOString(), ...facts })
    if (body === undefined) throw new Error('an audit event must have a canonical form')
    return {
      id,
      occurredAt,
      type: facts.type,
      caller: facts.caller?.id ?? null,
      token: facts.token ?? null,
      site: facts.site ?? null,
      body,
    }
  }
}
