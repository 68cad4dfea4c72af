import type { AuditFacts } from './audit-event.ts'

/** The version of the canonical form: a member of every event, so that old ones stay readable for ever. */
const FORMAT = 1

/**
 * Every member of an event in the order of RFC 8785, section 3.2.3. The type asks for each of them, so that a new fact
 * cannot be forgotten here; `audit-event.test.ts` compares the result with another implementation.
 */
export function inCanonicalOrder(
  id: string,
  at: string,
  facts: AuditFacts,
): Record<keyof AuditFacts | 'at' | 'format' | 'id', unknown> {
  const { caller } = facts
  return {
    account: facts.account ?? caller?.account,
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
    subject: facts.subject,
    ticket: facts.ticket,
    token: facts.token,
    tokens: facts.tokens,
    type: facts.type,
    until: facts.until,
    vouched: facts.vouched,
  }
}
