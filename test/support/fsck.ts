import { createHash, createPublicKey, verify } from 'node:crypto'

/** Reads one resource of a log under its prefix: `checkpoint`, `minimum-index`, `tile/0/000`. */
export type ReadResource = (path: string) => Promise<{ status: number; body: Buffer }>

export interface Fsck {
  size: number
  /** The first entry that was read; everything before was pruned. */
  minimumIndex: number
  /** The entries that were read. */
  entries: Buffer[]
}

const hash = (...parts: Uint8Array[]) =>
  parts.reduce((digest, part) => digest.update(part), createHash('sha256')).digest()

/**
 * Checks a log as tessera's fsck does, without the project's own code: derives every tile of the tree from the entries,
 * as far as they are still published, compares each with the served one, and the root with the signed checkpoint. Below
 * the minimum index (C2SP tlog-tiles, "Pruning") the bundles must be gone, and the tiles of the leaves are taken as
 * they are served.
 *
 * @param verifierKey of the log, as C2SP signed-note writes it
 * @throws {Error} that says what is wrong
 */
export async function fsck(read: ReadResource, verifierKey: string): Promise<Fsck> {
  const get = async (path: string) => {
    const { status, body } = await read(path)
    if (status !== 200) throw new Error(`${path}: ${status}`)
    return body
  }
  const { size, root } = openCheckpoint((await get('checkpoint')).toString(), verifierKey)
  const { minimum_index: minimumIndex } = JSON.parse((await get('minimum-index')).toString())
  if (minimumIndex > size) throw new Error('the minimum index is beyond the log')
  const entries: Buffer[] = []
  let level: Buffer[] = []
  for (let from = 0; from < size; from += 256) {
    const width = Math.min(256, size - from)
    const bundle = `tile/entries/${numbered(from / 256, width)}`
    const served = split(await get(`tile/0/${numbered(from / 256, width)}`))
    if (served.length !== width) throw new Error(`the tile of leaf ${from} has ${served.length} hashes`)
    if (from + width <= minimumIndex) {
      const { status } = await read(bundle)
      if (status !== 410) throw new Error(`${bundle}: ${status}`)
    } else {
      const found = entriesOf(await get(bundle))
      if (found.length !== width) throw new Error(`${bundle} has ${found.length} entries`)
      for (const [at, entry] of found.entries()) {
        if (!hash(Buffer.of(0), entry).equals(served[at]!))
          throw new Error(`leaf ${from + at} is not the hash of its entry`)
      }
      entries.push(...found)
    }
    level.push(...served)
  }
  if (!treeHash(level).equals(root)) throw new Error('the root is not the one of the checkpoint')
  for (let height = 1; level.length >= 256; height++) {
    level = Array.from({ length: Math.floor(level.length / 256) }, (_, at) =>
      treeHash(level.slice(at * 256, (at + 1) * 256)),
    )
    for (let from = 0; from < level.length; from += 256) {
      const derived = level.slice(from, from + 256)
      const path = `tile/${height}/${numbered(from / 256, derived.length)}`
      if (!Buffer.concat(derived).equals(await get(path))) throw new Error(`${path} is not what the entries give`)
    }
  }
  return { size, minimumIndex, entries }
}

/** MTH of RFC 6962, section 2.1, over the hashes of leaves or of complete subtrees of one size. */
function treeHash(hashes: readonly Buffer[]): Buffer {
  if (hashes.length === 1) return hashes[0]!
  const middle = 2 ** Math.floor(Math.log2(hashes.length - 1))
  return hash(Buffer.of(1), treeHash(hashes.slice(0, middle)), treeHash(hashes.slice(middle)))
}

function openCheckpoint(note: string, verifierKey: string): { size: number; root: Buffer } {
  const [text = '', signatures = ''] = note.split('\n\n')
  const [origin, id, ...base64] = verifierKey.split('+')
  const key = Buffer.from(base64.join('+'), 'base64').subarray(1)
  const publicKey = createPublicKey({
    format: 'jwk',
    key: { kty: 'OKP', crv: 'Ed25519', x: key.toString('base64url') },
  })
  const isSigned = signatures
    .split('\n')
    .map((line) => Buffer.from(line.split(' ')[2] ?? '', 'base64'))
    .filter((signature) => signature.subarray(0, 4).toString('hex') === id)
    .some((signature) => verify(null, Buffer.from(`${text}\n`), publicKey, signature.subarray(4)))
  const [name, size, root] = text.split('\n')
  if (!isSigned || name !== origin) throw new Error('the checkpoint was not signed by that key')
  return { size: Number(size), root: Buffer.from(root!, 'base64') }
}

function numbered(index: number, width: number): string {
  const groups = String(index)
    .padStart(Math.ceil(String(index).length / 3) * 3, '0')
    .match(/\d{3}/g)!
  const path = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/')
  return width < 256 ? `${path}.p/${width}` : path
}

function split(tile: Buffer): Buffer[] {
  return Array.from({ length: tile.length / 32 }, (_, at) => tile.subarray(at * 32, (at + 1) * 32))
}

function entriesOf(bundle: Buffer): Buffer[] {
  const entries: Buffer[] = []
  for (let at = 0; at < bundle.length; ) {
    const length = bundle.readUInt16BE(at)
    entries.push(bundle.subarray(at + 2, at + 2 + length))
    at += 2 + length
  }
  return entries
}
