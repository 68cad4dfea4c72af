import type { Queryable } from '../../database/database.ts'
import { includes, inclusionProof } from '../formats/merkle.ts'
import { TILE_WIDTH } from '../formats/tile.ts'
import type { LogHead } from './log-store.ts'
import { readTree } from './stored-tree.ts'

/** Proves that rows of the database are in the tree of a head. */
export interface LeafProof {
  /**
   * Whether the hash is that of the leaf, by an inclusion proof (RFC 9162, section 2.1.3): a leaf that was changed together with
   * its event is not.
   */
  isLeaf(sequence: number, hash: Buffer): Promise<boolean>
  /** Whether all hashes of a full tile of leaves are in the tree. The proof of one of them contains all others. */
  isTile(index: number): Promise<boolean>
}

/** The head itself is verified elsewhere. */
export function createLeafProof(db: Queryable, head: Pick<LogHead, 'size' | 'root'>): LeafProof {
  const read = readTree(db, head.size)
  async function isLeaf(sequence: number, hash: Buffer): Promise<boolean> {
    if (sequence >= head.size) return false
    return includes(head, sequence, hash, await inclusionProof(read, sequence, head.size))
  }
  return { isLeaf, isTile: async (index) => isLeaf(index * TILE_WIDTH, await read(0, index * TILE_WIDTH)) }
}
