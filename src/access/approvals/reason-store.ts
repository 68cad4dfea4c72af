import type { Queryable, Statement } from '../../database/database.ts'
import { numberOf } from '../../database/lean-rows.ts'
import { requireDone } from '../../database/require-done.ts'

const INSERT: Statement = {
  name: 'insert-reason',
  text: 'INSERT INTO reveal_reasons (event, reason_key, reason_sealed) VALUES ($1, $2, $3) RETURNING true AS done',
}

/** Keeps the text of a reason, sealed, beside the event or approval of that id. */
export async function insertReason(
  tx: Queryable,
  event: string,
  reason: { keyId: string; bytes: Buffer } | undefined,
): Promise<void> {
  if (reason === undefined) return
  const key = await numberOf(tx, 'key', reason.keyId)
  requireDone(await tx.query(INSERT, [event, key, reason.bytes]))
}
