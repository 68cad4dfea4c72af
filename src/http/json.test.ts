import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Problem } from '../problem.ts'
import { parseJson } from './json.ts'

const refusalOf = (text: string): Problem => {
  try {
    parseJson(text)
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('the text was accepted')
}

/** Any JSON within the limits: object members made by fast-check never stand twice. */
const json = fc.json({ maxDepth: 7 }).filter((text) => !text.includes('__proto__'))

/** The same text with every character of its strings escaped. */
const escaped = (text: string) =>
  JSON.stringify(JSON.parse(text)).replaceAll(/"(?:[^"\\]|\\.)*"/g, (string) => {
    const value = JSON.parse(string) as string
    const units = Array.from({ length: value.length }, (_, at) => value.charCodeAt(at).toString(16).padStart(4, '0'))
    return `"${units.map((unit) => `\\u${unit}`).join('')}"`
  })

describe('parseJson', () => {
  it('agrees with JSON.parse on any JSON without duplicates, however it is spaced and escaped', () => {
    fc.assert(
      fc.property(json, (text) => {
        const value = JSON.parse(text)
        expect(parseJson(text)).toEqual(value)
        expect(parseJson(JSON.stringify(value, null, '\t'))).toEqual(value)
        expect(parseJson(escaped(text))).toEqual(value)
      }),
      { numRuns: 300 },
    )
  })

  it('agrees with JSON.parse that a text is not JSON', () => {
    fc.assert(
      fc.property(json, fc.nat(), fc.constantFrom('', ',', '"', '}', ']', '\\', '\u0000', 'x'), (text, place, put) => {
        const at = place % (text.length + 1)
        const broken = text.slice(0, at) + put + text.slice(at + 1)
        let value: unknown
        try {
          value = JSON.parse(broken)
        } catch {
          expect(refusalOf(broken)).toMatchObject({ code: 'malformed-json', detail: undefined })
          return
        }
        // It is JSON still; if it is refused now, then only for what JSON.parse does not mind.
        try {
          expect(parseJson(broken)).toEqual(value)
        } catch (error) {
          expect(error).toMatchObject({ code: 'malformed-json', detail: expect.any(String) })
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('a member that stands twice', () => {
  it.each([
    ['plainly', '{"a":1,"a":2}'],
    ['with the same value', '{"a":1,"a":1}'],
    ['through an escape', '{"a":1,"\\u0061":2}'],
    ['through another spelling of an escape', '{"\\/":1,"/":2}'],
    ['through upper-case hexadecimal', '{"\\u00e9":1,"\\u00E9":2}'],
    ['as an empty name', '{"":1,"":2}'],
    ['with an object between', '{"a":{"b":[{"c":1}]},"a":2}'],
    ['with an array between', '{"a":["a","a"],"b":"a","a":2}'],
    ['in an inner object', '{"x":{"a":1,"a":2}}'],
    ['in an object of an array', '[1,{"a":1,"b":"}","a":2}]'],
    ['spread over lines', '{ "a" :\n 1\t,\r\n "a" : 2 }'],
    ['with quotes in its name', '{"a\\"":1,"a\\"":2}'],
    ['with a backslash at the end of its name', '{"a\\\\":1,"a\\\\":2}'],
    ['as a name of Object.prototype', '{"constructor":1,"constructor":2}'],
  ])('is refused: %s', (_how, text) => {
    expect(refusalOf(text)).toMatchObject({ code: 'malformed-json', detail: 'a member stands twice in one object' })
  })

  it('is refused anywhere in any object', () => {
    const anyName = fc.string().filter((text) => text !== '__proto__')
    fc.assert(
      fc.property(anyName, json, json, fc.nat(3), (name, first, second, depth) => {
        const quoted = JSON.stringify(name)
        const object = `{${quoted}:1,"${'-'.repeat(99)}":2,${escaped(quoted)}:3}`
        const text = `${'{"in":['.repeat(depth)}${object}${']}'.repeat(depth)}`
        expect(refusalOf(text).code).toBe('malformed-json')
        expect(refusalOf(`[${first.length},${text},${second.length}]`).code).toBe('malformed-json')
      }),
    )
  })

  it.each([
    '[{"a":1},{"a":2}]',
    '{"a":{"a":{"a":1}}}',
    '{"a":"b","b":"a"}',
    '{"a":["a","a","b"],"b":1}',
    '{"a":"{\\"a\\":1,\\"a\\":2}"}',
    '{"a":"\\\\","b":"a"}',
    '{"a":1,"A":2}',
    '{"é":1,"e\u0301":2}',
  ])('is not seen where there is none: %s', (text) => {
    expect(parseJson(text)).toEqual(JSON.parse(text))
  })
})

describe('depth', () => {
  const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

  it.each([
    ['arrays', nested],
    ['objects', (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`],
  ])('may be 8 levels of %s and not 9', (_what, make) => {
    expect(parseJson(make(8))).toEqual(JSON.parse(make(8)))
    expect(refusalOf(make(9))).toMatchObject({ code: 'malformed-json', detail: 'more than 8 levels' })
  })

  it('counts levels, not brackets', () => {
    const wide = `[${Array(1000).fill('[[]]').join()},"${'['.repeat(99)}"]`
    expect(parseJson(wide)).toEqual(JSON.parse(wide))
  })

  it('is refused in order however deep it is', () => {
    expect(refusalOf(nested(500_000)).code).toBe('malformed-json')
    expect(refusalOf('['.repeat(500_000)).code).toBe('malformed-json')
  })
})

describe('names and characters', () => {
  it.each(['{"__proto__":{"admin":true}}', '{"\\u005f_proto__":1}', '[{"a":{"__proto__":null}}]'])(
    'refuses %s',
    (text) => {
      expect(refusalOf(text)).toMatchObject({ code: 'unknown-member', status: 422 })
      expect(Object.prototype).not.toHaveProperty('admin')
    },
  )

  it('takes __proto__ as a value', () => {
    expect(parseJson('["__proto__"]')).toEqual(['__proto__'])
  })

  it.each(['"\\ud83d"', '"\\ude00\\ud83d"', '{"\\udfff":1}', '["x\\uD800x"]', '"\\ud83d\\ud83d\\ude00"'])(
    'refuses the lone surrogate in %s',
    (text) => {
      expect(refusalOf(text)).toMatchObject({ code: 'malformed-json', detail: 'lone surrogate' })
    },
  )

  it('takes a pair of surrogates, escaped or not', () => {
    expect(parseJson('["\\ud83d\\ude00","😀"]')).toEqual(['😀', '😀'])
  })
})

it('quotes nothing of the text in its errors', () => {
  const number = fc.stringMatching(/^[0-9]{13,19}$/)
  fc.assert(
    fc.property(number, (value) => {
      for (const text of [
        value.padEnd(20, 'x'),
        `{"number":x${value}}`,
        `{"number":"${value}`,
        `{"${value}":1,"${value}":2}`,
        `{"a":"${value}\\ud800"}`,
        `{"__proto__":"${value}"}`,
        `[[[[[[[[["${value}"]]]]]]]]]`,
      ]) {
        const problem = refusalOf(text)
        expect(inspect(problem, { depth: null, showHidden: true }) + JSON.stringify(problem)).not.toContain(value)
      }
    }),
    { numRuns: 30 },
  )
})
