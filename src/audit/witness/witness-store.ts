import { textArray } from '../../database/binary-array.ts'
import type { Queryable, Statement } from '../../database/database.ts'

/** A target that is due, and the latest checkpoint, which it does not have yet. */
export interface DueShipment {
  target: string
  /** The size of the last checkpoint that arrived there; 0 when none did. */
  shipped: number
  size: number
  note: string
}

const ADD_TARGETS: Statement = {
  name: 'add-shipment-targets',
  text: 'INSERT INTO audit_shipments (target) SELECT * FROM unnest($1::text[]) ON CONFLICT DO NOTHING',
}

export async function addTargets(db: Queryable, targets: readonly string[]): Promise<void> {
  await db.query(ADD_TARGETS, [textArray(targets)])
}

/** No target waits longer, whatever the table says. */
const LONGEST_PAUSE = '1 day 1 hour'

/**
 * A server that takes a target postpones it for all, so that no two ship there at once. A checkpoint that is shipped is
 * kept.
 */
const TAKE_DUE: Statement = {
  name: 'take-due-shipments',
  text: `WITH
    head AS (SELECT size, note, created_at FROM audit_head),
    due AS (
      UPDATE audit_shipments s SET next_at = now() + $2 * interval '1 second' FROM head
      WHERE s.target = ANY ($1::text[]) AND s.size <> head.size
        AND ($3 OR s.next_at <= now() OR s.next_at > now() + interval '${LONGEST_PAUSE}')
      RETURNING s.target, s.size AS shipped, head.size, head.note),
    kept AS (
      INSERT INTO audit_checkpoints (size, note, created_at) SELECT * FROM head WHERE EXISTS (SELECT FROM due)
      ON CONFLICT DO NOTHING)
    SELECT target, shipped::float8 AS shipped, size::float8 AS size, note FROM due`,
}

/**
 * The targets that are due.
 *
 * @param leaseSeconds how long they belong to this server
 * @param isLast whether recently served targets are due too
 */
export function takeDueShipments(
  db: Queryable,
  targets: readonly string[],
  leaseSeconds: number,
  isLast: boolean,
): Promise<DueShipment[]> {
  return db.query(TAKE_DUE, [textArray(targets), leaseSeconds, isLast])
}

const SETTLE: Statement = {
  name: 'settle-shipment',
  text: `UPDATE audit_shipments SET size = $2, next_at = now() + $3 * interval '1 second' WHERE target = $1`,
}

/** Says how far a target has come, and in how many seconds it is due again. */
export async function settleShipment(db: Queryable, target: string, size: number, dueInSeconds: number): Promise<void> {
  await db.query(SETTLE, [target, size, dueInSeconds])
}

const ADD_COSIGNATURE: Statement = {
  name: 'add-cosignature',
  text: `INSERT INTO audit_cosignatures (checkpoint, witness, signature, cosigned_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING`,
}

/** Keeps what a witness has signed under the text of a checkpoint. */
export async function addCosignature(
  db: Queryable,
  checkpoint: string,
  witness: string,
  { signature, cosignedAt }: { signature: string; cosignedAt: Date },
): Promise<void> {
  await db.query(ADD_COSIGNATURE, [checkpoint, witness, signature, cosignedAt])
}

const SELECT_COSIGNATURES: Statement = {
  name: 'select-cosignatures',
  text: `SELECT coalesce(string_agg(signature, '' ORDER BY witness), '') AS lines FROM audit_cosignatures
         WHERE checkpoint = $1`,
}

/** The lines that witnesses have put under the text of a checkpoint. */
export async function cosignaturesFor(db: Queryable, checkpoint: string): Promise<string> {
  return (await db.query<{ lines: string }>(SELECT_COSIGNATURES, [checkpoint]))[0]?.lines ?? ''
}
