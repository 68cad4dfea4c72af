import { eventUuidOf } from '../../audit/event/event-id.ts'
import { nameSql, queryStored } from '../../audit/event/event-row-store.ts'
import { isSought, type SoughtType } from '../../audit/event/sought-type.ts'
import type { FindState, OtherEvent, Unvouched, VouchedType } from '../../audit/event/vouch.ts'
import type { Queryable, Statement } from '../../database/database.ts'

/** Event and state are of one transaction, which may have waited. */
const SAME_TIME_MS = 60_000

/** The events that take access away, and where the database shows since when. */
const TAKEN_AWAY: Record<Exclude<VouchedType, 'root-key.share'>, Statement> = {
  'client.revoke': {
    name: 'find-revoked-client',
    text: 'SELECT revoked_at AS since FROM clients WHERE id = $1 AND revoked_at IS NOT NULL',
  },
  'partner.end': {
    name: 'find-ended-partner',
    text: 'SELECT ended_at AS since FROM partners WHERE id = $1 AND ended_at IS NOT NULL',
  },
  'staff.disable': {
    name: 'find-disabled-staff',
    text: 'SELECT disabled_at AS since FROM disabled_staff WHERE id = $1',
  },
}

/** Shares are brought to a vault that has no keys yet. */
const FIND_SHARED_ROOT_KEY: Statement = {
  name: 'find-shared-root-key',
  text: "SELECT FROM root_keys WHERE id = $1 AND provider = 'custodian-shares'",
}

/**
 * Each takes the subject as JSON, a position and an id. The types are in the text, so that there is an index over them.
 */
const selectOthers = (name: string, ...types: readonly SoughtType[]): Statement => ({
  name: `select-other-events-of-${name}`,
  text: `SELECT e.id, ${nameSql('type', 'e.type')} AS type, e.body, e.mac, e.position > $2 AS "isLater",
                l.hash IS NOT NULL AND l.hash = sha256('\\x00'::bytea || convert_to(e.body, 'UTF8')) AS "isLogged"
         FROM audit_events e LEFT JOIN audit_leaves l ON l.event = e.id
         WHERE ${isSought(...types)} AND strpos(e.body, '"subject":' || $1) > 0 AND e.id <> $3 ORDER BY e.position`,
})
const OTHERS: typeof TAKEN_AWAY = {
  'client.revoke': selectOthers('client', 'client.revoke'),
  'partner.end': selectOthers('partner', 'partner.end'),
  'staff.disable': selectOthers('staff', 'staff.disable', 'staff.enable'),
}

/**
 * Whether a client is revoked, a person disabled, a contract ended, or a root key one of custodians, and the event is
 * the first that says so. Access may have been given again before a server with keys was there; the event of that shows
 * it.
 */
export const findTakenAway: FindState = async (db, event, keepProven) => {
  const { id, type, subject, position } = event
  if (type === 'root-key.share') return (await db.query(FIND_SHARED_ROOT_KEY, [subject])).length > 0
  const others = await queryStored<OtherEvent>(db, OTHERS[type], [JSON.stringify(subject), position, eventUuidOf(id)])
  const proven = await keepProven(others)
  const before = proven.findLast(({ isLater }) => !isLater)
  const after = proven.find(({ isLater }) => isLater)
  if (before?.type === type) return false
  return after?.type === 'staff.enable' || isStill(db, event, TAKEN_AWAY[type])
}

async function isStill(db: Queryable, { subject, at }: Unvouched, statement: Statement): Promise<boolean> {
  const [state] = await db.query<{ since: Date }>(statement, [subject])
  return state !== undefined && Math.abs(state.since.getTime() - at.getTime()) <= SAME_TIME_MS
}
