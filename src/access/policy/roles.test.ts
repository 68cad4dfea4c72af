import { describe, expect, it } from 'vitest'
import { createKinds } from '../../kinds/kinds.ts'
import { type KindName, kindNames } from '../../kinds/registry.ts'
import { purposes } from './purpose.ts'
import { roleOf } from './role-summary.ts'
import { builtInRoles, type Conditions, conditionsOf, type Grant, isRoleName, roleNames, scopes } from './roles.ts'
import { neededBy } from './view.ts'

const kinds = createKinds()
const revealed = (name: (typeof roleNames)[number], kind: KindName) => roleOf(name).reveals[kind] ?? []

it('names exactly the thirteen roles', () => {
  expect([...roleNames].sort()).toEqual(
    [
      ...['admin', 'auditor', 'billing', 'checkout', 'fraud', 'fulfilment', 'key-custodian', 'legal'],
      ...['marketing', 'payments', 'privacy-officer', 'storefront', 'support'],
    ].sort(),
  )
})

it('names exactly the nine purposes of the policy', () => {
  expect(purposes).toEqual([
    ...['respond-to-query', 'provide-goods', 'process-payment', 'communicate', 'enforce-rights', 'research'],
    ...['marketing', 'legal-compliance', 'other-consented'],
  ])
})

describe.each(roleNames)('%s', (name) => {
  const role = roleOf(name)

  it('has a duty, and known scopes and purposes, each once', () => {
    expect(role.duty).toMatch(/^[A-Z].{20,}\.$/)
    expect(scopes).toEqual(expect.arrayContaining([...role.scopes]))
    expect(purposes).toEqual(expect.arrayContaining([...role.purposes]))
    expect(new Set(role.scopes).size).toBe(role.scopes.length)
    expect(new Set(role.purposes).size).toBe(role.purposes.length)
  })

  it.each(kindNames)('reveals only fields that a %s has, each once', (kind) => {
    const fields = revealed(name, kind)
    expect(kinds[kind].fields).toEqual(expect.arrayContaining([...fields]))
    expect(new Set(fields).size).toBe(fields.length)
  })

  it.each(kindNames)('has the scope to reveal a %s exactly if there are fields to reveal', (kind) => {
    expect(role.scopes.includes(`${kind}:reveal`)).toBe(revealed(name, kind).length > 0)
  })

  it('has a purpose exactly if it reveals or forwards something', () => {
    expect(role.purposes.length > 0).toBe(Object.keys(role.reveals).length > 0 || role.forwards === true)
  })
})

it.each(['admin', 'key-custodian'] as const)('%s sees no data: no scope, no purpose, no field, no BIN', (name) => {
  expect(roleOf(name)).toEqual({ duty: expect.any(String), scopes: [], purposes: [], reveals: {} })
})

it.each(['checkout', 'storefront', 'payments', 'auditor', 'admin', 'key-custodian'] as const)(
  '%s reveals nothing',
  (name) => {
    expect(roleOf(name).reveals).toEqual({})
  },
)

it('lets a checkout credential do nothing but tokenize', () => {
  expect(roleOf('checkout').scopes).toEqual(['tokenize'])
})

it.each(kindNames)('has every role that needs fields of a %s, with a purpose for them', (kind) => {
  for (const [name, fields] of Object.entries(neededBy[kind])) {
    expect(roleNames).toContain(name)
    expect(revealed(name, kind), name).toEqual(fields)
  }
})

it('lets billing and payments forward cards, and no other role', () => {
  expect(roleNames.filter((name) => roleOf(name).forwards)).toEqual(['billing', 'payments'])
  expect(roleNames.filter((name) => roleOf(name).scopes.includes('card:forward'))).toEqual(['billing', 'payments'])
})

it('reveals card numbers to billing and legal only', () => {
  expect(roleNames.filter((name) => revealed(name, 'card').includes('number'))).toEqual(['billing', 'legal'])
})

describe('with any file of roles', () => {
  const bare = (changes: Partial<Grant>): Grant => ({ kind: 'card', view: 'full', purposes: [...purposes], ...changes })
  const forLaw = { ticket: true, authority: true, approval: true }
  const none: Conditions = {
    sender_constrained: undefined,
    ticket: undefined,
    authority: undefined,
    approval: undefined,
  }

  it.each([undefined, {}, none])('a card number wants a token that is its owner’s (%j)', (conditions) => {
    const ofView = conditionsOf(bare({ conditions }), 'process-payment')
    const ofField = conditionsOf(
      bare({ view: undefined, fields: ['exp_year', 'number'], conditions }),
      'process-payment',
    )
    const forwarded = conditionsOf(bare({ view: 'forward', conditions }), 'process-payment')
    for (const found of [ofView, ofField, forwarded])
      expect(found).toMatchObject({ sender_constrained: 'unless-trial' })
  })

  it.each([undefined, {}, none])('the law wants a case, an authority and a second person (%j)', (conditions) => {
    for (const kind of kindNames) {
      expect(conditionsOf(bare({ kind, conditions }), 'legal-compliance')).toMatchObject(forLaw)
    }
    expect(conditionsOf(bare({ kind: 'contact', conditions }), 'communicate')).not.toMatchObject(forLaw)
  })

  it('what is stricter stays, and what a grant allows beside it', () => {
    const conditions: Conditions = { sender_constrained: true, break_glass: true, reason: true }
    expect(conditionsOf(bare({ conditions }), 'legal-compliance')).toEqual({ ...conditions, ...forLaw })
    const masked = bare({ view: 'masked', conditions: {} })
    expect(conditionsOf(masked, 'process-payment')).toEqual({})
  })

  it('the built-in roles say all of it themselves', () => {
    for (const { grants } of Object.values(builtInRoles)) {
      for (const grant of grants) {
        for (const purpose of grant.purposes) expect(grant.conditions ?? {}).toEqual(conditionsOf(grant, purpose))
      }
    }
  })
})

it('shows the first digits of a card only to roles that work with cards', () => {
  const shown = roleNames.filter((name) => roleOf(name).bin)
  expect(shown).toEqual(['billing', 'fraud'])
  for (const name of shown) expect(roleOf(name).scopes).toContain('card:reveal')
})

it('lets marketing see names and e-mail addresses, and nothing else', () => {
  expect(roleOf('marketing').reveals).toEqual({ contact: ['name', 'email'] })
})

it.each(['constructor', '__proto__', 'toString', 'Admin', '', 'admin '])('does not take %j for a role', (name) => {
  expect(isRoleName(name)).toBe(false)
})
