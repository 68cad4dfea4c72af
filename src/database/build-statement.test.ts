import { describe, expect, it } from 'vitest'
import { buildStatement, type Parameters } from './build-statement.ts'

const EVENT = { event_id: 'uuid[]', event_body: 'text[]' } as const
const insertEvents = (p: Parameters<typeof EVENT>) =>
  `INSERT INTO e SELECT * FROM unnest(${p.event_id}, ${p.event_body})`

describe('buildStatement', () => {
  it('numbers the parameters in the order of their types, wherever the text uses them', () => {
    const { name, text } = buildStatement(
      's',
      { first: 'integer', last: 'text' },
      (p) => `${p.last} ${p.first} ${p.last}`,
    )
    expect({ name, text }).toEqual({ name: 's', text: '$2::text $1::integer $2::text' })
  })

  it('gives a fragment the numbers that its place has', () => {
    const before = buildStatement('before', { ...EVENT, token: 'uuid' }, (p) => `${insertEvents(p)} WHERE ${p.token}`)
    expect(before.text).toBe('INSERT INTO e SELECT * FROM unnest($1::uuid[], $2::text[]) WHERE $3::uuid')
    const after = buildStatement('after', { token: 'uuid', ...EVENT }, (p) => `${insertEvents(p)} WHERE ${p.token}`)
    expect(after.text).toBe('INSERT INTO e SELECT * FROM unnest($2::uuid[], $3::text[]) WHERE $1::uuid')
  })

  it('puts values in the order of the parameters, however they come', () => {
    const { valuesOf } = buildStatement('s', { token: 'uuid', ...EVENT }, (p) => `${insertEvents(p)} ${p.token}`)
    expect(valuesOf({ event_body: 'c', token: 'a', event_id: 'b' })).toEqual(['a', 'b', 'c'])
    // @ts-expect-error a value is missing
    expect(valuesOf({ event_body: 'c', token: 'a' })).toEqual(['a', undefined, 'c'])
  })

  it('has values that are about nothing', () => {
    const { noValues } = buildStatement('s', { token: 'uuid', ...EVENT }, (p) => `${insertEvents(p)} ${p.token}`)
    expect(noValues).toEqual([null, '{}', '{}'])
  })

  it('tells a parameter from those whose numbers begin with its own', () => {
    const types = Object.fromEntries(Array.from({ length: 12 }, (_, at) => [`p${at + 1}`, 'integer']))
    const all = (p: Record<string, string>) => Object.values(p).join(', ')
    expect(buildStatement('s', types, all).text).toContain('$1::integer, $2::integer')
    const withoutFirst = (p: Record<string, string>) => Object.values(p).slice(1).join(', ')
    expect(() => buildStatement('s', types, withoutFirst)).toThrow('the statement s does not use its parameter p1')
  })

  it('refuses a text that leaves a parameter out: PostgreSQL could not know its type', () => {
    expect(() => buildStatement('s', { token: 'uuid', ...EVENT }, insertEvents)).toThrow(
      'does not use its parameter token',
    )
  })
})
