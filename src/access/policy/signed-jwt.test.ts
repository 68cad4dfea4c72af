import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isCompactJws } from './signed-jwt.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const part = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('base64url'))
const jws = fc.tuple(part, part, part).map((parts) => parts.join('.'))

describe('isCompactJws', () => {
  it('takes any three parts in their one spelling', () => {
    fc.assert(fc.property(jws, (text) => isCompactJws(text, 1000)))
  })

  it('takes no other text that decodes to the same bytes', () => {
    fc.assert(
      fc.property(
        jws,
        fc.nat(),
        fc.constantFrom(...ALPHABET, '=', ' ', '+', '/', '\n', '.', ''),
        (text, where, other) => {
          const at = where % text.length
          const changed = text.slice(0, at) + other + text.slice(at + 1)
          const bytes = (of: string) => of.split('.').map((one) => Buffer.from(one, 'base64url').toString('hex'))
          const isSame = changed !== text && String(bytes(changed)) === String(bytes(text))
          expect(isSame && isCompactJws(changed, 1000)).toBe(false)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it.each([
    '',
    '.',
    '..',
    'a.b',
    'QQ.QQ.QQ.QQ',
    'QQ.QQ.',
    '.QQ.QQ',
    'QQ.QQ.QQ=',
    'QQ.QQ.QR',
    ' QQ.QQ.QQ',
    'QQ.QQ.QQ\n',
  ])('does not take %j', (text) => {
    expect(isCompactJws(text, 1000)).toBe(false)
  })

  it('takes nothing that is too long', () => {
    expect(isCompactJws('QQ.QQ.QQ', 8)).toBe(true)
    expect(isCompactJws('QQ.QQ.QQ', 7)).toBe(false)
  })
})
