import type { Queryable } from '../../database/database.ts'
import type { Checkpoint } from '../checkpoint.ts'
import { selectTile } from '../log-store.ts'
import { rangeRoot } from '../merkle.ts'
import { subtreesOfTiles, type Tile } from '../tile.ts'

/** Where leaves were dropped, only the hashes of whole tiles are left. */
class Dropped extends Error {
  override readonly name = 'Dropped'
}

/** The tree of that size, from the hashes that the database has kept. */
export function readTree(database: Queryable, size: number) {
  return subtreesOfTiles(async (tile: Tile) => {
    const hashes = await selectTile(database, tile)
    if (hashes.length < tile.width) throw new Dropped()
    return hashes
  }, size)
}

/**
 * Whether a log of so many leaves has that root at that size. So it is taken where the leaves were dropped, and it cannot be told any
 * more.
 */
export async function containsCheckpoint(
  database: Queryable,
  leaves: number,
  { size, root }: Pick<Checkpoint, 'size' | 'root'>,
): Promise<boolean> {
  if (size > leaves) return false
  try {
    return (await rangeRoot(readTree(database, size), 0, size)).equals(root)
  } catch (error) {
    if (error instanceof Dropped) return true
    throw error
  }
}
