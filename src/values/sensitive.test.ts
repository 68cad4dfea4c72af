import { format, inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLogger } from '../observability/logger.ts'
import { Sensitive } from './sensitive.ts'

const REDACTED = '[redacted]'

/** What a console, a logger or a careless concatenation makes of a value, each by its name. */
const renderings: Record<string, (value: Sensitive<unknown>) => string> = {
  'String()': (value) => String(value),
  'a template': (value) => `${value}`,
  concatenation: (value) => 'the value is '.concat(value as never),
  'JSON.stringify': (value) => JSON.stringify(value),
  'JSON.stringify of an object': (value) => JSON.stringify({ list: [value], value }, null, 2),
  'util.inspect': (value) => inspect(value, { showHidden: true, depth: null, showProxy: true, getters: true }),
  'util.inspect of an object': (value) => inspect({ list: [value], map: new Map([['value', value]]) }, { depth: null }),
  'console.log': (value) => format('the value is', value),
  'console.log with %s %d %i %f %j %o %O %c': (value) =>
    ['%s', '%d', '%i', '%f', '%j', '%o', '%O', '%c'].map((directive) => format(directive, value)).join(),
  'an error with it as its cause': (value) => inspect(new Error('failed', { cause: value }), { depth: null }),
  'an error with it as a member': (value) =>
    inspect(Object.assign(new Error('failed'), { value }), { depth: null, showHidden: true }),
  'an error message': (value) => inspect(new Error(`failed on ${value}`)),
  'its members': (value) => inspect([Object.entries(value), { ...value }, Reflect.ownKeys(value)]),
  'Array.join': (value) => [value, value].join(' '),
  pino: (value) => logged(value),
}

function logged(value: Sensitive<unknown>): string {
  const lines: string[] = []
  const logger = createLogger('debug', { write: (line: string) => void lines.push(line) })
  const failure = new Error('failed', { cause: value })
  logger.info({ value, nested: { list: [value] } }, 'message %s %o %j', value, value, value)
  logger.error({ err: failure, error: Object.assign(failure, { value }) })
  // The time of the line is made of digits, and is not the value's.
  return lines.join('').replaceAll(/"time":"[^"]*"/g, '')
}

describe.each(Object.entries(renderings))('%s', (_name, render) => {
  it('never shows a text, nor five digits of a number', () => {
    const number = fc.stringMatching(/^[0-9]{13,19}$/)
    fc.assert(
      fc.property(number, (value) => {
        const text = render(new Sensitive(value))
        for (let at = 0; at + 5 <= value.length; at++) {
          if (text.includes(value.slice(at, at + 5))) throw new Error(`${value.slice(at, at + 5)} stands in ${text}`)
        }
      }),
      { numRuns: 20 },
    )
  })

  it('never shows the members of an object', () => {
    const text = render(new Sensitive({ number: '4242424242424242', holder_name: 'Tan Mei Ling' }))
    expect(text).not.toMatch(/4242|Tan|holder_name/)
  })
})

describe('a Sensitive', () => {
  it('gives the value when it is exposed by name', () => {
    const value = { number: '4242424242424242' }
    expect(new Sensitive(value).expose()).toBe(value)
  })

  it.each(['String()', 'a template', 'util.inspect'])('says %s is redacted', (name) => {
    expect(renderings[name]!(new Sensitive('4242424242424242'))).toBe(REDACTED)
  })

  it('says so in JSON and in a log line', () => {
    expect(JSON.stringify({ value: new Sensitive('4242424242424242') })).toBe(`{"value":"${REDACTED}"}`)
    expect(logged(new Sensitive('4242424242424242'))).toContain(`"value":"${REDACTED}"`)
  })

  it('is not a number in arithmetic', () => {
    expect(Number(new Sensitive(4242424242424242))).toBeNaN()
  })
})
