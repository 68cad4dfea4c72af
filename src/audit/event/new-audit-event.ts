import type { NewId } from '../../values/identifier.ts'
import type { AuditFacts, NewAuditEvent } from './audit-event.ts'

/** The version of the canonical form. Every event has it, so that old events stay readable. */
const FORMAT = 1

/**
 * Every member of an event in the order of RFC 8785, section 3.2.3. The type asks for each of them, so that a new fact
 * cannot be forgotten here; `new-audit-event.test.ts` compares the result with another implementation.
 */
function inCanonicalOrder(
  id: string,
  at: string,
  facts: AuditFacts,
): Record<keyof AuditFacts | 'at' | 'format' | 'id', unknown> {
  const { caller } = facts
  return {
    account: facts.account ?? caller?.account,
    address: facts.address,
    approval: facts.approval,
    at,
    authority: facts.authority,
    caller: caller && { id: caller.id, kind: caller.kind, role: caller.role },
    checkpoints: facts.checkpoints,
    code: facts.code,
    count: facts.count,
    events: facts.events,
    fields: facts.fields,
    format: FORMAT,
    id,
    kind: facts.kind,
    migrations: facts.migrations,
    milliseconds: facts.milliseconds,
    minimum_index: facts.minimum_index,
    missing: facts.missing,
    note: facts.note,
    outcome: facts.outcome,
    partner: facts.partner,
    policy_version: facts.policy_version,
    public_key: facts.public_key,
    purpose: facts.purpose,
    ranges: facts.ranges,
    reason: facts.reason,
    record_version: facts.record_version,
    replay_of: facts.replay_of,
    request_id: facts.request_id,
    route: facts.route,
    schema: facts.schema,
    search_by: facts.search_by,
    since: facts.since,
    site: facts.site,
    source: facts.source ?? facts.caller?.source,
    sources: facts.sources,
    status: facts.status,
    subject: facts.subject,
    ticket: facts.ticket,
    token: facts.token,
    tokens: facts.tokens,
    type: facts.type,
    until: facts.until,
    vouched: facts.vouched,
  }
}

/**
 * The canonical form is RFC 8785 (JSON Canonicalization Scheme) over the facts with `format`, `id` and `at`:
 * sorted members, no white space, UTF-8. `at` is RFC 3339 in UTC with milliseconds. Absent facts are left out.
 * Numbers and strings in it are written as ECMAScript's JSON.stringify does (sections 3.2.2.2 and 3.2.2.3).
 *
 * @param host the name of this machine, where events come from that neither a request nor an operator has made
 */
export function createNewAuditEvent(now: () => Date, newId: NewId, host?: string): NewAuditEvent {
  /** For events of the vault itself; refusals that are counted together have a source of their own. */
  const here = host === undefined ? undefined : `host:${host}`
  const placed = (facts: AuditFacts): AuditFacts =>
    facts.source === undefined && facts.caller?.source === undefined && facts.sources === undefined
      ? { ...facts, source: here }
      : facts
  return (facts) => {
    const occurredAt = now()
    // One look at the clock: what is found by the time in ids is what the events say.
    const id = newId('evt', occurredAt)
    const body = JSON.stringify(inCanonicalOrder(id, occurredAt.toISOString(), placed(facts)))
    return {
      id,
      occurredAt,
      type: facts.type,
      purpose: facts.purpose ?? null,
      caller: facts.caller?.id ?? null,
      token: facts.token ?? null,
      site: facts.site ?? null,
      body,
    }
  }
}
