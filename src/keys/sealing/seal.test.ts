import crypto, { createSecretKey, randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { createRandomBytes } from '../../values/random.ts'
import { FORMATS } from './formats.ts'
import { bindsRow, open, paddedLengthOf, seal } from './seal.ts'
import { encodeContext, type SealContext, SealError, type SealingKey } from './seal-context.ts'
import { formatsByByte, type SealFormat } from './seal-format.ts'

const HEADER_BYTES = 1 + 12 + 32
const NUMBER = '4242424242424242'
const TAG_BYTES = 16

const key = (id = 'key_one'): SealingKey => ({ id, secret: createSecretKey(randomBytes(32)) })
const here: SealContext = { site: 'default', kind: 'card', token: 'card_1', part: 'secret', version: 1 }
const inRow: Required<SealContext> = { ...here, facts: 'what else the row says' }
const one = key()
const sealHere = (plaintext: Uint8Array, padTo = 64) => seal(one, here, plaintext, padTo, randomBytes)

const bytes = fc.uint8Array({ maxLength: 400 })
const name = fc.string({ maxLength: 20 })
const contexts = fc.record({ site: name, kind: name, token: name, part: name, version: fc.nat(), facts: name })
const withoutFacts = contexts.map(({ facts: _facts, ...place }) => place)
const pad = fc.constantFrom(1, 16, 64, 128)

describe('open', () => {
  it('gives back what was sealed, for any bytes in any place', () => {
    fc.assert(
      fc.property(bytes, fc.oneof(contexts, withoutFacts), pad, (plaintext, context, padTo) => {
        const sealed = seal(one, context, plaintext, padTo, randomBytes)
        expect(open(one, context, sealed)).toEqual(Buffer.from(plaintext))
      }),
    )
  })

  it('refuses a value with any one bit flipped', () => {
    const sealed = sealHere(Buffer.from('4242424242424242'))
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const flipped = Buffer.from(sealed)
      flipped[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => open(one, here, flipped), `bit ${bit}`).toThrow(SealError)
    }
  })

  it('refuses another place: any member of the context that differs', () => {
    fc.assert(
      fc.property(
        contexts,
        contexts,
        fc.constantFrom(...(Object.keys(inRow) as (keyof SealContext)[])),
        (a, b, member) => {
          fc.pre(a[member] !== b[member])
          const sealed = seal(one, a, Buffer.from('x'), 16, randomBytes)
          expect(() => open(one, { ...a, [member]: b[member] }, sealed)).toThrow(SealError)
        },
      ),
    )
  })

  it('refuses a context whose members only run together to the same text', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 2, maxLength: 12 }), fc.nat(), fc.nat(), (text, first, second) => {
        const at = (cut: number) => ({ ...here, site: text.slice(0, cut), kind: text.slice(cut) })
        const [a, b] = [first % (text.length + 1), second % (text.length + 1)]
        fc.pre(a !== b)
        // A surrogate cut in two is not text.
        fc.pre([at(a), at(b)].every(({ site, kind }) => site.isWellFormed() && kind.isWellFormed()))
        const sealed = seal(one, at(a), Buffer.from('x'), 16, randomBytes)
        expect(() => open(one, at(b), sealed)).toThrow(SealError)
      }),
    )
  })

  it('refuses a context whose members hold what looks like a length', () => {
    const at = (site: string, kind: string) => ({ ...here, site, kind })
    const sealed = seal(one, at('a\0\0b', 'c'), Buffer.from('x'), 16, randomBytes)
    expect(() => open(one, at('a', 'b\0\0c'), sealed)).toThrow(SealError)
    const lengthened = seal(one, at('a\0\u0001b', ''), Buffer.from('x'), 16, randomBytes)
    expect(() => open(one, at('a', 'b'), lengthened)).toThrow(SealError)
  })

  it('refuses another key, and the same key under another id', () => {
    const sealed = sealHere(Buffer.from('x'))
    expect(() => open(key(one.id), here, sealed)).toThrow(SealError)
    expect(() => open({ ...one, id: 'key_two' }, here, sealed)).toThrow(SealError)
  })

  it('refuses a value cut short anywhere, or with something after it', () => {
    const sealed = sealHere(Buffer.from('4242424242424242'))
    for (let length = 0; length < sealed.length; length++) {
      expect(() => open(one, here, sealed.subarray(0, length)), `${length} bytes`).toThrow(SealError)
    }
    expect(() => open(one, here, Buffer.concat([sealed, Buffer.alloc(1)]))).toThrow(SealError)
  })

  it('refuses every format but its own', () => {
    const own = [
      [here, 1],
      [inRow, 2],
    ] as const
    for (const [context, made] of own) {
      const sealed = seal(one, context, Buffer.from('x'), 64, randomBytes)
      expect(sealed[0]).toBe(made)
      for (let format = 0; format < 256; format++) {
        if (format === made) continue
        const renamed = Buffer.concat([Buffer.of(format), sealed.subarray(1)])
        expect(() => open(one, context, renamed), `format ${format}`).toThrow(SealError)
        // If nothing else is known of the row, format 2 does not open either.
        expect(() => open(one, here, renamed), `format ${format}`).toThrow(SealError)
      }
    }
  })

  it('reads a format that is added to the table, by its byte, beside the others; and refuses it without', () => {
    const reversed: SealFormat = {
      byte: 200,
      bindsRow: false,
      seal: (_key, _context, plaintext) => Buffer.of(200, ...Buffer.from(plaintext).reverse()),
      open: (_key, _context, sealed) => Buffer.from(sealed.subarray(1)).reverse(),
      paddedLengthOf: (sealed) => sealed.length - 1,
    }
    const formats = formatsByByte([...FORMATS.values(), reversed])
    const added = reversed.seal(one, here, Buffer.from('abc'), 1, randomBytes)
    expect(open(one, here, added, formats).toString()).toBe('abc')
    expect(open(one, here, sealHere(Buffer.from('x')), formats).toString()).toBe('x')
    expect(() => open(one, here, added)).toThrow(new SealError('sealed value is of an unknown format'))
    expect(() => paddedLengthOf(added)).toThrow(SealError)
    expect(() => formatsByByte([...FORMATS.values(), { ...reversed, byte: 1 }])).toThrow('the same byte')
  })

  it('opens what was sealed before rows were bound, whatever its row says; and nothing of a row without it', () => {
    const before = sealHere(Buffer.from('x'))
    expect(open(one, inRow, before)).toEqual(Buffer.from('x'))
    expect(bindsRow(before)).toBe(false)
    const since = seal(one, inRow, Buffer.from('x'), 64, randomBytes)
    expect(bindsRow(since)).toBe(true)
    expect(() => open(one, here, since)).toThrow(/unknown format/)
    expect(since.length).toBe(before.length)
  })

  it('checks the commitment, and before anything is decrypted', () => {
    const sealed = sealHere(Buffer.from('x'))
    const uncommitted = Buffer.from(sealed).fill(0, 13, HEADER_BYTES)
    expect(() => open(one, here, uncommitted)).toThrow('does not belong to this key and place')
    // With the tag broken too, it is still the commitment that is complained of.
    uncommitted.fill(0, uncommitted.length - TAG_BYTES)
    expect(() => open(one, here, uncommitted)).toThrow('does not belong to this key and place')
  })

  it('says nothing of keys or values in its errors', () => {
    const sealed = sealHere(Buffer.from('4242424242424242'))
    sealed[sealed.length - 1]! ^= 1
    expect(() => open(one, here, sealed)).toThrow(new SealError('sealed value was changed'))
  })
})

describe('seal', () => {
  it('reveals by its length only the multiple that the text was padded to', () => {
    fc.assert(
      fc.property(bytes, pad, (plaintext, padTo) => {
        const padded = Math.ceil((plaintext.length + 1) / padTo) * padTo
        const sealed = seal(one, here, plaintext, padTo, randomBytes)
        expect(sealed.length).toBe(HEADER_BYTES + padded + TAG_BYTES)
      }),
    )
    const lengths = Array.from({ length: 64 }, (_, length) => sealHere(Buffer.alloc(length, 0x80)).length)
    expect(new Set(lengths).size).toBe(1)
    expect(sealHere(Buffer.alloc(64)).length).toBe(lengths[0]! + 64)
  })

  it('keeps texts apart that look like padding', () => {
    for (const text of ['', '80', '8000', '00', '0080', '808080', '80000000']) {
      const plaintext = Buffer.from(text, 'hex')
      expect(open(one, here, sealHere(plaintext))).toEqual(plaintext)
    }
  })

  it('draws a nonce of its own each time', () => {
    const source = createRandomBytes()
    const sealed = Array.from({ length: 2000 }, () => seal(one, here, Buffer.from('x'), 16, source))
    expect(new Set(sealed.map((value) => value.subarray(1, 13).toString('hex'))).size).toBe(2000)
    expect(new Set(sealed.map((value) => value.subarray(HEADER_BYTES).toString('hex'))).size).toBe(2000)
  })

  it('takes the nonce from the source that it is given', () => {
    const nonce = Buffer.from('000102030405060708090a0b', 'hex')
    const asked: number[] = []
    const sealed = seal(one, here, Buffer.from('x'), 16, (count) => {
      asked.push(count)
      return nonce
    })
    expect(asked).toEqual([12])
    expect(sealed.subarray(1, 13)).toEqual(nonce)
  })

  it('fails rather than sealing when there is no randomness', () => {
    const broken = () => {
      throw new Error('no randomness')
    }
    expect(() => seal(one, here, Buffer.from('x'), 16, broken)).toThrow('no randomness')
  })

  it.each([
    ['seals', () => sealHere(Buffer.from(NUMBER)), 1],
    ['cannot draw a nonce', () => seal(one, here, Buffer.from(NUMBER), 64, noRandomness), 0],
    ['cannot encrypt', () => withBrokenCipher(() => sealHere(Buffer.from(NUMBER))), 1],
  ])('leaves neither the derived block nor the padded text in memory when it %s', (_what, work, paddings) => {
    const { blocks, padded } = memoryOf(work)
    expect(blocks.map((block) => block.equals(Buffer.alloc(64)))).toEqual([true])
    expect(padded.map((text) => text.equals(Buffer.alloc(64)))).toEqual(Array(paddings).fill(true))
  })

  it.each([
    ['opens', (sealed: Buffer) => open(one, here, sealed)],
    ['finds another context', (sealed: Buffer) => open(one, { ...here, version: 9 }, sealed)],
    ['finds a changed tag', (sealed: Buffer) => open(one, here, flipped(sealed, sealed.length - 1))],
    ['finds a changed text', (sealed: Buffer) => open(one, here, flipped(sealed, HEADER_BYTES))],
    ['finds no padding', (_sealed: Buffer, bare: Buffer) => open(one, here, bare)],
  ])('wipes the derived block when it %s, and leaves the text to its caller alone', (what, work) => {
    const [sealed, bare] = [sealHere(Buffer.from(NUMBER)), unpadded()]
    const { blocks, decrypted } = memoryOf(() => work(sealed, bare))
    expect(decrypted.length).toBe(what === 'finds another context' ? 0 : 1)
    expect(blocks.every((block) => block.equals(Buffer.alloc(64)))).toBe(true)
    if (what === 'opens') expect(decrypted[0]!.subarray(0, 16).toString()).toBe(NUMBER)
    else for (const text of decrypted) expect(text.every((byte) => byte === 0)).toBe(true)
  })

  it('leaves the caller’s text as it was', () => {
    const plaintext = Buffer.from('4242424242424242')
    sealHere(plaintext)
    expect(plaintext.toString()).toBe('4242424242424242')
  })
})

/** Runs it, and answers with what it left in the buffers that held a derived block, a padded text or a decrypted one. */
function memoryOf(work: () => unknown) {
  const digest = vi.spyOn(crypto.Hmac.prototype, 'digest')
  const alloc = vi.spyOn(Buffer, 'alloc')
  const update = vi.spyOn(crypto.Decipheriv.prototype, 'update')
  try {
    work()
  } catch {
    // The question is what stays in memory then.
  }
  const results = (spy: { mock: { results: readonly { value: unknown }[] } }) =>
    spy.mock.results.map(({ value }) => value as Buffer)
  const memory = { blocks: results(digest), padded: results(alloc), decrypted: results(update) }
  vi.restoreAllMocks()
  return memory
}

function noRandomness(): never {
  throw new Error('no randomness')
}

function withBrokenCipher(work: () => unknown): unknown {
  vi.spyOn(crypto.Cipheriv.prototype, 'final').mockImplementation(noRandomness)
  return work()
}

function flipped(sealed: Buffer, at: number): Buffer {
  const changed = Buffer.from(sealed)
  changed[at]! ^= 1
  return changed
}

/** A value that is authentic and was never padded. */
function unpadded(): Buffer {
  const bound = encodeContext(here, ['1'], [one.id])
  const block = crypto.createHmac('sha512', one.secret).update(bound).update(Buffer.of(1)).digest()
  const nonce = randomBytes(12)
  const cipher = crypto.createCipheriv('aes-256-gcm', block.subarray(0, 32), nonce).setAAD(bound)
  const text = Buffer.concat([cipher.update(NUMBER.repeat(4)), cipher.final()])
  return Buffer.concat([Buffer.of(1), nonce, block.subarray(32), text, cipher.getAuthTag()])
}
