import type { Queryable, Statement } from '../database/database.ts'
import { foldedId, isSamePerson } from './person.ts'

const DISABLE: Statement = {
  name: 'disable-staff',
  text: 'INSERT INTO disabled_staff (id, folded, disabled_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING RETURNING id',
}
const SELECT_MAYBE_DISABLED: Statement = {
  name: 'select-staff-maybe-disabled',
  text: 'SELECT id FROM disabled_staff WHERE folded = $1 OR folded IS NULL',
}
const ENABLE: Statement = {
  name: 'enable-staff',
  text: 'DELETE FROM disabled_staff WHERE id = ANY($1::text[]) RETURNING id',
}
const SELECT: Statement = {
  name: 'select-disabled-staff',
  text: 'SELECT id, disabled_at FROM disabled_staff ORDER BY disabled_at, id',
}

/** False when that id was disabled before. */
export async function insertDisabledStaff(db: Queryable, id: string, now: Date): Promise<boolean> {
  return (await db.query(DISABLE, [id, foldedId(id), now])).length > 0
}

/** Whether the person was disabled, however their id was written then. */
export async function deleteDisabledStaff(db: Queryable, id: string): Promise<boolean> {
  const rows = await db.query<{ id: string }>(SELECT_MAYBE_DISABLED, [foldedId(id)])
  const written = rows.map((row) => row.id).filter((one) => isSamePerson(one, id))
  return (await db.query(ENABLE, [written])).length > 0
}

export function selectDisabledStaff(db: Queryable): Promise<{ id: string; disabled_at: Date }[]> {
  return db.query(SELECT)
}
