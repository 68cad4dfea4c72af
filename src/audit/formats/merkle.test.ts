import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createGrowingTree, rootOfPeaks } from '../verification/recompute-tree.ts'
import {
  consistencyProof,
  hashLeaf,
  hashNode,
  includes,
  inclusionProof,
  isConsistent,
  type ReadSubtree,
  rootOf,
} from './merkle.ts'
import { hashesAt, subtreesOfTiles, TILE_WIDTH, type Tile } from './tile.ts'
import { appendLeaves, EMPTY_EDGE, rootOfEdge, type Subtree } from './tree-edge.ts'

const sha256 = (...parts: Uint8Array[]) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** RFC 9162, section 2.1.1, word for word: k is the largest power of two smaller than n. */
function mth(entries: readonly Buffer[]): Buffer {
  if (entries.length === 0) return sha256()
  if (entries.length === 1) return sha256(Buffer.of(0), entries[0]!)
  const k = splitOf(entries.length)
  return sha256(Buffer.of(1), mth(entries.slice(0, k)), mth(entries.slice(k)))
}

/** Section 2.1.3.1. */
function path(m: number, entries: readonly Buffer[]): Buffer[] {
  if (entries.length === 1) return []
  const k = splitOf(entries.length)
  return m < k
    ? [...path(m, entries.slice(0, k)), mth(entries.slice(k))]
    : [...path(m - k, entries.slice(k)), mth(entries.slice(0, k))]
}

/** Section 2.1.4.1. */
function subproof(m: number, entries: readonly Buffer[], b: boolean): Buffer[] {
  if (m === entries.length) return b ? [] : [mth(entries)]
  const k = splitOf(entries.length)
  return m <= k
    ? [...subproof(m, entries.slice(0, k), b), mth(entries.slice(k))]
    : [...subproof(m - k, entries.slice(k), false), mth(entries.slice(0, k))]
}

function splitOf(n: number): number {
  return 2 ** (Math.ceil(Math.log2(n)) - 1)
}

const entriesUpTo = (count: number) =>
  Array.from({ length: count }, (_, at) => Buffer.from(`entry ${at} ${'x'.repeat(at % 7)}`))

/** Around the widths of tiles, and anywhere below. */
const sizes = fc.oneof(
  fc.integer({ min: 1, max: 40 }),
  fc.constantFrom(255, 256, 257, 511, 512, 513),
  fc.integer({ min: 1, max: 700 }),
)

const readFrom =
  (entries: readonly Buffer[]): ReadSubtree =>
  async (height, index) =>
    mth(entries.slice(index * 2 ** height, (index + 1) * 2 ** height))

describe('the root', () => {
  it('is that of the definition, whichever way the tree grows', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 700 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 5 }),
        (size, cuts) => {
          const entries = entriesUpTo(size)
          const expected = mth(entries)
          const leaves = entries.map(hashLeaf)
          expect(rootOf(leaves)).toEqual(expected)
          let edge = EMPTY_EDGE
          for (let from = 0, round = 0; from < size; round++) {
            const to = Math.min(size, from + (cuts[round] ?? size))
            edge = appendLeaves(edge, leaves.slice(from, to)).edge
            from = to
          }
          expect(edge.size).toBe(size)
          expect(rootOfEdge(edge)).toEqual(expected)
          const tree = createGrowingTree()
          for (const leaf of leaves) tree.add(leaf, 0)
          expect(rootOfPeaks(tree.peaks)).toEqual(expected)
        },
      ),
      { numRuns: 40 },
    )
  })

  it('changes with every entry, and with their order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 64 }), fc.nat(), fc.nat(), (size, one, other) => {
        const entries = entriesUpTo(size)
        const [i, j] = [one % size, other % size]
        const edited = entries.with(i, Buffer.from('another'))
        expect(rootOf(edited.map(hashLeaf))).not.toEqual(mth(entries))
        const swapped = entries.with(i, entries[j]!).with(j, entries[i]!)
        expect(rootOf(swapped.map(hashLeaf)).equals(mth(entries))).toBe(i === j)
      }),
      { numRuns: 50 },
    )
  })
})

describe('complete subtrees', () => {
  it('are those of the definition, each once, at all levels', () => {
    // Two levels: 256 subtrees of 256 leaves.
    const leaves = Array.from({ length: 65_536 + 300 }, (_, at) => hashLeaf(Buffer.from(String(at))))
    let edge = EMPTY_EDGE
    const completed: Subtree[] = []
    for (let from = 0; from < leaves.length; from += 5_000) {
      const grown = appendLeaves(edge, leaves.slice(from, from + 5_000))
      edge = grown.edge
      completed.push(...grown.completed)
    }
    expect(completed).toHaveLength(hashesAt(1, leaves.length) + hashesAt(2, leaves.length))
    for (const { level, index, hash } of completed) {
      const width = TILE_WIDTH ** level
      expect(hash.equals(rootOf(leaves.slice(index * width, (index + 1) * width)))).toBe(true)
    }
    expect(new Set(completed.map(({ level, index }) => `${level}/${index}`)).size).toBe(completed.length)
  })
})

/** What is not a hash, though a tree can be computed over it. */
const ofOtherLengths = (hash: Buffer) => [
  hash.subarray(0, 31),
  Buffer.concat([hash, Buffer.of(0)]),
  Buffer.concat([hash, hash]),
  Buffer.alloc(0),
]
const treeOver = (left: Buffer, right: Buffer) => ({ size: 2, root: hashNode(left, right) })

describe('an inclusion proof', () => {
  it('is that of the definition and verifies; anything else does not', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (size, seed, place) => {
        const entries = entriesUpTo(size)
        const index = seed % size
        const proof = await inclusionProof(readFrom(entries), index, size)
        expect(proof).toEqual(path(index, entries))
        const tree = { size, root: mth(entries) }
        const leaf = hashLeaf(entries[index]!)
        expect(includes(tree, index, leaf, proof)).toBe(true)
        expect(includes(tree, index, hashLeaf(Buffer.from('another')), proof)).toBe(false)
        expect(includes({ size, root: sha256() }, index, leaf, proof)).toBe(false)
        expect(includes(tree, index, leaf, [...proof, sha256()])).toBe(false)
        expect(includes(tree, size, leaf, proof)).toBe(false)
        expect(includes(tree, -1, leaf, proof)).toBe(false)
        if (proof.length === 0) return
        const at = place % proof.length
        expect(includes(tree, index, leaf, proof.with(at, sha256()))).toBe(false)
        expect(includes(tree, index, leaf, proof.slice(1))).toBe(false)
        for (const wrong of ofOtherLengths(proof[at]!)) {
          expect(includes(tree, index, leaf, proof.with(at, wrong))).toBe(false)
          expect(includes(treeOver(leaf, wrong), 0, leaf, [wrong])).toBe(false)
        }
        // Leaves differ, so that no other place has this one.
        expect(includes(tree, (index + 1) % size, leaf, proof)).toBe(size === 1)
      }),
      { numRuns: 60 },
    )
  })
})

describe('a consistency proof', () => {
  it('is that of the definition and verifies; anything else does not', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (size, seed, place) => {
        const entries = entriesUpTo(size)
        const older = 1 + (seed % size)
        const proof = await consistencyProof(readFrom(entries), older, size)
        expect(proof).toEqual(older === size ? [] : subproof(older, entries, true))
        const [before, after] = [
          { size: older, root: mth(entries.slice(0, older)) },
          { size, root: mth(entries) },
        ]
        expect(isConsistent(before, after, proof)).toBe(true)
        expect(isConsistent({ ...before, root: sha256() }, after, proof)).toBe(false)
        expect(isConsistent(before, { ...after, root: sha256() }, proof)).toBe(false)
        expect(isConsistent(before, after, [...proof, sha256()])).toBe(false)
        const forked = mth(entries.with(older - 1, Buffer.from('another')))
        expect(isConsistent(before, { size, root: forked }, proof)).toBe(false)
        if (older < size) expect(isConsistent(after, before, proof)).toBe(false)
        if (proof.length === 0) return
        expect(isConsistent(before, after, proof.with(place % proof.length, sha256()))).toBe(false)
        expect(isConsistent(before, after, proof.slice(1))).toBe(false)
        const [first] = proof
        for (const wrong of ofOtherLengths(first!)) {
          expect(isConsistent(before, after, [wrong, ...proof.slice(1)])).toBe(false)
          expect(isConsistent({ size: 1, root: before.root }, treeOver(before.root, wrong), [wrong])).toBe(false)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('leads from an empty tree without any hash', async () => {
    const entries = entriesUpTo(5)
    expect(await consistencyProof(readFrom(entries), 0, 5)).toEqual([])
    expect(isConsistent({ size: 0, root: sha256() }, { size: 5, root: mth(entries) }, [])).toBe(true)
    expect(isConsistent({ size: 0, root: mth(entries) }, { size: 5, root: mth(entries) }, [])).toBe(false)
  })
})

describe('proofs out of tiles', () => {
  it('are the same as out of the tree', async () => {
    const entries = Array.from({ length: 66_000 }, (_, at) => Buffer.from(String(at)))
    const leaves = entries.map(hashLeaf)
    const tree = { size: leaves.length, root: rootOf(leaves) }
    const read: number[] = []
    const readTile = async ({ level, index, width }: Tile) => {
      read.push(level)
      const span = TILE_WIDTH ** level
      const first = index * TILE_WIDTH
      return Array.from({ length: width }, (_, at) =>
        rootOf(leaves.slice((first + at) * span, (first + at + 1) * span)),
      )
    }
    for (const index of [0, 255, 256, 65_535, 65_536, 65_999]) {
      const proof = await inclusionProof(subtreesOfTiles(readTile, leaves.length), index, leaves.length)
      expect(includes(tree, index, leaves[index]!, proof)).toBe(true)
    }
    // One tile for each level and no more than two at the edge, for each of them.
    expect(read.length).toBeLessThanOrEqual(6 * 5)
  })
})
