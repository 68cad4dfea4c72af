import type { Queryable, Statement } from './database.ts'

const SELECT: Statement = { name: 'select-setting', text: 'SELECT value FROM settings WHERE name = $1' }
const UPSERT: Statement = {
  name: 'upsert-setting',
  text: `INSERT INTO settings (name, value) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE settings.value <> excluded.value`,
}

/** What a server records for commands on the same machine. Nothing secret. */
export type SettingName = 'issuer' | 'card-search' | 'erasures-listed'

export async function readSetting(db: Queryable, name: SettingName): Promise<string | undefined> {
  const [row] = await db.query<{ value: string }>(SELECT, [name])
  return row?.value
}

export async function writeSetting(db: Queryable, name: SettingName, value: string): Promise<void> {
  await db.query(UPSERT, [name, value])
}
