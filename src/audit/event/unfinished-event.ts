import type { AuditEvent, AuditFacts, NewAuditEvent } from './audit-event.ts'

/**
 * The event of a release whose record is looked up later: its body in three pieces, between which the record's
 * `policy_version` and `record_version` belong, each member followed by a comma.
 */
export interface UnfinishedEvent extends Omit<AuditEvent, 'body'> {
  body: readonly [head: string, middle: string, tail: string]
}

/** No policy version, and a version that no record has: they only mark the gaps. */
const UNKNOWN = { policy_version: '?', record_version: 0 } as const

/** Makes an event that lacks what only the record knows. */
export function leaveOutRecord(
  newAuditEvent: NewAuditEvent,
  facts: Omit<AuditFacts, keyof typeof UNKNOWN>,
): UnfinishedEvent {
  const { body, ...event } = newAuditEvent({ ...facts, ...UNKNOWN })
  // Inside a text the quotation marks would be escaped, so these are the members themselves; `type` comes after both.
  const [head, rest] = body.split('"policy_version":"?",', 2) as [string, string]
  const [middle, tail] = rest.split('"record_version":0,', 2) as [string, string]
  return { ...event, body: [head, middle, tail] }
}

/** The event with what only the record knows. */
export function finishEvent(
  { body: [head, middle, tail], ...event }: UnfinishedEvent,
  record: { policyVersion?: string | undefined; version: number },
): AuditEvent {
  const policy = record.policyVersion === undefined ? '' : `"policy_version":${JSON.stringify(record.policyVersion)},`
  return { ...event, body: `${head}${policy}${middle}"record_version":${record.version},${tail}` }
}
