import type { Queryable, Statement } from '../../database/database.ts'
import { parseNote } from '../formats/signed-note.ts'
import type { LogHead } from '../log/log-store.ts'
import { cosignaturesFor } from '../witness/witness-store.ts'

/** A checkpoint with what witnesses have signed under it. */
export interface DeliveredCheckpoint {
  size: number
  note: string
}

/** The first 30 bits of its signature, which are of the id of the key. */
const SIGNER = `substring(note FROM '\\s(\\S{5})\\S*\\s*$')`

/** Besides the head: the last checkpoint of each former key, which vouches for the next one, and the last that a witness signed. */
const SELECT_VOUCHERS: Statement = {
  name: 'select-vouching-checkpoints',
  text: `WITH
    signed AS (
      SELECT size, note, ${SIGNER} AS signer FROM audit_checkpoints WHERE size < $1
      UNION ALL SELECT $1, $2, ${SIGNER.replace('note', '$2')}),
    last_of_key AS (
      SELECT size, note FROM (SELECT *, lead(signer) OVER (ORDER BY size) AS next FROM signed) s WHERE next <> signer),
    cosigned AS (
      SELECT split_part(checkpoint, E'\\n', 2)::bigint AS size FROM audit_cosignatures ORDER BY cosigned_at DESC LIMIT 1)
    SELECT size::float8 AS size, note FROM last_of_key
    UNION SELECT size::float8, note FROM audit_checkpoints WHERE size = (SELECT size FROM cosigned) AND size < $1
    ORDER BY size`,
}

/** What proves the log up to that head without the vault, in the order of their sizes; the head is the last one. */
export async function selectProof(
  db: Queryable,
  { size, note }: Pick<LogHead, 'size' | 'note'>,
): Promise<DeliveredCheckpoint[]> {
  const vouchers = await db.query<DeliveredCheckpoint>(SELECT_VOUCHERS, [size, note])
  const all = [...vouchers, { size, note }]
  return Promise.all(
    all.map(async (one) => ({ ...one, note: one.note + (await cosignaturesFor(db, parseNote(one.note).text)) })),
  )
}
