import type { Queryable } from '../../database/database.ts'
import { readSetting, writeSetting } from '../../database/settings-store.ts'

/**
 * Whether cards are found by their numbers: what the configuration says. Where it says nothing, a command and a worker do as
 * the server does, which records it.
 *
 * @throws {Problem} database-unavailable
 */
export async function settleCardSearch(db: Queryable, isOn: boolean | undefined, isServer: boolean): Promise<boolean> {
  if (!isServer) return isOn ?? (await readSetting(db, 'card-search')) !== 'off'
  await writeSetting(db, 'card-search', isOn === false ? 'off' : 'on')
  return isOn !== false
}
