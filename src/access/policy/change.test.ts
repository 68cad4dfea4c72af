import { describe, expect, it } from 'vitest'
import type { KindName } from '../../kinds/registry.ts'
import { Problem } from '../../values/problem.ts'
import type { Caller } from './caller.ts'
import { type ChangeCircumstances, decideChange, dependsOnUse, requireChange } from './change.ts'
import { purposes } from './purpose.ts'
import { type ChangeRule, type ChangeScope, scopes } from './roles.ts'

const callerWith = (changes: ChangeRule[] | undefined, more: Partial<Caller> = {}): Caller => ({
  id: 'staff:ann',
  kind: 'staff',
  role: 'clerk',
  site: 'shop-1',
  scopes: new Set(scopes),
  purposes: new Set(purposes),
  definition: { duty: 'Corrects.', scopes, grants: [], changes },
  ...more,
})
const ask = (
  changes: ChangeRule[] | undefined,
  about: { scope?: ChangeScope; kind?: KindName; use?: string } = {},
  circumstances: ChangeCircumstances = {},
) => decideChange(callerWith(changes), { scope: 'token:correct', kind: 'address', ...about }, circumstances)
const outcome = (decision: ReturnType<typeof ask>) => (decision.granted ? 'granted' : decision.problem.code)

const needsReason: ChangeRule = { scope: 'token:correct', conditions: { reason: true } }

describe('a change', () => {
  it('needs the scope alone where no rule fits', () => {
    for (const rules of [undefined, [], [{ ...needsReason, kind: 'card' as const }]]) {
      expect(ask(rules)).toEqual({ granted: true, lines: ['/roles/clerk/scopes: token:correct'], budget: undefined })
    }
    expect(outcome(ask([needsReason], { scope: 'token:erase' }))).toBe('granted')
    // A client without a role has no rules.
    const client = callerWith(undefined, { role: undefined, definition: undefined })
    expect(decideChange(client, { scope: 'token:erase', kind: 'card' }, {}).granted).toBe(true)
  })

  it('needs what each rule that fits says', () => {
    const rules: ChangeRule[] = [needsReason, { scope: 'token:correct', kind: 'address', conditions: { ticket: true } }]
    expect(ask(rules, {}, { ticket: true })).toMatchObject({ lines: ['/roles/clerk/changes/0/conditions/reason'] })
    expect(ask(rules, {}, { reason: true })).toMatchObject({ lines: ['/roles/clerk/changes/1/conditions/ticket'] })
    expect(outcome(ask(rules, {}, { reason: true, ticket: true }))).toBe('granted')
    expect(outcome(ask(rules, { kind: 'contact' }, { reason: true }))).toBe('granted')
  })

  it('is not decided by a rule for a use that is not known, or another', () => {
    const rules: ChangeRule[] = [{ ...needsReason, kind: 'address', use: 'shipping' }]
    expect(outcome(ask(rules))).toBe('granted')
    expect(outcome(ask(rules, { use: 'billing' }))).toBe('granted')
    expect(outcome(ask(rules, { use: 'shipping' }))).toBe('condition-not-met')
    expect(dependsOnUse(callerWith(rules), { scope: 'token:correct', kind: 'address' })).toBe(true)
    expect(dependsOnUse(callerWith(rules), { scope: 'token:erase', kind: 'address' })).toBe(false)
    expect(dependsOnUse(callerWith(rules), { scope: 'token:correct', kind: 'card' })).toBe(false)
  })

  it('names one of the purposes of the rule, which the token has', () => {
    const rules: ChangeRule[] = [{ scope: 'token:correct', purposes: ['communicate'] }]
    expect(outcome(ask(rules))).toBe('condition-not-met')
    expect(outcome(ask(rules, {}, { purpose: 'research' }))).toBe('purpose-not-permitted')
    expect(outcome(ask(rules, {}, { purpose: 'communicate' }))).toBe('granted')
    const narrowed = callerWith(rules, { purposes: new Set(['research'] as const) })
    const decision = decideChange(narrowed, { scope: 'token:correct', kind: 'address' }, { purpose: 'communicate' })
    expect(outcome(decision)).toBe('purpose-not-permitted')
  })

  it('counts against the strictest budget of the rules that fit', () => {
    const rules: ChangeRule[] = [
      { scope: 'token:correct', conditions: { budget: { per_day: 9, total: { per_day: 20 } } } },
      { scope: 'token:correct', kind: 'address', conditions: { budget: { per_day: 5 } } },
      { scope: 'token:correct', kind: 'card', conditions: { budget: { per_day: 1 } } },
    ]
    expect(ask(rules)).toMatchObject({ budget: { per_day: 5, total: { per_day: 20 } } })
  })
})

describe('before the record is known', () => {
  const codeOf = (rules: ChangeRule[], kind: KindName | undefined, circumstances = {}, more: Partial<Caller> = {}) => {
    try {
      requireChange(callerWith(rules, more), { scope: 'token:correct', kind }, circumstances)
      return undefined
    } catch (error) {
      return error instanceof Problem ? error.code : error
    }
  }

  it('is refused what no record could make good', () => {
    expect(codeOf([needsReason], 'contact')).toBe('condition-not-met')
    expect(codeOf([needsReason], 'contact', { reason: true })).toBeUndefined()
    expect(codeOf([], 'contact', {}, { scopes: new Set() })).toBe('scope-missing')
  })

  it('what is not a token is refused only when every kind would be', () => {
    expect(codeOf([needsReason], undefined)).toBe('condition-not-met')
    expect(codeOf([{ ...needsReason, kind: 'card' }], undefined)).toBeUndefined()
    expect(codeOf([{ ...needsReason, kind: 'address', use: 'shipping' }], undefined)).toBeUndefined()
  })
})
