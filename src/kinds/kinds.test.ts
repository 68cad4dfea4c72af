import { describe, expect, it } from 'vitest'
import { createSchema } from 'zod-openapi'
import { createKinds, normaliseSearchValue } from './kinds.ts'
import { schemaName } from './schema-name.ts'

const kinds = createKinds(() => new Date('2026-11-24T10:00:00Z'))

describe('createKinds', () => {
  it('names every kind by its own name', () => {
    for (const [name, kind] of Object.entries(kinds)) expect(kind.name).toBe(name)
  })

  it('makes schemas that can be described, under the name of the kind, with every member that a caller may send', () => {
    for (const kind of Object.values(kinds)) {
      const { components } = createSchema(kind.schema, { io: 'input' })
      const schema = components[schemaName(kind.name)]
      const sent = kind.fields.filter((field) => field !== 'phone_e164')
      expect(schema).toMatchObject({ type: 'object', additionalProperties: false })
      expect(Object.keys((schema as { properties: object }).properties).sort()).toEqual(sent.sort())
    }
  })
})

describe('normaliseSearchValue', () => {
  it.each([
    ['customer', ' cus_1042 ', ['cus_1042']],
    ['customer', 'e\u0301', ['é']],
    ['customer', '  ', []],
    ['email', 'Mei@Example.sg', ['mei@example.sg']],
    ['phone', '+65 6123 4567', ['+6561234567']],
    ['phone', '6123 4567', []],
    ['card_number', '4242 4242 4242 4242', ['4242424242424242']],
    ['card_number', 'mei@example.sg', []],
  ] as const)('of the %s %j is %j', (type, value, expected) => {
    expect(normaliseSearchValue(type, value)).toEqual(expected)
  })
})
