import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeFields, type Field } from './encode-fields.ts'
import { encodeContext } from './seal-context.ts'

const hex = (lengthBytes: 2 | 4, fields: readonly Field[]) => encodeFields(lengthBytes, fields).toString('hex')
const field = fc.oneof(fc.string({ maxLength: 6 }), fc.uint8Array({ maxLength: 6 }))
const shape = (fields: readonly Field[]) =>
  JSON.stringify(fields.map((one) => (one instanceof Uint8Array ? [...one] : one)))

describe('encodeFields', () => {
  it('gives two lists one encoding only when they are the same texts and bytes', () => {
    const list = fc.array(field, { maxLength: 4 })
    fc.assert(
      fc.property(list, list, fc.constantFrom(2 as const, 4 as const), (one, other, lengthBytes) => {
        expect(hex(lengthBytes, one) === hex(lengthBytes, other)).toBe(shape(one) === shape(other))
        expect(hex(lengthBytes, one)).not.toBe(hex(lengthBytes, [...one, '']))
      }),
    )
    for (const text of ['', 'a', 'Zoë €', '💳']) expect(hex(2, [text])).not.toBe(hex(2, [Buffer.from(text)]))
  })

  it('refuses ill-formed text in any place, and repeats nothing of it', () => {
    for (const text of ['\ud800', 'a\udfff', '\udc00\ud800', `${'x'.repeat(100)}\ud83d`]) {
      for (const fields of [[text], ['a', text], [text, Buffer.alloc(3)]]) {
        expect(() => encodeFields(2, fields)).toThrow(TypeError)
        expect(() => encodeFields(4, fields)).toThrow(/^a text that is not well-formed Unicode cannot be encoded$/)
      }
    }
    expect(encodeFields(2, ['💳', '\ufffd', '\0']).length).toBe(2 + 4 + 2 + 3 + 2 + 1)
  })

  it('refuses a field whose length would run into the tag', () => {
    expect(encodeFields(2, ['x'.repeat(32_767)]).length).toBe(32_769)
    for (const one of ['x'.repeat(32_768), 'é'.repeat(16_384), Buffer.alloc(32_768), Buffer.alloc(70_000)]) {
      expect(() => encodeFields(2, [one])).toThrow(RangeError)
    }
    expect(encodeFields(4, [Buffer.alloc(70_000)]).length).toBe(70_004)
  })
})

describe('encodeContext', () => {
  it('is, for a seal and for a wrapped key, byte for byte what it always was', () => {
    const context = { site: 'Zoë €', kind: 'card', token: 'card_1', part: 'secret', version: 2 }
    expect(encodeContext(context, ['1'], ['key_1']).toString('hex')).toBe(
      '00013100085a6fc3ab20e282ac0004636172640006636172645f31000673656372657400013200056b65795f31',
    )
    const wrapped = { site: 'Zoë €', kind: 'key', token: 'key_1', part: 'secret', version: 2 }
    expect(encodeContext(wrapped).toString('hex')).toBe(
      '00085a6fc3ab20e282ac00036b657900056b65795f310006736563726574000132',
    )
  })

  it.each(['site', 'kind', 'token', 'part'])('refuses a %s that is not well-formed', (member) => {
    const context = { site: 's', kind: 'k', token: 't', part: 'p', version: 1, [member]: 'x\ud800' }
    expect(() => encodeContext(context)).toThrow(TypeError)
  })
})
