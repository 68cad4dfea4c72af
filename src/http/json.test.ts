import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Problem } from '../values/problem.ts'
import { parseJson, parseLongJson, writeLongList } from './json.ts'

const refusalOf = (text: string): Problem => {
  try {
    parseJson(text)
  } catch (error) {
    if (error instanceof Problem) return error
    throw error
  }
  throw new Error('the text was accepted')
}

/** JSON.parse of Node.js 24 sometimes reads such a name, escaped, as a backslash. No member of the API has one. */
const NAME_OF_ONE = /"(?:[^"\\]|\\[^u])":/u
const isMeant = (text: string) => !/__proto__/.test(text) && !NAME_OF_ONE.test(JSON.stringify(JSON.parse(text)))
/** Any JSON within the limits: object members made by fast-check never occur twice. */
const json = fc.json({ maxDepth: 7 }).filter(isMeant)

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

describe('a member that occurs twice', () => {
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
    expect(refusalOf(text)).toMatchObject({ code: 'malformed-json', detail: 'a member occurs twice in one object' })
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
  ])('is not seen if there is none: %s', (text) => {
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

describe('how much there is', () => {
  const object = (members: number) => `{${Array.from({ length: members }, (_, at) => `"m${at}":1`).join()}}`
  const array = (elements: number) => `[${Array(elements).fill('1').join()}]`

  it('may be 64 members in an object and 2,000 elements in an array', () => {
    expect(parseJson(object(64))).toEqual(JSON.parse(object(64)))
    expect(parseJson(array(2000))).toEqual(JSON.parse(array(2000)))
    expect(parseJson(`{"a":${array(2000)},"b":${object(64)}}`)).toBeTypeOf('object')
  })

  it.each([
    ['a member more', object(65), 'unknown-member'],
    ['a member more, in an inner object', `[[${object(65)}]]`, 'unknown-member'],
    ['an element more', array(2001), 'invalid-input'],
    ['an element more, in an inner array', `{"a":{"b":${array(2001)}}}`, 'invalid-input'],
    ['a longer text', `"${'x'.repeat(16 * 1024)}"`, 'invalid-input'],
    ['a longer name', `{"${'x'.repeat(16 * 1024)}":1}`, 'invalid-input'],
    ['a text of escapes', `"${'\\u0041'.repeat(16 * 1024)}"`, 'invalid-input'],
    ['many objects of 60', `[${Array(1800).fill(object(60)).join()}]`, 'body-too-large'],
    [
      'many empty arrays',
      `[${Array(1500)
        .fill(`[${Array(100).fill('[]').join()}]`)
        .join()}]`,
      'body-too-large',
    ],
  ] as const)('is refused: %s', (_what, text, code) => {
    expect(refusalOf(text).code).toBe(code)
  })

  it('is refused before anything is made of it, whether it is JSON or not', () => {
    expect(refusalOf(`${object(65).slice(0, -1)}, and no JSON`).code).toBe('unknown-member')
  })

  it('counts neither brackets in a text nor levels that follow each other', () => {
    const text = `["${'[1,{'.repeat(1000)}",${Array(1000).fill(object(9)).join()}]`
    expect(parseJson(text)).toEqual(JSON.parse(text))
  })
})

describe('parseLongJson', () => {
  const refusalOfLong = (text: string) =>
    parseLongJson(text).then(
      () => undefined,
      (error: Problem) => error.code,
    )
  const element = { a: [1, 'two', { three: null }], b: '],[{}"\\"', c: '漢字😀', d: -1.5e3, e: {} }
  const long = {
    before: [],
    items: Array(1500).fill(element),
    empty: [],
    mixed: [1, 'x', null, true, [2], { y: 3 }],
    z: 'z',
  }

  it.each([
    ['an object of lists', JSON.stringify(long)],
    ['the same, spread over lines', JSON.stringify(long, null, 2)],
    ['a list', JSON.stringify(long.items)],
    ['an object in an object', JSON.stringify({ in: long })],
    [
      'a text',
      JSON.stringify({
        a: 'x'.repeat(16_000),
        b: ['y'.repeat(16_000), 'z'.repeat(16_000)],
        c: ['c'.repeat(16_000)],
        d: 'd'.repeat(16_000),
      }),
    ],
    ['white space', `${' '.repeat(70_000)}{"a":[ ],"b":[ 1 , 2 ]}${'\n'.repeat(70_000)}`],
  ])('agrees with JSON.parse: %s', async (_what, text) => {
    expect(text.length).toBeGreaterThan(64 * 1024)
    expect(await parseLongJson(text)).toEqual(JSON.parse(text))
  })

  it('agrees with parseJson at every break of a long text', async () => {
    const text = JSON.stringify({ items: Array(700).fill(element), n: [1, 2], z: 1 })
    const puts = ['', ',', '"', '}', ']', '[', '{', '\\', 'x', '1', ' ']
    const broken = fc.tuple(fc.nat(text.length), fc.constantFrom(...puts), fc.nat(1))
    await fc.assert(
      fc.asyncProperty(broken, async ([at, put, remove]) => {
        const changed = text.slice(0, at) + put + text.slice(at + remove)
        let expected: unknown
        try {
          expected = parseJson(changed)
        } catch (error) {
          expect(await refusalOfLong(changed)).toBe((error as Problem).code)
          return
        }
        expect(await parseLongJson(changed)).toEqual(expected)
      }),
      { numRuns: 50 },
    )
  })

  it('lets others have their turns', async () => {
    const items = Array.from({ length: 1000 }, (_, at) => ({ ...element, f: 'x'.repeat(3000), at }))
    let turns = 0
    let isOver = false
    const count = () => {
      turns++
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    await parseLongJson(JSON.stringify({ items }))
    isOver = true
    expect(turns).toBeGreaterThan(3)
  })
})

describe('writeLongList', () => {
  it('writes what JSON.stringify does', async () => {
    for (const list of [[], [1], ['a', { b: [null, undefined] }, 'c"\\']]) {
      expect(await writeLongList('results', list)).toBe(JSON.stringify({ results: list }))
    }
  })
})

describe('names and characters', () => {
  it.each(['{"__proto__":{"admin":true}}', '{"\\u005f_proto__":1}', '[{"a":{"__proto__":null}}]'])(
    'refuses %s',
    (text) => {
      expect(refusalOf(text)).toMatchObject({ code: 'unknown-member' })
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
