import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { billing_address, build, buildDeps, card, sampleDestination } from '../../../test/support/sample-destination.ts'
import { Problem } from '../../values/problem.ts'
import type { Destination } from '../destination.ts'
import { isLeaf, type Template } from '../template.ts'
import { type BuiltRequest, buildRequest } from './build-request.ts'

describe('no value changes the structure', () => {
  const anyText = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '"',
      '",',
      '"},"x":{"a":"',
      '\\',
      '&a=b',
      'a]=1&b[c',
      '%26',
      '__proto__',
      '\u2028',
      '{"$card":"number"}',
    ),
  )
  const name = fc.stringMatching(/^[a-zA-Z_-][a-zA-Z0-9_. -]{0,8}$/).filter((text) => text !== '__proto__')
  const leaf = fc.constantFrom<Template>(
    { $card: 'holder_name' },
    { $address: 'line1', of: 'billing' },
    { $contact: 'email' },
    { $in: 'text', max_length: 10_000 },
    { $secret: 'any' },
  )
  const { node } = fc.letrec<{ node: Template }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      leaf,
      fc.oneof(fc.boolean(), fc.integer(), fc.string({ unit: 'grapheme-ascii' })),
      fc.array(tie('node'), { minLength: 1, maxLength: 3 }),
      fc.dictionary(name, tie('node'), { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
    ),
  }))
  const given = fc.record({ holder: anyText, line1: anyText, email: anyText, text: anyText, any: anyText })
  type Given = typeof given extends fc.Arbitrary<infer T> ? T : never

  /** The template with each leaf replaced by its value, made without any of the code that is tested. */
  function expected(template: Template, { holder, line1, email, text, any }: Given): unknown {
    if (isLeaf(template)) {
      if ('$card' in template) return template.$card === 'number' ? card.number : holder
      if ('$address' in template) return line1
      if ('$contact' in template) return email
      return '$in' in template ? text.normalize('NFC') : any
    }
    if (Array.isArray(template))
      return template.map((element: Template) => expected(element, { holder, line1, email, text, any }))
    if (typeof template !== 'object' || template === null) return template
    return Object.fromEntries(
      Object.entries(template).map(([key, member]) => [key, expected(member, { holder, line1, email, text, any })]),
    )
  }

  function flat(name: string, value: unknown): [string, string][] {
    if (typeof value !== 'object' || value === null) return [[name, String(value)]]
    return Object.entries(value).flatMap(([key, member]) => flat(`${name}[${key}]`, member))
  }

  async function built(to: Destination, values: Given): Promise<BuiltRequest | undefined> {
    const filled = {
      card: { ...card, holder_name: values.holder },
      billing_address: { ...billing_address, line1: values.line1 },
      contact: { email: values.email },
    }
    const own = { ...buildDeps, openSecrets: async () => new Map([['any', values.any]]) }
    // The input is read although the template may not have it.
    return buildRequest(own, to, { records: filled, input: { text: values.text }, headers: {} }).catch((error) => {
      if (error instanceof Problem) return undefined
      throw error
    })
  }

  const inTemplate = (members: Template) => ({ t: { $in: 'text', max_length: 10_000 }, members })

  it('of JSON', async () => {
    let count = 0
    await fc.assert(
      fc.asyncProperty(node, given, async (members, values) => {
        const to = sampleDestination(inTemplate(members))
        const request = await built(to, values)
        if (request === undefined) return
        count++
        const wanted = JSON.parse(JSON.stringify(expected(to.template, values)))
        expect(JSON.parse(request.body.toString('utf8'))).toEqual(wanted)
      }),
      { numRuns: 1000 },
    )
    expect(count).toBeGreaterThan(100)
  })

  it('of a form', async () => {
    let count = 0
    await fc.assert(
      fc.asyncProperty(node, given, async (members, values) => {
        const to = sampleDestination(inTemplate(members), { encoding: 'form' })
        const request = await built(to, values)
        if (request === undefined) return
        count++
        const pairs = Object.entries(expected(to.template, values) as object).flatMap(([key, member]) =>
          flat(key, member),
        )
        const wanted = pairs.map((pair) => pair.map((text) => text.toWellFormed()))
        expect([...new URLSearchParams(request.body.toString('utf8'))]).toEqual(wanted)
        // Nothing but what a form escapes to leaves.
        expect(request.body.toString('latin1')).toMatch(/^[A-Za-z0-9*._+%=&-]*$/)
      }),
      { numRuns: 1000 },
    )
    expect(count).toBeGreaterThan(100)
  })

  it('of the path and of the headers', async () => {
    const to = sampleDestination({}, { path: '/v1/{a}/x:{b}/y', caller_headers: ['X-A'] })
    const usual = fc.stringMatching(/^[A-Za-z0-9._~-]{1,12}$/)
    const hostile = fc.oneof(
      { weight: 5, arbitrary: usual },
      anyText,
      fc.tuple(usual, fc.constantFrom(...'/?#%@:\\{}\r\n .'), usual).map((parts) => parts.join('')),
      fc.webUrl(),
    )
    let count = 0
    await fc.assert(
      fc.asyncProperty(hostile, hostile, hostile, async (a, b, header) => {
        const request = await build(to, { input: { a, b }, headers: { 'X-A': header } }).catch(() => undefined)
        if (request === undefined) return
        count++
        const { origin, path, headers } = request
        const url = new URL(`${origin}${path}`)
        expect([url.origin, url.pathname, url.search, url.hash]).toEqual([to.origin, path, '', ''])
        expect(path.split('/')).toEqual(['', 'v1', a, `x:${b}`, 'y'])
        expect(headers).toEqual([
          ['Content-Type', 'application/json'],
          ['X-A', header],
        ])
        expect(header).toMatch(/^[ -~]+$/)
      }),
      { numRuns: 3000 },
    )
    expect(count).toBeGreaterThan(300)
  })
})
