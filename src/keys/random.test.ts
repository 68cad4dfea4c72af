import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRandomBytes } from './random.ts'

describe('createRandomBytes', () => {
  it('draws as many bytes as were asked for, of a block and beyond it', () => {
    const draw = createRandomBytes()
    fc.assert(
      fc.property(fc.nat(20_000), (count) => {
        expect(draw(count).length).toBe(count)
      }),
    )
    for (const count of [0, 1, 8191, 8192, 8193]) expect(draw(count).length).toBe(count)
  })

  it('never hands out the same bytes twice, across many blocks', () => {
    const draw = createRandomBytes()
    const drawn = Array.from({ length: 20_000 }, () => draw(12).toString('hex'))
    expect(new Set(drawn).size).toBe(drawn.length)
  })

  it('keeps nothing of what it handed out: writing to it changes no other draw', () => {
    const draw = createRandomBytes()
    const first = draw(16)
    const copy = Buffer.from(first)
    const others = Array.from({ length: 600 }, () => draw(16))
    expect(first).toEqual(copy)
    first.fill(0)
    for (const other of others) expect(other.equals(first)).toBe(false)
  })

  it('fills every byte, with ones and zeros alike', () => {
    const draw = createRandomBytes()
    // Of 128 draws a bit is on 64 times, give or take 5.7; 51 is nine of those away.
    for (const count of [16, 9000]) {
      const on = new Uint32Array(count * 8)
      for (let round = 0; round < 128; round++) {
        draw(count).forEach((byte, at) => {
          for (let bit = 0; bit < 8; bit++) on[at * 8 + bit]! += (byte >> bit) & 1
        })
      }
      expect(Math.min(...on)).toBeGreaterThan(64 - 51)
      expect(Math.max(...on)).toBeLessThan(64 + 51)
    }
  })

  it('gives two sources nothing in common', () => {
    expect(createRandomBytes()(32).equals(createRandomBytes()(32))).toBe(false)
  })
})
