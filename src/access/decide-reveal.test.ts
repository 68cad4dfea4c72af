import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Caller } from './policy/caller.ts'
import { type Decision, decideReveal } from './policy/grant.ts'
import { purposes } from './policy/purpose.ts'
import { type Denial, type Grant, type Role, scopes } from './policy/roles.ts'
import { kindFields } from './policy/view.ts'

const FOR = 'process-payment'

function ask(role: Partial<Role>, wanted?: string[], changes: Partial<Caller> = {}, circumstances = {}): Decision {
  const caller: Caller = {
    id: 'staff:Ann',
    kind: 'staff',
    role: 'packer',
    site: 'shop-1',
    scopes: new Set(scopes),
    purposes: new Set(purposes),
    definition: { duty: 'Packs.', scopes, grants: [], ...role },
    ...changes,
  }
  return decideReveal(caller, 'address', FOR, wanted, circumstances)
}

const grant = (changes: Partial<Grant>): Grant => ({ kind: 'address', purposes: [FOR], ...changes })
const outcome = (decision: Decision) => (decision.granted ? decision.fields : decision.problem.code)

describe('grants', () => {
  it('of a view show what the view derives, and nothing else', () => {
    const grants = [grant({ view: 'postal-area' })]
    expect(outcome(ask({ grants }))).toEqual(['postal_area'])
    expect(outcome(ask({ grants }, ['postal_code']))).toBe('fields-not-permitted')
    expect(outcome(ask({ grants: [grant({ view: 'full' })] }))).toEqual(kindFields.address)
  })

  it('for other purposes and kinds do not count', () => {
    const others = [grant({ fields: ['city'], purposes: ['marketing'] }), grant({ kind: 'contact', fields: ['name'] })]
    expect(outcome(ask({ grants: others }))).toBe('purpose-not-permitted')
    expect(outcome(ask({ grants: [...others, grant({ fields: ['name'] })] }))).toEqual(['name'])
  })

  it('add up, and say which lines of the role decided', () => {
    const grants = [grant({ fields: ['name'] }), grant({ fields: ['city'] }), grant({ fields: ['name', 'line1'] })]
    expect(ask({ grants }, ['line1', 'city'])).toMatchObject({
      fields: ['city', 'line1'],
      lines: ['/roles/packer/grants/1', '/roles/packer/grants/2'],
    })
  })

  it('whose condition is not met do not count, and say so when they are needed', () => {
    const grants = [grant({ fields: ['city'] }), grant({ fields: ['line1'], conditions: { reason: true } })]
    expect(outcome(ask({ grants }))).toEqual(['city'])
    expect(ask({ grants }, ['line1'])).toMatchObject({
      granted: false,
      lines: ['/roles/packer/grants/1/conditions/reason'],
      problem: expect.objectContaining({ code: 'condition-not-met' }),
    })
    expect(outcome(ask({ grants }, ['line1'], {}, { reason: true }))).toEqual(['line1'])
    expect(outcome(ask({ grants }, ['line1', 'phone']))).toBe('fields-not-permitted')
  })

  it('carry the strictest of their budgets, of those that decide', () => {
    const grants = [
      grant({ fields: ['city'], conditions: { budget: { per_day: 9 } } }),
      grant({ fields: ['city', 'name'], conditions: { budget: { per_day: 5, per_hour: 2 } } }),
      grant({ fields: ['line1'], conditions: { budget: { per_day: 1 } } }),
    ]
    expect(ask({ grants }, ['city'])).toMatchObject({ budget: { per_day: 5, per_hour: 2 } })
    expect(ask({ grants }, ['line1', 'city'])).toMatchObject({ budget: { per_day: 1, per_hour: 2 } })
  })
})

describe('a denial', () => {
  const grants = [grant({ view: 'full' }), grant({ fields: ['phone'] })]
  const without = (name: string) => kindFields.address.filter((field) => field !== name)

  it.each<[string, Denial, unknown]>([
    ['of a field', { kind: 'address', fields: ['phone'] }, without('phone')],
    ['of a field for the purpose', { kind: 'address', fields: ['phone'], purposes: [FOR] }, without('phone')],
    [
      'of a field for another purpose',
      { kind: 'address', fields: ['phone'], purposes: ['marketing'] },
      kindFields.address,
    ],
    ['of another kind', { kind: 'contact' }, kindFields.address],
    ['of the kind', { kind: 'address' }, 'purpose-not-permitted'],
    ['of the kind for the purpose', { kind: 'address', purposes: [FOR] }, 'purpose-not-permitted'],
  ])('%s', (_name, denial, expected) => {
    expect(outcome(ask({ grants, denials: [denial] }))).toEqual(expected)
  })

  it('is never overridden, whatever is granted beside it, and in whatever order', () => {
    const fields = fc.subarray([...kindFields.address], { minLength: 1 })
    const someGrants = fc.array(
      fields.map((names) => grant({ fields: names })),
      { minLength: 1, maxLength: 4 },
    )
    fc.assert(
      fc.property(someGrants, fields, fields, (all, denied, wanted) => {
        const decision = ask({ grants: all, denials: [{ kind: 'address', fields: denied }] }, wanted)
        const granted = all.flatMap((one) => one.fields ?? []).filter((name) => !denied.includes(name))
        expect(decision.granted).toBe(wanted.every((name) => granted.includes(name)))
        if (decision.granted) expect(decision.fields.filter((name) => denied.includes(name))).toEqual([])
      }),
    )
  })
})

describe('a contract', () => {
  const grants = [grant({ fields: ['name', 'line1', 'phone'] })]
  const partner = { id: 'partner_1', purposes: [FOR], fields: ['address.name', 'address.city'] } as const

  it('narrows what the role grants, and widens nothing', () => {
    expect(outcome(ask({ grants }, undefined, { partner }))).toEqual(['name'])
    expect(outcome(ask({ grants }, ['line1'], { partner }))).toBe('fields-not-permitted')
    expect(outcome(ask({ grants }, ['city'], { partner }))).toBe('fields-not-permitted')
  })

  it('for another purpose grants nothing', () => {
    expect(outcome(ask({ grants }, undefined, { partner: { ...partner, purposes: ['marketing'] } }))).toBe(
      'purpose-not-permitted',
    )
  })
})
