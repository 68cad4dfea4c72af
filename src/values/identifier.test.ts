import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { base32, bytesOfId, createNewId, idOfUuid, timeOfId, uuidOf } from './identifier.ts'
import { createRandomBytes } from './random.ts'

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'

function decode(text: string): Buffer {
  const value = [...text].reduce((sum, character) => sum * 32n + BigInt(ALPHABET.indexOf(character)), 0n)
  return Buffer.from(value.toString(16).padStart(32, '0'), 'hex')
}

const sixteenBytes = fc.uint8Array({ minLength: 16, maxLength: 16 })

describe('base32', () => {
  it('writes 128 bits as 26 characters of Crockford’s alphabet that give the bits back', () => {
    fc.assert(
      fc.property(sixteenBytes, (bytes) => {
        const text = base32(bytes)
        expect(text).toMatch(/^[0-7][0-9a-hjkmnp-tv-z]{25}$/)
        expect(decode(text)).toEqual(Buffer.from(bytes))
      }),
    )
  })

  it('sorts as the bytes do', () => {
    fc.assert(
      fc.property(sixteenBytes, sixteenBytes, (a, b) => {
        expect(Math.sign(Buffer.compare(a, b))).toBe(base32(a) < base32(b) ? -1 : base32(a) > base32(b) ? 1 : 0)
      }),
    )
  })

  it.each([
    [Buffer.alloc(16), '0'.repeat(26)],
    [Buffer.alloc(16, 0xff), `7${'z'.repeat(25)}`],
    [Buffer.from('00000000000000000000000000000001', 'hex'), `${'0'.repeat(25)}1`],
  ])('of %j is %s', (bytes, text) => {
    expect(base32(bytes)).toBe(text)
  })
})

describe('createNewId', () => {
  const at = (milliseconds: number) => createNewId(() => new Date(milliseconds), createRandomBytes())

  it('puts the time first, as a ULID does', () => {
    // The ULID specification's own example: 01ARYZ6S41… is 1469918176385.
    expect(at(1469918176385)('evt')).toMatch(/^evt_01aryz6s41[0-9a-hjkmnp-tv-z]{16}$/)
  })

  it('makes ids that say when they were made', () => {
    expect(timeOfId(at(1469918176385)('evt'))).toBe(1469918176385)
    for (const other of ['', 'evt_', 'evt_7', `evt_${'8'.repeat(26)}`, 'evt_01aryz6s41tsv4rrffq69g5fau']) {
      expect(timeOfId(other)).toBeUndefined()
    }
  })

  it('makes ids that sort by time, with any random bits', () => {
    const time = fc.integer({ min: 0, max: Date.UTC(9999, 0) })
    fc.assert(
      fc.property(time, time, (a, b) => {
        fc.pre(a !== b)
        expect(at(a)('evt') < at(b)('evt')).toBe(a < b)
      }),
    )
  })

  it('takes all of the other 80 bits from the random source', () => {
    const random = Buffer.from('00112233445566778899', 'hex')
    const id = createNewId(
      () => new Date(0),
      (count) => {
        expect(count).toBe(10)
        return random
      },
    )('req')
    expect(decode(id.slice(4)).toString('hex')).toBe('00000000000000112233445566778899')
  })

  it('never makes one twice in a millisecond', () => {
    const newId = at(0)
    expect(new Set(Array.from({ length: 10_000 }, () => newId('evt'))).size).toBe(10_000)
  })
})

describe('the uuid of an id', () => {
  it('has the id’s 16 bytes, and gives the id back', () => {
    fc.assert(
      fc.property(sixteenBytes, (bytes) => {
        const id = `evt_${base32(bytes)}`
        const uuid = uuidOf(id)!
        expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/)
        expect(bytesOfId(id)).toEqual(Buffer.from(bytes))
        expect(idOfUuid('evt', uuid)).toBe(id)
      }),
    )
  })

  it.each(['', 'evt_', 'evt_1', `evt_${'8'.repeat(26)}`, `evt_${'0'.repeat(25)}u`, `evt_${'0'.repeat(27)}`])(
    'is not there for %j',
    (text) => {
      expect(uuidOf(text)).toBeUndefined()
    },
  )
})
