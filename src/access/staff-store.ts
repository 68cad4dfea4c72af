import { textArray } from '../database/binary-array.ts'
import type { Queryable, Statement } from '../database/database.ts'

const DISABLE: Statement = {
  name: 'disable-staff',
  text: 'INSERT INTO disabled_staff (id, disabled_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING',
}
const ENABLE: Statement = {
  name: 'enable-staff',
  text: 'DELETE FROM disabled_staff WHERE id = $1 RETURNING id',
}
const SELECT_DISABLED: Statement = {
  name: 'select-disabled-staff',
  text: 'SELECT id FROM disabled_staff WHERE id = ANY($1::text[])',
}

export async function insertDisabledStaff(db: Queryable, id: string, now: Date): Promise<void> {
  await db.query(DISABLE, [id, now])
}

/** Whether the person was disabled. */
export async function deleteDisabledStaff(db: Queryable, id: string): Promise<boolean> {
  return (await db.query(ENABLE, [id])).length > 0
}

/** Who of the people was not disabled: asked on every request, so that it holds from the next one on. */
export async function areEnabledStaff(db: Queryable, ids: readonly string[]): Promise<boolean[]> {
  const rows = await db.query<{ id: string }>(SELECT_DISABLED, [textArray([...new Set(ids)])])
  const disabled = new Set(rows.map(({ id }) => id))
  return ids.map((id) => !disabled.has(id))
}
