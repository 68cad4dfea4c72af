import { EMPTY_ROOT, rootOf } from './merkle.ts'
import { TILE_WIDTH } from './tile.ts'

/** The root of a complete subtree of `256 ** level` leaves. */
export interface Subtree {
  level: number
  index: number
  hash: Buffer
}

/**
 * The right edge of a tree: the hashes of the tiles that are not full, one list for each level from the leaves up. It is all
 * that is needed to add leaves and to know the root.
 */
export interface TreeEdge {
  readonly size: number
  readonly levels: readonly (readonly Buffer[])[]
}

export const EMPTY_EDGE: TreeEdge = { size: 0, levels: [] }

/** Adds leaves by their hashes; `completed` are the subtrees that they fill. */
export function appendLeaves(edge: TreeEdge, hashes: readonly Buffer[]): { edge: TreeEdge; completed: Subtree[] } {
  const levels = edge.levels.map((level) => [...level])
  const completed: Subtree[] = []
  let size = edge.size
  for (const leaf of hashes) {
    size++
    let carried: Buffer | undefined = leaf
    for (let level = 0; carried !== undefined; level++) {
      const hashesHere: Buffer[] = levels[level] ?? []
      levels[level] = hashesHere
      hashesHere.push(carried)
      if (hashesHere.length < TILE_WIDTH) break
      carried = rootOf(hashesHere)
      levels[level] = []
      completed.push({ level: level + 1, index: size / TILE_WIDTH ** (level + 1) - 1, hash: carried })
    }
  }
  return { edge: { size, levels }, completed }
}

/** The root of the whole tree. */
export function rootOfEdge({ levels }: TreeEdge): Buffer {
  let below: Buffer | undefined
  for (const hashes of levels) {
    const row: readonly Buffer[] = below === undefined ? hashes : [...hashes, below]
    if (row.length > 0) below = rootOf(row)
  }
  return below ?? EMPTY_ROOT
}
