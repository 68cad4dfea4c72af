import type { Queryable } from '../../database/database.ts'
import { type ReadSubtree, rangeRoot } from '../formats/merkle.ts'
import { subtreesOfTiles } from '../formats/tile.ts'
import { selectTile } from './log-store.ts'

/** Reads the subtrees of the log as it was at that size. A missing hash gives another root. */
export function readTree(db: Queryable, size: number): ReadSubtree {
  return subtreesOfTiles((tile) => selectTile(db, tile), size)
}

/** Whether the log in the database had that root at that size. @param headSize how many leaves it has now */
export async function containsRoot(db: Queryable, headSize: number, size: number, root: Uint8Array): Promise<boolean> {
  return size <= headSize && (await rangeRoot(readTree(db, size), 0, size)).equals(root)
}
