import { rootOf } from './merkle.ts'

/**
 * The tree in tiles, as C2SP tlog-tiles (https://c2sp.org/tlog-tiles) lays it out: a tile of level L holds the roots of up to
 * 256 neighbouring subtrees of 256^L leaves each.
 */
export interface Tile {
  level: number
  index: number
  /** How many hashes it holds, 1 to 256; fewer than 256 only at the right edge. */
  width: number
}

export const TILE_WIDTH = 256
const HASH_BYTES = 32

/** The path below `tile/`, with the index in groups of three digits: `0/x001/x234/067` or `0/067.p/5`. */
export function tilePath({ level, index, width }: Tile, kind: 'hashes' | 'entries' = 'hashes'): string {
  const digits = String(index)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? []
  const path = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/')
  return `${kind === 'entries' ? 'entries' : level}/${path}${width < TILE_WIDTH ? `.p/${width}` : ''}`
}

/** What a path below `tile/` names; undefined when it is not written exactly as `tilePath` writes it. */
export function parseTilePath(path: string): { tile: Tile; kind: 'hashes' | 'entries' } | undefined {
  const match = /^(\d{1,2}|entries)\/((?:x\d{3}\/){0,4}\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path)
  if (match === null) return undefined
  const [, first, groups, partial] = match
  const kind = first === 'entries' ? 'entries' : 'hashes'
  const level = kind === 'entries' ? 0 : Number(first)
  const tile = { level, index: Number(groups!.replaceAll(/[x/]/g, '')), width: Number(partial ?? TILE_WIDTH) }
  return tilePath(tile, kind) === path && tile.width > 0 ? { tile, kind } : undefined
}

/** How many complete subtrees of 256^level leaves a tree of that size has. */
export function hashesAt(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** level)
}

/** The tile at that place in a tree of that size; undefined if the tree has none. */
export function tileAt(level: number, index: number, size: number): Tile | undefined {
  const width = Math.min(TILE_WIDTH, hashesAt(level, size) - index * TILE_WIDTH)
  return width > 0 ? { level, index, width } : undefined
}

/**
 * The minimum index of a log (C2SP tlog-tiles, "Pruning"): bundles that end at or before it are not published. A bundle
 * whose end alone was kept cannot be complete, so it is one of those.
 */
export function minimumIndexOf(firstKept: number, size: number): number {
  return Math.min(size, Math.ceil(firstKept / TILE_WIDTH) * TILE_WIDTH)
}

/** The hashes of a tile, one after the other. */
export function hashesOf(tile: Uint8Array): Buffer[] {
  const bytes = Buffer.from(tile.buffer, tile.byteOffset, tile.length)
  return Array.from({ length: bytes.length / HASH_BYTES }, (_, at) =>
    bytes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  )
}

/** Entries as a bundle holds them: each after its length, two bytes. */
export function entryBundle(entries: readonly Buffer[]): Buffer {
  return Buffer.concat(
    entries.flatMap((entry) => {
      const length = Buffer.alloc(2)
      length.writeUInt16BE(entry.length)
      return [length, entry]
    }),
  )
}

/** Reads a tile's hashes. */
export type ReadTile = (tile: Tile) => Promise<readonly Buffer[]>

/** Reads subtrees of a tree of that size out of its tiles, each of them once. */
export function subtreesOfTiles(readTile: ReadTile, size: number) {
  const tiles = new Map<string, Promise<readonly Buffer[]>>()
  const read = (level: number, index: number) => {
    const key = `${level}/${index}`
    const known = tiles.get(key)
    if (known !== undefined) return known
    const tile = tileAt(level, index, size)
    if (tile === undefined) throw new RangeError(`a tree of ${size} leaves has no tile ${key}`)
    const hashes = readTile(tile)
    tiles.set(key, hashes)
    return hashes
  }
  return async (height: number, index: number): Promise<Buffer> => {
    const level = Math.floor(height / 8)
    const count = 2 ** (height % 8)
    const first = index * count
    const hashes = await read(level, Math.floor(first / TILE_WIDTH))
    const start = first % TILE_WIDTH
    return rootOf(hashes.slice(start, start + count))
  }
}
