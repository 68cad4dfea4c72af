import { TILE_WIDTH } from '../formats/tile.ts'
import { findInsertion, findSwap, findSwapAcross, type Suspects } from './explain-tile.ts'
import { type Findings, leaves } from './log-finding.ts'
import { createGrowingTree, type Peak, rootOfPeaks } from './recompute-tree.ts'

/** The stored hash of a complete subtree of 256^level leaves. */
type StoredSubtree = (level: number, index: number) => Buffer | undefined

export interface TreeCheck {
  readonly size: number
  /** Adds the next leaf; undefined when its hash is not known. */
  add(hash: Buffer | undefined, subtree: StoredSubtree): void
  /** Whether that is the root of the leaves so far; undefined if that cannot be known. */
  hasRoot(root: Buffer): boolean | undefined
  /**
   * Whether the leaves so far would have that root in another order of the last ones. What it finds out is among the
   * findings, at the latest after the next leaf.
   *
   * @param soundSize up to where the leaves are known to be right
   */
  explain(root: Buffer, soundSize: number): void
  /** Whether a tree of that size ends among leaves that do not have the hash that is stored for them. */
  endsInWrongTile(size: number): boolean
  /** Whether something was explained. */
  readonly isExplained: boolean
  /** Adds the last findings. */
  end(): void
}

const TILE_HEIGHT = 8
/** If there are more wrong tiles, what happened to them is not explained. */
const MOST_TILES_EXPLAINED = 4

/** A tile whose leaves do not have the hash that is stored for it. */
interface WrongTile {
  from: number
  /** The last leaf. */
  to: number
  suspects: Suspects | undefined
}

/**
 * Recomputes the tree from its leaves and compares it with the stored hashes of its subtrees. Two roots are kept: of the
 * leaves, and of the stored hashes where they differ from the leaves, so that it is known which of them was changed.
 */
export function createTreeCheck(findings: Findings, hasSubtrees: () => boolean): TreeCheck {
  let size = 0
  /** The leaves of the last tile, and their subtrees. */
  let tile: Buffer[] = []
  const edge = createGrowingTree()
  let isTileKnown = true
  /** The first leaf from which on no root is known. */
  let lostFrom: number | undefined
  let stored: StoredSubtree = () => undefined
  const fromLeaves = createGrowingTree()
  const fromStored = createGrowingTree(checkSubtree)
  let areSame = true
  let wrong: WrongTile[] = []
  /** What may turn out to be an insertion when the next leaf is known. */
  let waiting: { from: number; suspects: Suspects }[] = []
  let isExplained = false

  function explained(code: 'reordered' | 'inserted', sequence: number, detail: string): void {
    isExplained = true
    findings.add({ code, sequence, detail })
  }

  function tryInsertion(next: Buffer): void {
    for (const { from, suspects } of waiting) {
      const at = findInsertion({ ...suspects, hashes: [...suspects.hashes, next] })
      if (at !== undefined) {
        wrong = wrong.filter((tile) => tile.from !== from)
        explained('inserted', from + at, `leaf ${from + at} was put in later, and what follows it was moved on by one`)
      }
    }
    waiting = []
  }

  function closeTile(): void {
    const index = size / TILE_WIDTH - 1
    const expected = stored(1, index)
    const computed = isTileKnown ? edge.peaks[0]!.hash : undefined
    if (hasSubtrees() && expected === undefined) {
      const detail = `the stored hash of the ${leaves(size - TILE_WIDTH, size - 1)} is not there`
      findings.add({ code: 'removed', sequence: size - TILE_WIDTH, detail })
    }
    const known = computed ?? expected
    if (known === undefined) lostFrom ??= size - TILE_WIDTH
    if (known !== undefined && lostFrom === undefined) {
      if (computed !== undefined && expected !== undefined && !computed.equals(expected)) addWrongTile(expected)
      fromLeaves.add(known, TILE_HEIGHT)
      fromStored.add(expected ?? known, TILE_HEIGHT)
    }
    tile = []
    edge.clear()
    isTileKnown = true
  }

  function addWrongTile(expected: Buffer): void {
    areSame = false
    const from = size - TILE_WIDTH
    const suspects =
      wrong.length < MOST_TILES_EXPLAINED
        ? { hashes: tile, isRoot: (root: Buffer) => root.equals(expected) }
        : undefined
    const last = wrong.at(-1)
    if (suspects === undefined && last?.suspects === undefined && last?.to === from - 1) last.to = size - 1
    else wrong.push({ from, to: size - 1, suspects })
    if (suspects !== undefined) waiting.push({ from, suspects })
  }

  /** Above the tiles: the stored hash must be that over the stored hashes below it. */
  function checkSubtree(height: number, index: number, hash: Buffer): Buffer {
    if (height % TILE_HEIGHT !== 0) return hash
    const expected = stored(height / TILE_HEIGHT, index)
    if (expected === undefined || expected.equals(hash)) return hash
    areSame = false
    const width = 2 ** height
    const detail = `the stored hash of the ${leaves(index * width, (index + 1) * width - 1)} is not that of the hashes below it`
    findings.add({ code: 'edited', sequence: index * width, detail })
    return expected
  }

  function explainWrongTiles(): void {
    const open = new Set(wrong)
    // Two swapped leaves make at most two wrong tiles.
    const few = wrong.filter((one): one is WrongTile & { suspects: Suspects } => one.suspects !== undefined)
    if (few.length < wrong.length) few.length = 0
    for (const one of few) {
      const swap = findSwap(one.suspects)
      if (swap === undefined) continue
      open.delete(one)
      sayReordered(one.from + swap[0], one.from + swap[1])
    }
    const suspected = few.filter((one) => open.has(one))
    for (const [at, one] of suspected.entries()) {
      for (const other of suspected.slice(at + 1)) {
        if (!open.has(one) || !open.has(other)) continue
        const swap = findSwapAcross(one.suspects, other.suspects)
        if (swap === undefined) continue
        open.delete(one)
        open.delete(other)
        sayReordered(one.from + swap[0], other.from + swap[1])
      }
    }
    for (const { from, to } of joined([...open])) {
      const detail = `the ${leaves(from, to)} do not have the hashes that are stored for them: one of them was edited, put in or left out, or the hashes were`
      findings.add({ code: 'edited', sequence: from, detail })
    }
  }

  function sayReordered(one: number, other: number): void {
    explained('reordered', one, `the leaves ${one} and ${other} were swapped`)
  }

  const rootOver = (tree: { peaks: readonly Peak[] }) => rootOfPeaks([...tree.peaks, ...edge.peaks])

  return {
    get size() {
      return size
    },
    get isExplained() {
      return isExplained
    },
    add(hash, subtree) {
      stored = subtree
      size += 1
      if (hash === undefined) isTileKnown = false
      else {
        if (waiting.length > 0) tryInsertion(hash)
        tile.push(hash)
        if (isTileKnown) edge.add(hash, 0)
      }
      if (size % TILE_WIDTH === 0) closeTile()
    },
    hasRoot(root) {
      if (!isTileKnown || lostFrom !== undefined) return undefined
      return rootOver(fromLeaves).equals(root) || (!areSame && rootOver(fromStored).equals(root))
    },
    explain(root, soundSize) {
      const from = size - tile.length
      // Below this tile everything is as it was signed, or at least as the stored hashes say.
      const isSoundBelow = areSame || soundSize >= from
      if (!isSoundBelow || !isTileKnown || lostFrom !== undefined) return
      const above = [...fromLeaves.peaks]
      const suspects: Suspects = {
        hashes: [...tile],
        isRoot: (ofTile) => rootOfPeaks([...above, { height: 0, hash: ofTile }]).equals(root),
      }
      const swap = findSwap(suspects)
      if (swap === undefined) waiting.push({ from, suspects })
      else sayReordered(from + swap[0], from + swap[1])
    },
    endsInWrongTile: (ofSize) => wrong.some(({ from, to }) => from < ofSize && ofSize <= to),
    end() {
      explainWrongTiles()
      if (lostFrom !== undefined) {
        const detail = `neither leaves nor their hashes are there from leaf ${lostFrom} on, so that nothing after can be verified`
        findings.add({ code: 'removed', sequence: lostFrom, detail })
      }
    },
  }
}

/** Neighbours as one. */
function joined(tiles: readonly WrongTile[]): { from: number; to: number }[] {
  const ranges: { from: number; to: number }[] = []
  for (const { from, to } of tiles) {
    const last = ranges.at(-1)
    if (last?.to === from - 1) last.to = to
    else ranges.push({ from, to })
  }
  return ranges
}
