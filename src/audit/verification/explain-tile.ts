import { hashNode, rootOf } from '../formats/merkle.ts'

/**
 * What was done to a few leaves whose root is known from before. It is found by trying: the 256 leaves of a tile can be
 * swapped in 32,640 ways, which takes about a second.
 */

/** The leaves as they are, and the test whether a root is the original one. */
export interface Suspects {
  hashes: readonly Buffer[]
  isRoot(root: Buffer): boolean
}

/** The two leaves that were swapped, if that is all that happened. */
export function findSwap({ hashes, isRoot }: Suspects): [number, number] | undefined {
  const rows = rowsOver(hashes)
  for (let one = 0; one < hashes.length; one++) {
    for (let other = one + 1; other < hashes.length; other++) {
      const changes = new Map([
        [one, hashes[other]!],
        [other, hashes[one]!],
      ])
      if (isRoot(rootWith(rows, changes))) return [one, other]
    }
  }
  return undefined
}

/** A leaf of one and a leaf of the other that were swapped, if that is all that happened. */
export function findSwapAcross(first: Suspects, second: Suspects): [number, number] | undefined {
  const rows = rowsOver(first.hashes)
  const rowsOfSecond = rowsOver(second.hashes)
  for (let one = 0; one < first.hashes.length; one++) {
    for (let other = 0; other < second.hashes.length; other++) {
      const isFound =
        first.isRoot(rootWith(rows, new Map([[one, second.hashes[other]!]]))) &&
        second.isRoot(rootWith(rowsOfSecond, new Map([[other, first.hashes[one]!]])))
      if (isFound) return [one, other]
    }
  }
  return undefined
}

/** The leaf without which the others have that root: one was put in, and what follows was moved on. */
export function findInsertion({ hashes, isRoot }: Suspects): number | undefined {
  const at = hashes.findIndex((_, index) => isRoot(rootOf(hashes.toSpliced(index, 1))))
  return at < 0 ? undefined : at
}

/** The leaves, and above them each row of the tree up to its root. */
function rowsOver(hashes: readonly Buffer[]): (readonly Buffer[])[] {
  const rows = [hashes]
  for (let row = hashes; row.length > 1; rows.push(row)) {
    row = Array.from({ length: Math.ceil(row.length / 2) }, (_, at) => parent(row, new Map(), at))
  }
  return rows
}

function rootWith(rows: readonly (readonly Buffer[])[], changes: ReadonlyMap<number, Buffer>): Buffer {
  let changed = changes
  for (const row of rows.slice(0, -1)) {
    const above = new Map<number, Buffer>()
    for (const at of changed.keys()) {
      const parentAt = Math.floor(at / 2)
      if (!above.has(parentAt)) above.set(parentAt, parent(row, changed, parentAt))
    }
    changed = above
  }
  return changed.get(0) ?? rows.at(-1)![0]!
}

/** A last node without a sibling moves up as it is. */
function parent(row: readonly Buffer[], changed: ReadonlyMap<number, Buffer>, at: number): Buffer {
  const left = changed.get(2 * at) ?? row[2 * at]!
  const right = changed.get(2 * at + 1) ?? row[2 * at + 1]
  return right === undefined ? left : hashNode(left, right)
}
