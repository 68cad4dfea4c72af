import type { Queryable, Statement } from '../database/database.ts'

const DISABLE: Statement = {
  name: 'disable-staff',
  text: 'INSERT INTO disabled_staff (id, disabled_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING',
}
const ENABLE: Statement = {
  name: 'enable-staff',
  text: 'DELETE FROM disabled_staff WHERE id = $1 RETURNING id',
}
export async function insertDisabledStaff(db: Queryable, id: string, now: Date): Promise<void> {
  await db.query(DISABLE, [id, now])
}

/** Whether the person was disabled. */
export async function deleteDisabledStaff(db: Queryable, id: string): Promise<boolean> {
  return (await db.query(ENABLE, [id])).length > 0
}
