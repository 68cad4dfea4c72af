import { describe, expect, it } from 'vitest'
import { createKinds } from '../../kinds/kinds.ts'
import { kindNames } from '../../kinds/registry.ts'
import { Problem } from '../../values/problem.ts'
import type { Caller } from './caller.ts'
import { grantReveal, requireAnyScope, seesBin } from './grant.ts'
import { purposes } from './purpose.ts'
import { roleOf } from './role-summary.ts'
import { type RoleName, roleNames, scopes } from './roles.ts'

const kinds = createKinds()

/** A caller whose token carries all that its role has, by default. */
function caller(role: RoleName | undefined, changes: Partial<Caller> = {}): Caller {
  const { scopes = [], purposes = [] } = role === undefined ? {} : roleOf(role)
  const held = { scopes: new Set(scopes), purposes: new Set(purposes) }
  return { id: 'c', kind: 'staff', role, ...held, site: 's', confirmation: 'dpop', ...changes }
}

/** A token that claims everything, for any role: what a mistake in issuing could make. */
const boundless = { scopes: new Set(scopes), purposes: new Set(purposes) }

function outcome(decide: () => unknown): unknown {
  try {
    return decide()
  } catch (error) {
    if (error instanceof Problem) return error.code
    throw error
  }
}

describe.each(roleNames)('grantReveal to %s', (name) => {
  const role = roleOf(name)

  describe.each(kindNames)('of a %s', (kind) => {
    const granted = role.reveals[kind] ?? []

    it.each(purposes)('for %s releases exactly the fields of the table, however much the token claims', (purpose) => {
      const allowed = role.purposes.includes(purpose) && granted.length > 0
      const beyond = caller(name, boundless)
      const all = { ticket: true, authority: true, approved: true }
      const reveal = (fields?: string[]) => outcome(() => grantReveal(beyond, kind, purpose, fields, all))
      expect(reveal()).toEqual(allowed ? granted : 'purpose-not-permitted')
      for (const field of kinds[kind].fields) {
        const refusal = allowed ? 'fields-not-permitted' : 'purpose-not-permitted'
        const expected = allowed && granted.includes(field) ? [field] : refusal
        expect(reveal([field]), field).toEqual(expected)
      }
    })

    it.each(purposes)('for %s needs the scope in the token', (purpose) => {
      const own = caller(name, { purposes: new Set(purposes) })
      const without = caller(name, { ...boundless, scopes: new Set(scopes.filter((s) => s !== `${kind}:reveal`)) })
      expect(outcome(() => grantReveal(without, kind, purpose))).toBe('scope-missing')
      const needed = role.scopes.includes(`${kind}:reveal`)
      expect(outcome(() => grantReveal(own, kind, purpose)) === 'scope-missing').toBe(!needed)
    })

    it.each(role.purposes)('for %s needs the purpose in the token', (purpose) => {
      const narrowed = caller(name, { ...boundless, purposes: new Set(purposes.filter((p) => p !== purpose)) })
      expect(outcome(() => grantReveal(narrowed, kind, purpose))).toBe('purpose-not-permitted')
    })
  })
})

describe('grantReveal', () => {
  it('answers in the order of the table, each field once', () => {
    const billing = caller('billing')
    const wanted = ['exp_year', 'number', 'exp_year']
    expect(grantReveal(billing, 'card', 'process-payment', wanted)).toEqual(['number', 'exp_year'])
  })

  it('refuses all when one field is not granted, and fields that do not exist', () => {
    const fraud = caller('fraud')
    for (const field of ['number', 'cvc', '__proto__', 'constructor', '*', '']) {
      const decide = () => grantReveal(fraud, 'card', 'enforce-rights', ['exp_year', field])
      expect(outcome(decide), field).toBe('fields-not-permitted')
    }
  })

  it('releases nothing to a caller without a role, whatever its token claims', () => {
    for (const kind of kindNames) {
      for (const purpose of purposes) {
        expect(outcome(() => grantReveal(caller(undefined, boundless), kind, purpose))).toBe('purpose-not-permitted')
      }
    }
  })

  it('hands out a list of its own: changing it changes no role', () => {
    grantReveal(caller('support'), 'contact', 'communicate').push('number')
    expect(grantReveal(caller('support'), 'contact', 'communicate')).not.toContain('number')
  })
})

describe('requireAnyScope', () => {
  it.each([
    [['card:reveal', 'address:reveal', 'contact:reveal'], undefined],
    [['contact:reveal'], undefined],
    [['card:reveal'], 'scope-missing'],
    [['audit:read', 'tokenize'], 'scope-missing'],
  ])('asks marketing for one of %j: %s', (wanted, expected) => {
    expect(outcome(() => requireAnyScope(caller('marketing'), wanted))).toBe(expected)
  })

  it('challenges the others for more scope, whichever kind their token is of (RFC 6750 section 3.1)', () => {
    const challenge = { scheme: 'any', error: 'insufficient_scope', scope: undefined }
    expect(() => requireAnyScope(caller('auditor'), ['tokenize'])).toThrow(
      expect.objectContaining({ code: 'scope-missing', challenge }),
    )
  })
})

describe('seesBin', () => {
  it.each(roleNames)('%s', (name) => {
    expect(seesBin(caller(name))).toBe(['billing', 'fraud'].includes(name))
  })

  it('is not for a caller without a role', () => {
    expect(seesBin(caller(undefined, boundless))).toBe(false)
  })
})
