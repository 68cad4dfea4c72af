import type { AuditEventType } from '../audit/event/audit-event.ts'
import { eventUuidAt, eventUuidOf } from '../audit/event/event-id.ts'
import { queryStored, type StoredEvent } from '../audit/event/event-row-store.ts'
import { textArray } from '../database/binary-array.ts'
import type { Queryable, Statement } from '../database/database.ts'
import { idArray } from '../database/id-array.ts'
import { spellOut } from '../database/lean-rows.ts'

const SELECT_LEAF_HASHES: Statement = {
  name: 'select-leaf-hashes-to-compare',
  text: 'SELECT sequence::float8 AS sequence, hash FROM audit_leaves WHERE sequence BETWEEN $1 AND $2',
}

/** The hashes of the leaves from the first to the last, by their numbers. */
export async function selectLeafHashes(db: Queryable, first: number, last: number): Promise<Map<number, Buffer>> {
  const rows = await db.query<{ sequence: number; hash: Buffer }>(SELECT_LEAF_HASHES, [first, last])
  return new Map(rows.map(({ sequence, hash }) => [sequence, hash]))
}

/** A record as the database has it. */
export interface HeldRecord {
  token: string
  site: string
  version: number
  consents: string[]
  isErased: boolean
}

const SELECT_HELD: Statement = {
  name: 'select-held-records',
  text: `SELECT token, kind, site, version, consents, erased_at IS NOT NULL AS "isErased" FROM records WHERE token = ANY($1::uuid[])`,
}

/** How many tokens are asked for at a time. */
const TOKENS_AT_A_TIME = 5_000

/** Those of the records that the database has. */
export async function selectHeldRecords(db: Queryable, tokens: readonly string[]): Promise<Map<string, HeldRecord>> {
  const held = new Map<string, HeldRecord>()
  for (let at = 0; at < tokens.length; at += TOKENS_AT_A_TIME) {
    const some = tokens.slice(at, at + TOKENS_AT_A_TIME)
    const rows = await db.query<Record<string, unknown>>(SELECT_HELD, [idArray(some)])
    for (const row of await spellOut<HeldRecord>(db, rows)) held.set(row.token, row)
  }
  return held
}

/** What `restore apply` writes for what it takes away. */
const REPEATING = [
  'record.erase',
  'consent.withdraw',
  'client.revoke',
  'client.end-credential',
  'staff.disable',
  'partner.replace-keys',
  'partner.end',
  'caller.suspend',
  'approval.refuse',
  'roles.apply',
  'destinations.apply',
  'hold.add',
] satisfies AuditEventType[]

const SELECT_REPEATING: Statement = {
  name: 'select-repeating-events',
  text: `SELECT id, body, mac, (SELECT sequence::float8 FROM audit_leaves WHERE event = e.id) AS sequence
         FROM audit_events e
         WHERE id >= $1 AND id > $2
           AND type = ANY (ARRAY(SELECT id FROM dictionary WHERE sort = 'type' AND name = ANY ($3::text[]))) AND position('"replay_of":' IN body) > 0
         ORDER BY id LIMIT $4`,
}

/** How many events are read at a time. */
const EVENTS_AT_A_TIME = 1_000

/** The events since then that repeat another one. What they say is for the caller to prove. */
export async function* selectRepeating(db: Queryable, since: Date): AsyncGenerator<StoredEvent> {
  const from = eventUuidAt(since)
  let after = eventUuidAt(new Date(0))
  for (;;) {
    const values = [from, after, textArray(REPEATING), EVENTS_AT_A_TIME]
    const some = await queryStored<StoredEvent>(db, SELECT_REPEATING, values)
    yield* some
    if (some.length < EVENTS_AT_A_TIME) return
    after = eventUuidOf(some.at(-1)!.id)!
  }
}

const SELECT_OPEN_APPROVALS: Statement = {
  name: 'select-records-with-open-approvals',
  text: `SELECT DISTINCT token FROM approvals
         WHERE token = ANY($1::text[]) AND state IN ('pending', 'approved') AND expires_at > $2`,
}

/** Those of the records that a release waits for or is approved of. */
export async function selectTokensWithApprovals(
  db: Queryable,
  tokens: readonly string[],
  now: Date,
): Promise<Set<string>> {
  const rows = await db.query<{ token: string }>(SELECT_OPEN_APPROVALS, [textArray(tokens), now])
  return new Set(rows.map(({ token }) => token))
}
