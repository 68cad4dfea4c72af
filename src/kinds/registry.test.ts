import { describe, expect, it } from 'vitest'
import type { KindDefinition } from './kind.ts'
import { registry } from './registry.ts'

const kinds: readonly KindDefinition[] = registry

/** What two kinds may not share: one would take what is meant for the other. */
it.each<[string, (kind: KindDefinition) => string[]]>([
  ['name', ({ name }) => [name]],
  ['prefix of tokens', ({ tokenPrefix }) => [tokenPrefix]],
  ['member of a checkout', ({ checkout }) => Object.keys(checkout)],
])('no two kinds have the same %s', (_, of) => {
  const all = kinds.flatMap(of)
  expect(all).toEqual([...new Set(all)])
})

it('what confirms a field finds records of one kind', () => {
  const searches = kinds.flatMap(({ searchBy }) => Object.entries(searchBy))
  for (const [type] of searches.filter(([, { confirms }]) => confirms !== undefined)) {
    expect(searches.filter(([other]) => other === type)).toHaveLength(1)
  }
})

it('what kinds share to compare by is compared in one way', () => {
  const forms = new Map<string, unknown>()
  for (const [name, { form }] of kinds.flatMap(({ comparable }) => Object.entries(comparable))) {
    expect(forms.get(name) ?? form, name).toBe(form)
    forms.set(name, form)
  }
})

describe.each(kinds.map((kind) => [kind.name, kind] as const))('a %s', (_, kind) => {
  it('has names that stand in tokens, scopes and contracts', () => {
    expect(kind.name).toMatch(/^[a-z]+(_[a-z]+)*$/)
    expect(kind.tokenPrefix).toMatch(/^[a-z]+$/)
  })

  it('takes none of the members that every checkout has', () => {
    const members = Object.keys(kind.checkout)
    expect(members.length).toBeGreaterThan(0)
    for (const taken of ['customer', 'policy_version', 'consents']) expect(members).not.toContain(taken)
  })

  it('binds fields that it has, and no view of its own is called full', () => {
    expect(kind.fields).toEqual(expect.arrayContaining([...(kind.boundFields ?? [])]))
    expect(Object.keys(kind.views)).not.toContain('full')
  })

  it('has no type of search called customer, and confirms fields that it has', () => {
    expect(Object.keys(kind.searchBy)).not.toContain('customer')
    const confirmed = Object.values(kind.searchBy).flatMap(({ confirms }) => confirms ?? [])
    expect(kind.fields).toEqual(expect.arrayContaining(confirmed))
  })
})
