import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createRandomBytes, drawFresh } from './random.ts'

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

describe('the block', () => {
  afterEach(() => {
    vi.restoreAllMocks()
    vi.useRealTimers()
  })

  /** A source with a clock of its own, the block that it draws from, and what is left in there. */
  function watched() {
    const allocate = vi.spyOn(Buffer, 'allocUnsafeSlow')
    const clock = { now: 0 }
    const draw = createRandomBytes(() => clock.now)
    const block = allocate.mock.results[0]!.value as Buffer
    allocate.mockRestore()
    return { clock, draw, block, left: () => Buffer.from(block.subarray(16)) }
  }

  it('is thrown away after a second: what was drawn in advance is never handed out later', () => {
    const { clock, draw, left } = watched()
    draw(16)
    const ahead = left()
    clock.now = 999
    expect(draw(16)).toEqual(ahead.subarray(0, 16))
    clock.now = 1000
    const later = draw(16)
    for (let at = 0; at + 16 <= ahead.length; at += 16) expect(later.equals(ahead.subarray(at, at + 16))).toBe(false)
    expect(left().equals(ahead)).toBe(false)
  })

  it('is wiped after a second without a draw', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { draw, block, left } = watched()
    draw(16)
    expect(left().every((byte) => byte === 0)).toBe(false)
    vi.advanceTimersByTime(1000)
    expect(block.every((byte) => byte === 0)).toBe(true)
    expect(draw(16).every((byte) => byte === 0)).toBe(false)
  })

  it('holds nothing of what was handed out', () => {
    const { draw, block } = watched()
    for (let count = 0; count < 100; count++) draw(16)
    expect(block.subarray(0, 1600).every((byte) => byte === 0)).toBe(true)
    expect(block.subarray(1600).every((byte) => byte === 0)).toBe(false)
  })
})

describe('drawFresh', () => {
  it('draws for each caller alone, into memory that it alone has', () => {
    const drawn = Array.from({ length: 100 }, () => drawFresh(32))
    expect(new Set(drawn.map((bytes) => bytes.toString('hex'))).size).toBe(100)
    for (const bytes of drawn) expect([bytes.length, bytes.buffer.byteLength]).toEqual([32, 32])
  })
})
