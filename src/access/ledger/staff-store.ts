import type { Queryable, Statement } from '../../database/database.ts'
import { requireDone } from '../../database/require-done.ts'
import { foldedId, isSamePerson } from '../policy/person.ts'

const DISABLE: Statement = {
  name: 'disable-staff',
  text: 'INSERT INTO disabled_staff (id, folded, disabled_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING RETURNING id',
}
const SELECT_MAYBE_DISABLED: Statement = {
  name: 'select-staff-maybe-disabled',
  text: 'SELECT id FROM disabled_staff WHERE folded = $1',
}
const ENABLE: Statement = {
  name: 'enable-staff',
  text: 'DELETE FROM disabled_staff WHERE id = ANY($1::text[])',
}
const IS_DISABLED: Statement = {
  name: 'is-staff-disabled',
  text: 'SELECT true AS done FROM disabled_staff WHERE id = $1',
}
const IS_ENABLED: Statement = {
  name: 'is-staff-enabled',
  text: 'SELECT NOT EXISTS (SELECT FROM disabled_staff WHERE id = ANY($1::text[])) AS done',
}
const SELECT: Statement = {
  name: 'select-disabled-staff',
  text: 'SELECT id, disabled_at FROM disabled_staff ORDER BY disabled_at, id',
}

/** False when that id was disabled before. */
export async function insertDisabledStaff(tx: Queryable, id: string, now: Date): Promise<boolean> {
  const isNews = (await tx.query(DISABLE, [id, foldedId(id), now])).length > 0
  requireDone(await tx.query(IS_DISABLED, [id]))
  return isNews
}

/** Whether the person was disabled, however their id was written then. */
export async function deleteDisabledStaff(tx: Queryable, id: string): Promise<boolean> {
  const rows = await tx.query<{ id: string }>(SELECT_MAYBE_DISABLED, [foldedId(id)])
  const written = rows.map((row) => row.id).filter((one) => isSamePerson(one, id))
  await tx.query(ENABLE, [written])
  requireDone(await tx.query(IS_ENABLED, [written]))
  return written.length > 0
}

export function selectDisabledStaff(db: Queryable): Promise<{ id: string; disabled_at: Date }[]> {
  return db.query(SELECT)
}
