import { EMPTY_ROOT, hashNode } from '../formats/merkle.ts'

/** The root of a complete subtree of `2 ** height` leaves. */
export interface Peak {
  height: number
  hash: Buffer
}

/**
 * A tree that grows at its right edge, kept as the complete subtrees that it consists of, from the left to the right: RFC 9162,
 * section 2.1.1, read from the leaves up. It shares nothing with `tree-edge.ts`, by which the sequencer signs.
 */
export interface GrowingTree {
  /** Adds a complete subtree of `2 ** height` leaves; the tree so far must be a multiple of that. */
  add(hash: Buffer, height: number): void
  readonly peaks: readonly Peak[]
  clear(): void
}

/** Gets every complete subtree of the leaves, and answers with the hash to continue with. */
type OnSubtree = (height: number, index: number, hash: Buffer) => Buffer

export function createGrowingTree(onSubtree: OnSubtree = (_height, _index, hash) => hash): GrowingTree {
  const peaks: Peak[] = []
  let leaves = 0
  return {
    peaks,
    add(added, addedHeight) {
      let hash = added
      let height = addedHeight
      leaves += 2 ** height
      for (let last = peaks.at(-1); last?.height === height; last = peaks.at(-1)) {
        peaks.pop()
        height += 1
        hash = onSubtree(height, leaves / 2 ** height - 1, hashNode(last.hash, hash))
      }
      peaks.push({ height, hash })
    },
    clear() {
      peaks.length = 0
      leaves = 0
    },
  }
}

/** The root over neighbouring complete subtrees, each smaller than the one before. */
export function rootOfPeaks(peaks: readonly Peak[]): Buffer {
  return peaks.map(({ hash }) => hash).reduceRight<Buffer | undefined>(joinLeft, undefined) ?? EMPTY_ROOT
}

const joinLeft = (right: Buffer | undefined, left: Buffer) => (right === undefined ? left : hashNode(left, right))
