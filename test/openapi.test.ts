import { describe, expect, it } from 'vitest'
import { shownBy, views } from '../src/access/policy/view.ts'
import { problemsOf } from '../src/http/documents/operation-problems.ts'
import { PROBLEM_STATUSES } from '../src/http/documents/problem-statuses.ts'
import type { KindDefinition } from '../src/kinds/kind.ts'
import { createKinds } from '../src/kinds/kinds.ts'
import { registry } from '../src/kinds/registry.ts'
import { schemaName } from '../src/kinds/schema-name.ts'
import { PROBLEM_CODES, type ProblemCode } from '../src/values/problem-codes.ts'
import { describedDocument } from './support/reference/openapi-file.ts'
import { describedRoutes } from './support/reference/routes.ts'
import { billingAddress, card, contact } from './support/samples.ts'

interface Schema extends Record<string, unknown> {
  $ref?: string
  type?: string | string[]
  description?: string
  pattern?: string
  enum?: unknown[]
  additionalProperties?: unknown
  properties?: Record<string, Schema>
}
type Content = Record<string, { schema: Schema; examples?: Record<string, { value: unknown }> }>
interface Response {
  description: string
  headers: Record<string, { $ref: string }>
  content?: Content
  'x-problem-codes'?: ProblemCode[]
}
interface Operation {
  operationId: string
  summary: string
  description: string
  tags: string[]
  requestBody?: { content: Content }
  responses: Record<string, Response>
}
interface Document {
  openapi: string
  tags: { name: string }[]
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema>; securitySchemes: Record<string, { type: string }> }
}

const document = describedDocument() as unknown as Document
const { schemas } = document.components
const operations = Object.values(document.paths).flatMap((path) => Object.values(path))
const routes = describedRoutes()
const routeOf = ({ operationId }: Operation) => routes.find((route) => route.operationId === operationId)!

interface Place {
  at: string
  value: Schema
}

/** Every object of the document, with where it is. */
function placesIn(value: unknown, at = ''): Place[] {
  if (typeof value !== 'object' || value === null) return []
  const inner = Object.entries(value).flatMap(([name, one]) => placesIn(one, `${at}/${name}`))
  return Array.isArray(value) ? inner : [{ at, value: value as Schema }, ...inner]
}

const places = placesIn(document)
/** Where values of any form are given, not schemas. */
const isExample = ({ at }: Place) => /\/examples?(\/|$)/.test(at)

describe('the OpenAPI document', () => {
  it('is of version 3.1, and has nothing of older ones', () => {
    expect(document.openapi).toMatch(/^3\.1\./)
    expect(places.filter((place) => !isExample(place) && 'nullable' in place.value)).toEqual([])
  })

  it('has a name for every union, and for every body', () => {
    const unions = places.filter(({ value }) => ['anyOf', 'oneOf', 'allOf'].some((name) => name in value))
    expect(unions.length).toBeGreaterThan(5)
    expect(unions.filter(({ at }) => !/^\/components\/schemas\/\w+$/.test(at)).map(({ at }) => at)).toEqual([])
    const contents = operations.flatMap(({ requestBody, responses }) =>
      [requestBody, ...Object.values(responses)].flatMap((one) => Object.entries(one?.content ?? {})),
    )
    const anonymous = contents.filter(([type, { schema }]) => /json|form/.test(type) && schema.$ref === undefined)
    expect(anonymous).toEqual([])
  })

  it('has patterns that other engines read', () => {
    const patterns = places.flatMap((place) => (!isExample(place) && place.value.pattern) || [])
    expect(patterns.length).toBeGreaterThan(10)
    // Python has no classes of Unicode, Go no lookaround and no references.
    for (const pattern of patterns) expect(pattern).not.toMatch(/\\[pPkuU1-9]|\(\?(?!:)/)
  })

  it('says truly that a member that may be left out may be null', () => {
    const taking = operations.filter(({ requestBody }) => requestBody?.content['application/json'])
    const refused = taking.flatMap((operation) => {
      const { schema, examples = {} } = operation.requestBody!.content['application/json']!
      const { properties = {}, required = [] } = schemas[schema.$ref!.split('/').at(-1)!]!
      const left = Object.keys(properties).filter((name) => !(required as string[]).includes(name))
      const parse = (body: object) => routeOf(operation).body!.safeParse(body)
      return Object.values(examples).flatMap(({ value }) =>
        left
          .filter((name) =>
            parse({ ...(value as object), [name]: null }).error?.issues.some(({ path }) => path[0] === name),
          )
          .map((name) => `${operation.operationId} ${name}`),
      )
    })
    expect(refused).toEqual([])
  })

  it('gives every call a name, a part of the documentation and a description', () => {
    const names = operations.map(({ operationId }) => operationId)
    expect(new Set(names).size).toBe(names.length)
    for (const { operationId, description, tags, summary } of operations) {
      expect(operationId).toMatch(/^[a-z][A-Za-z]+$/)
      expect(summary, operationId).not.toMatch(/\.$/)
      expect(description.length, operationId).toBeGreaterThan(0)
      expect(document.tags.map(({ name }) => name)).toEqual(expect.arrayContaining(tags))
    }
  })

  it('has security schemes for tokens, client credentials with scopes, DPoP and mutual TLS', () => {
    const { securitySchemes } = document.components
    expect(Object.values(securitySchemes).map(({ type }) => type)).toEqual([
      'oauth2',
      'http',
      'apiKey',
      'mutualTLS',
      'http',
    ])
    expect(securitySchemes.oauth).toMatchObject({
      flows: { clientCredentials: { scopes: { tokenize: expect.any(String), 'card:reveal': expect.any(String) } } },
    })
  })
})

describe('an answer', () => {
  it('that refuses has its status and names its codes; others may come', () => {
    for (const operation of operations) {
      const { responses, operationId } = operation
      const codes = Object.entries(responses).flatMap(([status, { 'x-problem-codes': names = [], description }]) => {
        for (const code of names) {
          expect(String(PROBLEM_STATUSES[code]), `${operationId} ${code}`).toBe(status)
          expect(description).toContain(`\`${code}\``)
        }
        return names
      })
      expect(codes.sort(), operationId).toEqual(problemsOf(routeOf(operation)).sort())
      expect(responses.default).toBeDefined()
    }
  })

  it('of some call has each code, but for what is no call', () => {
    const named = new Set(operations.flatMap((operation) => problemsOf(routeOf(operation))))
    expect(PROBLEM_CODES.filter((code) => !named.has(code))).toEqual(['method-not-allowed'])
  })

  it('describes the headers that a client reads', () => {
    for (const operation of operations) {
      for (const [status, { headers }] of Object.entries(operation.responses)) {
        const name = `${operation.operationId} ${status}`
        const isRepeated = routeOf(operation).idempotent === true && Number(status) < 300
        expect('Request-Id' in headers, name).toBe(true)
        expect('Idempotent-Replayed' in headers, name).toBe(isRepeated)
        if (status === '401') expect('WWW-Authenticate' in headers, name).toBe(true)
        if (['429', '503'].includes(status)) expect('Retry-After' in headers, name).toBe(true)
      }
    }
  })

  it('is open: a new member, a new code or a new value breaks no strict client', () => {
    const answers = new Set<string>()
    const follow = (value: unknown) => {
      for (const { value: found } of placesIn(value)) {
        const name = found.$ref?.split('/').at(-1)
        if (name === undefined || answers.has(name) || schemas[name] === undefined) continue
        answers.add(name)
        follow(schemas[name])
      }
    }
    follow(operations.map(({ responses }) => responses))
    expect([...answers]).toEqual(expect.arrayContaining(['Problem', 'MaskedCard', 'RevealedCard', 'AuditEvent']))
    for (const name of answers) {
      for (const { at, value } of placesIn(schemas[name])) {
        // The members of a map have a schema. An object with members of its own is open.
        if (value.properties === undefined) expect(value.additionalProperties, `${name}${at}`).not.toBe(false)
        else expect(value.additionalProperties, `${name}${at}`).toBeUndefined()
        expect(value.enum, `${name}${at}`).toBeUndefined()
      }
    }
    expect(schemas.Problem?.properties?.code).toMatchObject({ type: 'string', 'x-extensible-enum': PROBLEM_CODES })
  })
})

describe('a kind', () => {
  const samples: Record<string, Record<string, unknown>> = { card, address: billingAddress, contact }
  const kinds: readonly KindDefinition[] = registry

  it.each(kinds.map((kind) => [kind.name, kind] as const))('%s has a name for each of its forms', (name, kind) => {
    for (const form of ['*', 'Masked*', 'Revealed*', '*Correction', '*Release'])
      expect(schemas[schemaName(name, form)], form).toMatchObject({ type: 'object' })
    const members = (form: string) => Object.keys(schemas[schemaName(name, form)]!.properties!)
    const shown = views.flatMap((view) => shownBy(view, name as 'card') ?? [])
    expect(members('Revealed*').sort()).toEqual([...new Set(shown)].sort())
    expect(Object.keys(kind.answers.masked.shape).sort()).toEqual(Object.keys(kind.mask({}, { bin: true })).sort())
  })

  it.each(kinds.map((kind) => [kind.name, kind] as const))('%s is masked and revealed as described', (name, kind) => {
    const { schema } = createKinds()[name as 'card']
    const details = schema.parse(samples[name])
    const display = kind.display(details)
    const masked = JSON.parse(JSON.stringify(kind.mask(display, { bin: true })))
    expect(kind.answers.masked.parse(masked)).toEqual(masked)
    const revealed = JSON.parse(JSON.stringify({ ...display, ...details }))
    expect(kind.answers.revealed.parse(revealed)).toEqual(revealed)
  })
})

describe('a body', () => {
  it('has examples that the vault takes', () => {
    for (const { operationId, body, examples = {} } of routes) {
      for (const [name, example] of Object.entries(examples))
        expect(body!.safeParse(example).success, `${operationId}: ${name}`).toBe(true)
    }
    const shown = operations.flatMap(({ requestBody }) => Object.values(requestBody?.content ?? {}))
    expect(shown.filter(({ examples }) => Object.keys(examples ?? {}).length === 0)).toEqual([])
  })

  it('is described as what its schema takes: each example is of the described form, too', () => {
    for (const { operationId, body, describedBody = body, examples = {} } of routes) {
      for (const [name, example] of Object.entries(examples))
        expect(describedBody!.safeParse(example).error?.message, `${operationId}: ${name}`).toBeUndefined()
    }
  })
})
