import { describe, expect, it } from 'vitest'
import { compareSchema } from './compare-schema.ts'
import type { Facts, SchemaFacts } from './schema-facts-store.ts'
import shipped from './shipped-schema.json' with { type: 'json' }

/** The shipped schema under a name of its own, with other facts. */
function schemaWith(decisive: Facts = {}, other: Facts = {}, schema = 'vault'): SchemaFacts {
  const named = (facts: Facts) =>
    Object.fromEntries(Object.entries(facts).map((entry) => entry.map((text) => text.replaceAll('{schema}', schema))))
  return {
    schema,
    decisive: { ...named(shipped.decisive), ...decisive },
    other: { ...named(shipped.other), ...other },
  }
}

const trigger = 'trigger access_version on clients'

describe('a schema', () => {
  it.each(['vault', 'v', '"a-b"'])('as it is shipped has no differences under the name %s', (name) => {
    const found = compareSchema(schemaWith({}, {}, name))
    expect(found).toMatchObject({ differences: [], others: [], schema: found.shipped })
  })

  it('is another one under another name', () => {
    expect(compareSchema(schemaWith()).schema).not.toBe(compareSchema(schemaWith({}, {}, 'other')).schema)
  })

  it('differs in what was added, changed and taken away', () => {
    const facts = schemaWith(
      { 'rule swallow on records': 'DO INSTEAD NOTHING', [trigger]: 'disabled' },
      { 'index mine': '' },
    )
    const { 'function change_access_version()': _gone, ...decisive } = facts.decisive
    const found = compareSchema({ ...facts, decisive })
    expect(found.differences).toEqual([
      'function change_access_version() is missing',
      'rule swallow on records was added',
      `${trigger} was changed`,
    ])
    expect(found.others).toEqual(['index mine was added'])
    expect(found.schema).not.toBe(found.shipped)
  })

  it('has a hash for its differences that holds their text, and nothing that refuses nothing', () => {
    const hash = (text: string, other: Facts = {}) => compareSchema(schemaWith({ [trigger]: text }, other)).hash
    expect(hash('a')).toMatch(/^[0-9a-f]{64}$/)
    expect(hash('a')).not.toBe(hash('b'))
    expect(hash('a', { 'index mine': '' })).toBe(hash('a'))
  })

  it('differs where the server lacks a right that is shipped', () => {
    const facts = schemaWith()
    const { 'right to delete spent_ids': _right, ...decisive } = facts.decisive
    expect(compareSchema({ ...facts, decisive })).toMatchObject({
      differences: ['right to delete spent_ids is missing'],
      others: [],
    })
  })

  it('may hold more to read: a column that was added, and the right to read what the server never reads', () => {
    const facts = schemaWith({ 'column records.note': 'text', 'right to read migrations_lock': '' })
    expect(compareSchema(facts)).toMatchObject({
      differences: [],
      others: ['column records.note was added', 'right to read migrations_lock was added'],
    })
    const lacking = Object.entries(facts.decisive).filter(([object]) => object !== 'right to read records')
    expect(compareSchema({ ...facts, decisive: Object.fromEntries(lacking) }).differences).toEqual([
      'right to read records is missing',
    ])
  })

  it('is described without the text hidden in a name', () => {
    const { differences } = compareSchema(schemaWith({ 'rule a\nb\u001b[2J"c on records': '' }))
    expect(differences).toEqual(['rule a?b?[2J?c on records was added'])
    const long = compareSchema(schemaWith({ [`rule ${'x'.repeat(5_000)}`]: '' })).differences[0]!
    expect(long.length).toBeLessThan(250)
  })
})
