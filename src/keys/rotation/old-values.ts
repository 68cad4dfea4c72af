import type { Queryable } from '../../database/database.ts'
import type { KeyPurpose } from '../key/key.ts'
import type { Keys } from '../ring/keys.ts'
import type { KeyCounts, Movable } from './reencryption-target.ts'

/** What stands on keys that are to be left. */
export interface OldValues {
  total: number
  byKey: KeyCounts
  /** The same by the purpose of the key; a key that does not exist counts for the first purpose of what stands on it. */
  byPurpose: ReadonlyMap<KeyPurpose, number>
  keysOf(movable: Movable): string[]
}

/** The census of what stands on keys of these purposes that are not active. */
export async function countOld(
  keys: Pick<Keys, 'ring'>,
  movables: readonly Movable[],
  purposes: readonly KeyPurpose[],
  database: Queryable,
): Promise<OldValues> {
  const found = await Promise.all(
    movables.map(async (movable) => ({ movable, census: await movable.census(database) })),
  )
  const byKey = new Map<string, number>()
  const byPurpose = new Map<KeyPurpose, number>()
  const byMovable = new Map<Movable, string[]>()
  let total = 0
  for (const { movable, census } of found) {
    for (const [id, count] of census) {
      const key = keys.ring.find(id)
      const purpose = key?.purpose ?? movable.purposes[0]!
      if (key?.state === 'active' || !purposes.includes(purpose)) continue
      total += count
      byKey.set(id, (byKey.get(id) ?? 0) + count)
      byPurpose.set(purpose, (byPurpose.get(purpose) ?? 0) + count)
      byMovable.set(movable, [...(byMovable.get(movable) ?? []), id])
    }
  }
  return { total, byKey, byPurpose, keysOf: (movable) => byMovable.get(movable) ?? [] }
}
