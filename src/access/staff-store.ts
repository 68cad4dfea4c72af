import type { Queryable, Statement } from '../database/database.ts'

const DISABLE: Statement = {
  name: 'disable-staff',
  text: 'INSERT INTO disabled_staff (id, disabled_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING',
}
const ENABLE: Statement = {
  name: 'enable-staff',
  text: 'DELETE FROM disabled_staff WHERE id = $1 RETURNING id',
}
const SELECT: Statement = {
  name: 'select-disabled-staff',
  text: 'SELECT id, disabled_at FROM disabled_staff ORDER BY disabled_at, id',
}

export async function insertDisabledStaff(db: Queryable, id: string, now: Date): Promise<void> {
  await db.query(DISABLE, [id, now])
}

/** Whether the person was disabled. */
export async function deleteDisabledStaff(db: Queryable, id: string): Promise<boolean> {
  return (await db.query(ENABLE, [id])).length > 0
}

export function selectDisabledStaff(db: Queryable): Promise<{ id: string; disabled_at: Date }[]> {
  return db.query(SELECT)
}
