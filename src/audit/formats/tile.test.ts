import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { entryBundle, hashesAt, hashesOf, parseTilePath, tileAt, tilePath } from './tile.ts'

describe('the path of a tile', () => {
  // The examples of C2SP tlog-tiles.
  it.each([
    [{ level: 0, index: 1_234_067, width: 256 }, '0/x001/x234/067'],
    [{ level: 0, index: 273, width: 112 }, '0/273.p/112'],
    [{ level: 1, index: 1, width: 17 }, '1/001.p/17'],
    [{ level: 2, index: 0, width: 1 }, '2/000.p/1'],
    [{ level: 63, index: 999, width: 255 }, '63/999.p/255'],
  ])('of %o is %s', (tile, path) => {
    expect(tilePath(tile)).toBe(path)
    expect(parseTilePath(path)).toEqual({ tile, kind: 'hashes' })
  })

  it('leads back to the tile', () => {
    const tiles = fc.record({
      level: fc.integer({ min: 0, max: 63 }),
      index: fc.oneof(fc.nat(3_000), fc.integer({ min: 0, max: 999_999_999_999 })),
      width: fc.integer({ min: 1, max: 256 }),
    })
    fc.assert(
      fc.property(tiles, (tile) => {
        expect(parseTilePath(tilePath(tile))).toEqual({ tile, kind: 'hashes' })
        const entries = { ...tile, level: 0 }
        expect(parseTilePath(tilePath(tile, 'entries'))).toEqual({ tile: entries, kind: 'entries' })
      }),
    )
  })

  it.each([
    ...['', '0', '0/1', '0/01', '0/0001', '00/000', '0/x000/000', '0/001/000', '0/x1/000', '0/000.p/0', '0/000.p/256'],
    ...[
      '0/000.p/01',
      '0/000.p',
      '0/000/',
      '/0/000',
      '0/000?',
      'entries',
      'entries/1',
      'ENTRIES/000',
      '0/٠٠٠',
      '-1/000',
    ],
  ])('is not %j', (path) => {
    expect(parseTilePath(path)).toBeUndefined()
  })
})

describe('the tiles of a tree', () => {
  it('of 70,000 leaves are those of the specification', () => {
    const widths = [0, 1, 2].map((level) => {
      const all: number[] = []
      for (let tile = tileAt(level, 0, 70_000); tile !== undefined; tile = tileAt(level, tile.index + 1, 70_000))
        all.push(tile.width)
      return [all.filter((width) => width === 256).length, ...all.filter((width) => width < 256)]
    })
    expect(widths).toEqual([
      [273, 112],
      [1, 17],
      [0, 1],
    ])
    expect(hashesAt(1, 256)).toBe(1)
  })
})

describe('a bundle of entries', () => {
  it('puts the length before each', () => {
    const bundle = entryBundle([Buffer.from('ab'), Buffer.alloc(0), Buffer.alloc(300, 7)])
    expect(bundle.subarray(0, 6)).toEqual(Buffer.of(0, 2, 0x61, 0x62, 0, 0))
    expect(bundle.readUInt16BE(6)).toBe(300)
    expect(bundle).toHaveLength(8 + 300)
  })
})

describe('the hashes of a tile', () => {
  it('are 32 bytes each', () => {
    const hashes = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]
    expect(hashesOf(Buffer.concat(hashes))).toEqual(hashes)
  })
})
