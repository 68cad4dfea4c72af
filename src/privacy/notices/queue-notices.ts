import { type Partner, selectPartners } from '../../access/ledger/partner-store.ts'
import { kindFields } from '../../access/policy/view.ts'
import type { NewAuditEvent } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { EventAuthenticity } from '../../audit/log/event-authenticity.ts'
import { readAllEvents } from '../../audit/reading/read-all-events.ts'
import type { Queryable } from '../../database/database.ts'
import type { AfterCorrection, Correction, GivenTo } from '../../records/change/after-correction.ts'
import type { NewId } from '../../values/identifier.ts'
import { insertNotice } from './notice-store.ts'

/** A partner that was given a value within this time gets a notice of its correction (Singapore, PDPA section 22(2)(b); GDPR Article 19). */
const DAYS = 365
const DAY_MS = 24 * 60 * 60 * 1000

/** The events by which values leave to a partner. */
const GIVING = new Set(['record.reveal', 'record.release', 'record.forward'])

export interface QueueNoticesDeps {
  authenticity: EventAuthenticity
  newAuditEvent: NewAuditEvent
  newId: NewId
  now: () => Date
}

/**
 * Queues a notice for each partner that was given a value which a correction replaces, in the transaction of the correction. The
 * record is locked, so what was released before is in the log.
 */
export function createAfterCorrection(deps: QueueNoticesDeps): AfterCorrection {
  return async (tx, correction) => {
    const given = await findGiven(deps, tx, correction)
    if (given.size === 0) return []
    const partners = (await selectPartners(tx)).filter(({ id }) => given.has(id))
    for (const partner of partners) await queue(deps, tx, correction, partner)
    return partners.map(({ id, name, country }): GivenTo => ({ partner: id, name, country }))
  }
}

/** The ids of the partners. */
async function findGiven(
  { authenticity, now }: QueueNoticesDeps,
  tx: Queryable,
  { token, kind, fields }: Correction,
): Promise<Set<string>> {
  const since = new Date(now().getTime() - DAYS * DAY_MS)
  const partners = new Set<string>()
  // What is no field of the kind is derived from some.
  const isOld = (field: string) => fields.includes(field) || !kindFields[kind].includes(field)
  for await (const read of readAllEvents({ database: tx, authenticity }, { token, since })) {
    const event = read as { type?: string; outcome?: string; partner?: string; fields?: string[] }
    const isGiving = GIVING.has(event.type ?? '') && event.outcome === 'success' && event.partner !== undefined
    if (isGiving && event.fields?.some(isOld)) partners.add(event.partner!)
  }
  return partners
}

async function queue(
  { newAuditEvent, newId, now }: QueueNoticesDeps,
  tx: Queryable,
  { token, kind, site, fields, version, caller, requestId }: Correction,
  partner: Partner,
): Promise<void> {
  const id = newId('notice')
  const event = newAuditEvent({
    type: 'notice.queue',
    outcome: 'success',
    request_id: requestId,
    caller,
    site,
    token,
    kind,
    fields,
    partner: partner.id,
    record_version: version,
    subject: id,
  })
  await insertEvents(tx, [event])
  await insertNotice(tx, { id, event: event.id, at: now() })
}
