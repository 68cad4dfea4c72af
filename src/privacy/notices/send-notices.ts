import { type NewAuditEvent, VAULT } from '../../audit/event/audit-event.ts'
import { insertEvents } from '../../audit/event/audit-store.ts'
import type { EventAuthenticity } from '../../audit/log/event-authenticity.ts'
import { readEvents } from '../../audit/reading/read-events.ts'
import type { Database } from '../../database/database.ts'
import type { DestinationSet } from '../../destinations/destination-set.ts'
import type { MessageKey } from '../../keys/message-key.ts'
import { timeOfId } from '../../values/identifier.ts'
import { NOTICE_PAUSES, type Notice } from './notice.ts'
import { claimNotices, markDelivered, markFailed, type StoredNotice } from './notice-store.ts'
import { NotTaken, type Post } from './post.ts'
import { signNotice } from './sign-notice.ts'

const MOST_AT_ONCE = 20
const TAG = 'strongroom-notice'

export interface SendNoticesDeps {
  database: Database
  authenticity: EventAuthenticity
  newAuditEvent: NewAuditEvent
  now: () => Date
  messageKey: () => Promise<MessageKey>
  /** The receivers are in it. @throws {Problem} sealed, busy, database-unavailable */
  inForce: () => Promise<DestinationSet>
  post: Post
}

/** Sends the notices that are due, each at least once; one that is not taken is tried again after a growing pause. */
export async function sendNotices(deps: SendNoticesDeps): Promise<void> {
  let claimed: StoredNotice[]
  do {
    claimed = await claimNotices(deps.database, deps.now(), MOST_AT_ONCE, NOTICE_PAUSES)
    if (claimed.length === 0) return
    const set = await deps.inForce()
    // A slow receiver holds up no other.
    await Promise.all(claimed.map((notice) => sendOne(deps, set, notice)))
  } while (claimed.length === MOST_AT_ONCE)
}

async function sendOne(deps: SendNoticesDeps, set: DestinationSet, stored: StoredNotice): Promise<void> {
  const { database, messageKey, now, post } = deps
  try {
    const queued = await findQueued(deps, stored)
    if (queued === undefined) throw new NotTaken('the event of the notice is not in the log')
    if (set.distrusted) throw new NotTaken('the receivers were changed outside the vault')
    const receiver = set.receivers?.partners[queued.notice.partner]
    if (receiver === undefined) throw new NotTaken('no receiver is configured for the partner')
    const body = Buffer.from(JSON.stringify(queued.notice), 'utf8')
    const headers = signNotice(await messageKey(), receiver, body, { now: now(), tag: TAG })
    await post(queued.notice.partner, receiver, { headers, body })
    await acknowledge(deps, queued)
  } catch (error) {
    if (!(error instanceof NotTaken)) throw error
    await markFailed(database, stored.id, error.message)
  }
}

/** What was queued, with the site of the record. */
interface Queued {
  notice: Notice
  site: string
}

/** What the vault's own event says. What the row says of it does not count: who can write there could send anything. */
async function findQueued(
  { database, authenticity }: Pick<SendNoticesDeps, 'database' | 'authenticity'>,
  { id, event }: StoredNotice,
): Promise<Queued | undefined> {
  const at = timeOfId(event)
  if (at === undefined) return undefined
  const page = { type: 'notice.queue', since: new Date(at), until: new Date(at + 1), limit: 1_000 }
  const { events } = await readEvents({ database, authenticity }, page, Number.POSITIVE_INFINITY)
  const found = events.find((one) => one.id === event && one.subject === id && one.unverified !== true)
  if (found === undefined) return undefined
  const {
    token,
    kind,
    fields,
    partner,
    record_version,
    at: time,
    site,
  } = found as unknown as {
    [member in 'token' | 'kind' | 'partner' | 'at' | 'site']: string
  } & { fields: string[]; record_version: number }
  const facts = { partner, record: token, kind, fields, version: record_version, at: time }
  return { notice: { format: 1, id, type: 'record.corrected', ...facts }, site }
}

async function acknowledge(
  { database, newAuditEvent, now }: SendNoticesDeps,
  { notice: { id, partner, record, kind }, site }: Queued,
): Promise<void> {
  await database.transaction(async (tx) => {
    if (!(await markDelivered(tx, id, now()))) return
    const facts = { type: 'notice.deliver', outcome: 'success', caller: VAULT, site, token: record, kind } as const
    await insertEvents(tx, [newAuditEvent({ ...facts, partner, subject: id })])
  })
}
