import { createDecipheriv, createHmac, createSecretKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { open, seal } from '../../src/keys/sealing/seal.ts'
import golden from './seal-format-1.json' with { type: 'json' }

interface Vector {
  key_id: string
  context: { site: string; kind: string; token: string; part: string; version: number }
  pad_to_bytes: number
}

const keys: Readonly<Record<string, string>> = golden.keys
const bytes = (hex: string) => Buffer.from(hex, 'hex')
const keyOf = ({ key_id }: Vector) => ({ id: key_id, secret: createSecretKey(bytes(keys[key_id]!)) })

/** A text after its length in two bytes, most significant first. */
function behindItsLength(text: string): Buffer {
  const encoded = new TextEncoder().encode(text)
  return Buffer.from([encoded.length >> 8, encoded.length & 0xff, ...encoded])
}

/**
 * The format as design section 7 and the drawing in `keys/sealing/committed-gcm.ts` have it, written a second time on purpose: if the
 * two ever disagree, values of earlier versions would no longer open.
 */
function takeApart(vector: Vector, sealed: Buffer) {
  const { site, kind, token, part, version } = vector.context
  const fields = ['1', site, kind, token, part, String(version), vector.key_id]
  const associatedData = Buffer.concat(fields.map(behindItsLength))
  const derived = createHmac('sha512', bytes(keys[vector.key_id]!))
    .update(Buffer.concat([associatedData, Buffer.from([0x01])]))
    .digest()
  const [nonce, commitment] = [sealed.subarray(1, 13), sealed.subarray(13, 45)]
  const [ciphertext, tag] = [sealed.subarray(45, -16), sealed.subarray(-16)]
  const decipher = createDecipheriv('aes-256-gcm', derived.subarray(0, 32), nonce, { authTagLength: 16 })
  decipher.setAAD(associatedData).setAuthTag(tag)
  const padded = Buffer.concat([decipher.update(ciphertext), decipher.final()])
  return { format: sealed[0], nonce, commitment, expectedCommitment: derived.subarray(32), padded }
}

describe.each(golden.vectors)('$name', (vector) => {
  const plaintext = bytes(vector.plaintext)
  const sealed = bytes(vector.sealed)

  it('opens', () => {
    expect(open(keyOf(vector), vector.context, sealed)).toEqual(plaintext)
  })

  it('lies as the format says: format, nonce, commitment, padded text, tag', () => {
    const { format, commitment, expectedCommitment, padded } = takeApart(vector, sealed)
    expect(format).toBe(1)
    expect(commitment).toEqual(expectedCommitment)
    expect(padded.length % vector.pad_to_bytes).toBe(0)
    expect(padded.length - plaintext.length).toBeGreaterThan(0)
    expect(padded.length - plaintext.length).toBeLessThanOrEqual(vector.pad_to_bytes)
    const padding = Buffer.alloc(padded.length - plaintext.length)
    padding[0] = 0x80
    expect(padded).toEqual(Buffer.concat([plaintext, padding]))
  })

  it('is what sealing makes today with the same nonce', () => {
    const nonce = sealed.subarray(1, 13)
    const again = seal(keyOf(vector), vector.context, plaintext, vector.pad_to_bytes, () => Buffer.from(nonce))
    expect(again.toString('hex')).toBe(vector.sealed)
  })

  it('opens nowhere else', () => {
    const { context } = vector
    for (const moved of [
      { ...context, site: `${context.site}x` },
      { ...context, part: `${context.part}x` },
      { ...context, version: context.version + 1 },
    ]) {
      expect(() => open(keyOf(vector), moved, sealed)).toThrow('does not belong to this key and place')
    }
  })
})

it('has a vector of everything that is sealed', () => {
  const kinds = new Set(golden.vectors.map(({ context }) => context.kind))
  expect([...kinds].sort()).toEqual(['address', 'card', 'contact', 'idempotency', 'key', 'reason'])
})
