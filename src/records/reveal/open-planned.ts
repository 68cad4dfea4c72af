import type { Purpose } from '../../access/policy/purpose.ts'
import type { AuditFacts } from '../../audit/event/audit-event.ts'
import type { EarlierReveal } from '../../audit/event/event-lookup-store.ts'
import { leaveOutRecord, type UnfinishedEvent } from '../../audit/event/unfinished-event.ts'
import type { Details } from '../../kinds/kind.ts'
import type { Kind } from '../../kinds/kinds.ts'
import type { PolicySet } from '../../policies/policy.ts'
import { requirePurpose } from '../../policies/require-purpose.ts'
import { Problem } from '../../values/problem.ts'
import { Sensitive } from '../../values/sensitive.ts'
import type { RecordDeps } from '../dependencies.ts'
import { openDetails, requireOwnToken } from '../record/sealed-record.ts'
import { kindNameOf, type Token } from '../record/token.ts'
import type { LookedUp } from '../search/look-up-store.ts'
import type { RedeemedApproval } from './redeem-approval.ts'
import { requireLive } from './require-live.ts'

/** What all events of a reveal, or of a release to a partner, say. */
export type ReleaseAbout = Pick<AuditFacts, 'request_id' | 'caller' | 'site' | 'ticket' | 'authority' | 'partner'> & {
  type: 'record.reveal' | 'record.release'
  purpose: Purpose
}

/** A release that has been decided, before its record is looked at. */
export interface Plan {
  token: Token
  /** What is granted, whether the record has it or not. */
  fields: string[]
  /** What a replay repeats. */
  first: EarlierReveal | undefined
  approval: RedeemedApproval | undefined
}

/** A record that was opened, and the event of its release, which has not committed yet. Holds plaintext. */
export interface Opened {
  plan: Plan
  record: Exclude<LookedUp, string | undefined>
  /** The consent that the record must still have when the release commits. */
  consent: Purpose | undefined
  data: Sensitive<Details>
  event: UnfinishedEvent
}

/**
 * Opens the part of the record that is to leave, and makes the event of its release, which names the fields that the record has.
 *
 * @throws {Problem} record-not-found, record-gone, purpose-not-notified, consent-missing, erasure-postponed,
 *   record-changed, record-integrity
 */
export async function openPlanned(
  deps: Pick<RecordDeps, 'erasures' | 'keys' | 'kinds' | 'newAuditEvent'> & { policies: PolicySet },
  about: ReleaseAbout,
  plan: Plan,
  found: LookedUp,
): Promise<Opened> {
  const record = requireLive(found)
  const { token, fields, first, approval } = plan
  await requireOwnToken(deps.keys, record, 'secret', token)
  const consent = requirePurpose(deps.policies, about.purpose, record)
  deps.erasures.requireUnrestricted(token, about.purpose)
  // The record was corrected after the approval, so no person has approved its present values.
  if ((approval?.approved?.version ?? record.version) !== record.version) throw new Problem('record-changed')
  const data = pick(deps.kinds[record.kind], await openDetails(deps.keys, { ...record, secret: record.sealed }), fields)
  const event = leaveOutRecord(deps.newAuditEvent, {
    ...about,
    outcome: 'success',
    token,
    kind: kindNameOf(token),
    fields: Object.keys(data),
    approval: approval?.id,
    replay_of: first?.id,
  })
  return { plan, record, consent, data: new Sensitive(data), event }
}

/** The fields of the details, and what views derive from them. */
export function pick(kind: Kind, details: Details, names: readonly string[]): Details {
  const display = names.every((name) => kind.fields.includes(name)) ? {} : kind.display(details)
  const shown = { ...display, ...details }
  return Object.fromEntries(names.filter((name) => shown[name] !== undefined).map((name) => [name, shown[name]]))
}
