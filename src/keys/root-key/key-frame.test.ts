import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeContext, SealError } from '../sealing/seal-context.ts'
import { frameKey, unframeKey } from './key-frame.ts'

const contexts = fc.record({
  site: fc.string({ maxLength: 20 }),
  kind: fc.string({ maxLength: 20 }),
  token: fc.string({ maxLength: 20 }),
  part: fc.string({ maxLength: 20 }),
  version: fc.nat(),
})
const keys = fc.uint8Array({ minLength: 1, maxLength: 200 })

describe('the frame of a key', () => {
  it('gives back the key in its context', () => {
    fc.assert(
      fc.property(keys, contexts, (key, context) => {
        expect(Buffer.from(unframeKey(frameKey(key, context), context))).toEqual(Buffer.from(key))
      }),
    )
  })

  it('is refused when any byte is another, or the context is', () => {
    fc.assert(
      fc.property(
        keys,
        contexts,
        contexts,
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (key, context, other, at, by) => {
          const frame = frameKey(key, context)
          const changed = Buffer.from(frame)
          changed[at % frame.length]! ^= by
          expect(() => unframeKey(changed, context)).toThrow(SealError)
          fc.pre(JSON.stringify(context) !== JSON.stringify(other))
          expect(() => unframeKey(frame, other)).toThrow(SealError)
        },
      ),
    )
  })

  it('is refused when a provider answers with something else: nothing, another length, wiped bytes', () => {
    const context = { site: '', kind: 'key', token: 'a', part: 'b', version: 1 }
    for (const answer of [0, 1, 32, 33, 34, 65].map((length) => Buffer.alloc(length, 1))) {
      expect(() => unframeKey(answer, context)).toThrow(SealError)
    }
  })

  it('encodes no two contexts alike', () => {
    const base = { site: '', kind: 'key', token: 'a', part: 'b', version: 1 }
    const shifted = [
      { ...base, token: 'ab', part: '' },
      { ...base, site: 'key', kind: '' },
      { ...base, version: 11 },
      base,
    ]
    expect(new Set(shifted.map((context) => encodeContext(context).toString('hex'))).size).toBe(4)
  })
})
