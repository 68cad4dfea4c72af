import type { AuditEvent } from '../audit/event/audit-event.ts'
import { EVENT_ARRAYS, type EventArrays, insertEventsSql, writeEvents } from '../audit/event/audit-store.ts'
import { byteaArray } from '../database/binary-array.ts'
import { buildStatement } from '../database/build-statement.ts'
import type { Database, Queryable, Statement } from '../database/database.ts'
import { requireDone } from '../database/require-done.ts'
import { sweep, takeTurn } from '../database/sweep.ts'
import type { StoredCode } from './security-code.ts'

const COLUMNS = 'id, expires_at, recipients, seals, mac'

const INSERT = buildStatement(
  'insert-security-code',
  {
    ...EVENT_ARRAYS,
    id: 'text',
    expires_at: 'timestamptz',
    recipients: 'bytea[]',
    seals: 'bytea[]',
    mac: 'bytea',
  },
  (p) => `WITH kept AS (
            INSERT INTO security_codes (${COLUMNS})
            VALUES (${p.id}, ${p.expires_at}, ${p.recipients}, ${p.seals}, ${p.mac}) RETURNING id),
          written AS (${insertEventsSql(p)})
          SELECT EXISTS (SELECT FROM kept) AS done`,
)
const SELECT: Statement = {
  name: 'select-security-code',
  text: `SELECT ${COLUMNS} FROM security_codes WHERE id = $1 AND expires_at > $2`,
}
const TAKE: Statement = {
  name: 'take-security-code',
  text: 'DELETE FROM security_codes WHERE id = $1 RETURNING id',
}
/** Servers take turns. Two that delete the same rows in another order would wait for each other. */
const SWEEP_LOCK = 0x7374_7213
const SWEEP: Statement = {
  name: 'sweep-security-codes',
  text: `WITH ${takeTurn(SWEEP_LOCK)}
         DELETE FROM security_codes WHERE (SELECT is_mine FROM turn) AND id IN (
           SELECT id FROM security_codes WHERE expires_at <= $1 LIMIT $2)
         RETURNING true`,
}

/** Stores a code, with its events in the same statement. @throws {Problem} audit-unavailable */
export async function insertCode(db: Database, code: StoredCode, events: readonly AuditEvent[]): Promise<void> {
  const { id, expiresAt, recipients, seals, mac } = code
  const sealed = { recipients: byteaArray(recipients), seals: byteaArray(seals) }
  const row = { id, expires_at: expiresAt, ...sealed, mac }
  const write = (arrays: EventArrays, on: Queryable) =>
    on.query<{ done: boolean }>(INSERT, INSERT.valuesOf({ ...arrays, ...row }))
  requireDone(await writeEvents(db, events, write))
}

export async function selectCode(db: Queryable, id: string, now: Date): Promise<StoredCode | undefined> {
  const rows = await db.query<Omit<StoredCode, 'expiresAt'> & { expires_at: Date }>(SELECT, [id, now])
  return rows.map(({ expires_at, ...row }) => ({ ...row, expiresAt: expires_at }))[0]
}

/** False when it is gone. */
export async function takeCode(tx: Queryable, id: string): Promise<boolean> {
  return (await tx.query(TAKE, [id])).length > 0
}

/** Removes codes that have expired. */
export function sweepCodes(db: Queryable, now: Date): Promise<number> {
  return sweep(db, SWEEP, [now])
}
