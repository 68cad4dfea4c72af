import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { SealError } from '../keys/sealing/seal-context.ts'
import { newKeyPair, openSealedTo, sealTo } from './sealed-to-process.ts'

const context = { site: 'default', kind: 'security-code', token: 'card_1', part: 'cvc_1', version: 1, facts: 'facts' }
const CODE = Buffer.from('739')

describe('what is sealed to a key', () => {
  const pair = newKeyPair()
  const sealed = sealTo(pair.publicKey, context, CODE, randomBytes)

  it('opens with its private key', () => {
    expect(openSealedTo(pair, context, sealed)).toEqual(CODE)
  })

  it('is another text each time, and as long for four digits as for three', () => {
    const again = sealTo(pair.publicKey, context, CODE, randomBytes)
    expect(again.subarray(0, 32)).not.toEqual(sealed.subarray(0, 32))
    expect(again.subarray(32)).not.toEqual(sealed.subarray(32))
    expect(sealTo(pair.publicKey, context, Buffer.from('7391'), randomBytes)).toHaveLength(sealed.length)
  })

  it('is another text even when the random bytes are the same', () => {
    const [one, other] = [1, 2].map(() => sealTo(pair.publicKey, context, CODE, (bytes) => Buffer.alloc(bytes)))
    expect(one!.subarray(-32)).not.toEqual(other!.subarray(-32))
  })

  it('opens with no other key', () => {
    expect(() => openSealedTo(newKeyPair(), context, sealed)).toThrow(SealError)
    // Not even with the right private key under another public one.
    expect(() => openSealedTo({ ...pair, publicKey: newKeyPair().publicKey }, context, sealed)).toThrow(SealError)
  })

  it.each([
    ['site', 'other'],
    ['kind', 'card'],
    ['token', 'card_2'],
    ['part', 'cvc_2'],
    ['version', 2],
    ['facts', 'other'],
  ])('opens with no other %s', (name, value) => {
    expect(() => openSealedTo(pair, { ...context, [name]: value }, sealed)).toThrow(SealError)
  })

  it('does not open after a change of any byte', () => {
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed)
      changed[at]! ^= at === 31 ? 0x40 : 1
      expect(() => openSealedTo(pair, context, changed), String(at)).toThrow()
    }
  })

  it('is not made for a key of low order, whose secret anyone knows (RFC 7748 section 6.1)', () => {
    for (const low of [Buffer.alloc(32), Buffer.from([1, ...Buffer.alloc(31)])]) {
      expect(() => sealTo(low, context, CODE, randomBytes)).toThrow()
    }
  })
})
