import type { Queryable } from '../../database/database.ts'
import type { KeyPurpose } from '../key/key.ts'
import type { Keys } from '../ring/keys.ts'
import type { KeyCounts, ReencryptionTarget } from './reencryption-target.ts'

/** Values under old keys. */
export interface OldValues {
  total: number
  byKey: KeyCounts
  /** The same by the purpose of the key; a key that does not exist counts for the first purpose of its values. */
  byPurpose: ReadonlyMap<KeyPurpose, number>
  keysOf(target: ReencryptionTarget): string[]
}

/** The census of values under keys of these purposes that are not active. */
export async function countOld(
  keys: Pick<Keys, 'ring'>,
  targets: readonly ReencryptionTarget[],
  purposes: readonly KeyPurpose[],
  database: Queryable,
): Promise<OldValues> {
  const found = await Promise.all(targets.map(async (target) => ({ target, census: await target.census(database) })))
  const byKey = new Map<string, number>()
  const byPurpose = new Map<KeyPurpose, number>()
  const byTarget = new Map<ReencryptionTarget, string[]>()
  let total = 0
  for (const { target, census } of found) {
    for (const [id, count] of census) {
      const key = keys.ring.find(id)
      const purpose = key?.purpose ?? target.purposes[0]!
      if (key?.state === 'active' || !purposes.includes(purpose)) continue
      total += count
      byKey.set(id, (byKey.get(id) ?? 0) + count)
      byPurpose.set(purpose, (byPurpose.get(purpose) ?? 0) + count)
      byTarget.set(target, [...(byTarget.get(target) ?? []), id])
    }
  }
  return { total, byKey, byPurpose, keysOf: (target) => byTarget.get(target) ?? [] }
}
