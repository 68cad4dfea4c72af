import { hash } from 'node:crypto'

/**
 * The Merkle tree of RFC 9162, section 2.1 (which is RFC 6962's), with SHA-256. Sizes and indexes are integers below 2^53;
 * hashes are 32 bytes.
 */

const HASH_BYTES = 32
const LEAF = Buffer.of(0)
const NODE = Buffer.of(1)

/** MTH({d0}), section 2.1.1. */
export function hashLeaf(entry: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([LEAF, entry]), 'buffer')
}

/** The hash over two subtrees, section 2.1.1. */
export function hashNode(left: Uint8Array, right: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([NODE, left, right]), 'buffer')
}

/** MTH({}), section 2.1.1. */
export const EMPTY_ROOT: Buffer = hash('sha256', '', 'buffer')

/**
 * The root over the roots of neighbouring subtrees that are all complete and of one size, except the last, which may be
 * smaller. Leaves are such subtrees.
 */
export function rootOf(hashes: readonly Uint8Array[]): Buffer {
  if (hashes.length === 0) return EMPTY_ROOT
  let row = hashes as readonly Buffer[]
  while (row.length > 1) {
    const above: Buffer[] = []
    for (let at = 0; at + 1 < row.length; at += 2) above.push(hashNode(row[at]!, row[at + 1]!))
    if (row.length % 2 === 1) above.push(row.at(-1)!)
    row = above
  }
  return row[0]!
}

/** Reads the root of the complete subtree of `2 ** height` leaves that is number `index` among those of its height. */
export type ReadSubtree = (height: number, index: number) => Promise<Buffer>

/** MTH(D[start:end]) where `start` is a multiple of the largest power of two below `end - start`. */
export async function rangeRoot(read: ReadSubtree, start: number, end: number): Promise<Buffer> {
  const size = end - start
  const height = Math.log2(size)
  if (Number.isInteger(height)) return read(height, start / size)
  const middle = start + splitOf(size)
  return hashNode(await rangeRoot(read, start, middle), await rangeRoot(read, middle, end))
}

/** PATH(index, D[start:end]), section 2.1.3.1: what proves that a leaf is in the tree. */
export async function inclusionProof(read: ReadSubtree, index: number, end: number, start = 0): Promise<Buffer[]> {
  if (end - start === 1) return []
  const middle = start + splitOf(end - start)
  return index < middle
    ? [...(await inclusionProof(read, index, middle, start)), await rangeRoot(read, middle, end)]
    : [...(await inclusionProof(read, index, end, middle)), await rangeRoot(read, start, middle)]
}

/** PROOF(older, D[0:size]), section 2.1.4.1: what proves that a tree is the beginning of another. Empty for trees of one size. */
export async function consistencyProof(read: ReadSubtree, older: number, size: number): Promise<Buffer[]> {
  return older === 0 || older === size ? [] : subproof(read, older, 0, size, true)
}

async function subproof(
  read: ReadSubtree,
  older: number,
  start: number,
  end: number,
  isWhole: boolean,
): Promise<Buffer[]> {
  if (older === end) return isWhole ? [] : [await rangeRoot(read, start, end)]
  const middle = start + splitOf(end - start)
  return older <= middle
    ? [...(await subproof(read, older, start, middle, isWhole)), await rangeRoot(read, middle, end)]
    : [...(await subproof(read, older, middle, end, false)), await rangeRoot(read, start, middle)]
}

/** Whether the proof, of hashes of exactly 32 bytes, leads from the hash of the leaf to the root, section 2.1.3.2. */
export function includes(
  tree: { size: number; root: Uint8Array },
  index: number,
  leaf: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  if (!isInteger(index) || !isInteger(tree.size) || index >= tree.size) return false
  if (![leaf, tree.root, ...proof].every(isHash)) return false
  let [node, last] = [index, tree.size - 1]
  let result: Buffer = Buffer.from(leaf)
  for (const sibling of proof) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      result = hashNode(sibling, result)
      if (node % 2 === 0) [node, last] = skipRight(node, last)
    } else {
      result = hashNode(result, sibling)
    }
    ;[node, last] = [half(node), half(last)]
  }
  return last === 0 && result.equals(tree.root)
}

/** Whether the proof, of hashes of exactly 32 bytes, shows that the older tree is the beginning of the newer one, section 2.1.4.2. */
export function isConsistent(
  older: { size: number; root: Uint8Array },
  newer: { size: number; root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  if (!isInteger(older.size) || !isInteger(newer.size) || older.size > newer.size) return false
  if (![older.root, newer.root, ...proof].every(isHash)) return false
  if (older.size === newer.size) return proof.length === 0 && Buffer.from(older.root).equals(newer.root)
  if (older.size === 0) return proof.length === 0 && EMPTY_ROOT.equals(older.root)
  const path = Number.isInteger(Math.log2(older.size)) ? [older.root, ...proof] : [...proof]
  const [first, ...rest] = path
  if (first === undefined) return false
  let [node, last] = [older.size - 1, newer.size - 1]
  while (node % 2 === 1) [node, last] = [half(node), half(last)]
  let [ofOlder, ofNewer]: [Buffer, Buffer] = [Buffer.from(first), Buffer.from(first)]
  for (const sibling of rest) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      ofOlder = hashNode(sibling, ofOlder)
      ofNewer = hashNode(sibling, ofNewer)
      if (node % 2 === 0) [node, last] = skipRight(node, last)
    } else {
      ofNewer = hashNode(ofNewer, sibling)
    }
    ;[node, last] = [half(node), half(last)]
  }
  return last === 0 && ofOlder.equals(older.root) && ofNewer.equals(newer.root)
}

/** The right edge has no siblings on these levels. */
function skipRight(node: number, last: number): [number, number] {
  let [n, l] = [node, last]
  while (n !== 0 && n % 2 === 0) [n, l] = [half(n), half(l)]
  return [n, l]
}

/** The largest power of two that is smaller than `size`, which is 2 at least. */
function splitOf(size: number): number {
  let split = 1
  while (split * 2 < size) split *= 2
  return split
}

const half = (value: number) => Math.floor(value / 2)

/** Bytes of another length are not a hash of the tree. */
const isHash = ({ length }: Uint8Array) => length === HASH_BYTES

const isInteger = (value: number) => Number.isSafeInteger(value) && value >= 0
