import { describe, expect, it } from 'vitest'
import type { Caller } from '../../access/policy/caller.ts'
import { purposes } from '../../access/policy/purpose.ts'
import { type Conditions, type Grant, type Role, scopes } from '../../access/policy/roles.ts'
import { createKinds } from '../../kinds/kinds.ts'
import { Problem } from '../../values/problem.ts'
import { planReveal } from './plan-reveal.ts'

const FOR = 'process-payment'
const kinds = createKinds()
const token = `addr_${'0'.repeat(26)}`
const grant = (fields: string[], conditions: Conditions = {}): Grant => ({
  kind: 'address',
  purposes: [FOR],
  fields,
  conditions,
})
const urgent: Conditions = { approval: true, break_glass: true, reason: true }

function callerWith(grants: readonly Grant[], onRead: () => void = () => {}): Caller {
  const definition: Role = {
    duty: 'Looks at addresses.',
    scopes,
    get grants() {
      onRead()
      return [...grants]
    },
  }
  return {
    id: 'staff:ann',
    kind: 'staff',
    role: 'looker',
    site: 'default',
    scopes: new Set(scopes),
    purposes: new Set(purposes),
    definition,
  }
}

function plan(grants: readonly Grant[], { fields, ...circumstances }: Record<string, unknown> = {}) {
  const item = { token, fields: fields as string[] | undefined }
  try {
    const { granted, needs } = planReveal(kinds, callerWith(grants), FOR, item, { reason: true, ...circumstances })
    if (granted !== undefined) return granted.fields
    return { approved: needs.approved.fields, urgent: needs.urgent?.fields }
  } catch (error) {
    return (error as Problem).code
  }
}

describe('planReveal', () => {
  it.each([
    ['grants it', [grant(['line1'])], {}],
    ['waits for an approval', [grant(['line1'], { approval: true })], {}],
    ['breaks the glass', [grant(['line1'], urgent)], { breakGlass: true }],
    ['refuses it', [grant(['city'])], { fields: ['line1'] }],
  ] as const)(
    'evaluates the grants once where it %s',
    (_what, grants, { fields, ...circumstances }: Record<string, unknown>) => {
      let reads = 0
      const caller = callerWith(grants, () => reads++)
      const item = { token, fields: fields as string[] | undefined }
      try {
        planReveal(kinds, caller, FOR, item, { reason: true, ...circumstances })
      } catch (error) {
        expect(error).toBeInstanceOf(Problem)
      }
      expect(reads).toBe(1)
    },
  )

  it('grants what needs no second person, without those fields that do', () => {
    const grants = [grant(['city']), grant(['line1'], { approval: true })]
    expect(plan(grants)).toEqual(['city'])
    expect(plan(grants, { fields: ['city'] })).toEqual(['city'])
    expect(plan(grants, { fields: ['line1'] })).toEqual({ approved: ['line1'], urgent: undefined })
  })

  it('takes the budget of the grants that decide, with and without a second person', () => {
    const grants = [
      grant(['city'], { budget: { per_day: 9 } }),
      grant(['line1'], { ...urgent, budget: { per_day: 2 } }),
    ]
    const of = (circumstances: object) => planReveal(kinds, callerWith(grants), FOR, { token }, circumstances)
    expect(of({ reason: true }).granted?.budget).toEqual({ per_day: 9 })
    expect(of({ reason: true, breakGlass: true }).needs?.urgent?.budget).toMatchObject({ per_day: 2 })
  })

  it('breaks the glass only where the grant allows it, and a caller asks for it with a reason', () => {
    const grants = [grant(['line1'], urgent)]
    expect(plan(grants)).toEqual({ approved: ['line1'], urgent: undefined })
    expect(plan(grants, { breakGlass: true })).toEqual({ approved: ['line1'], urgent: ['line1'] })
    expect(plan([grant(['line1'], { approval: true })], { breakGlass: true })).toEqual({
      approved: ['line1'],
      urgent: undefined,
    })
    expect(plan(grants, { breakGlass: true, reason: false })).toBe('condition-not-met')
  })

  it('never releases more for a broken glass without breaking it: no alert and no review would follow', () => {
    const beside = [grant(['city']), grant(['line1'], urgent)]
    expect(plan(beside, { breakGlass: true })).toEqual({ approved: ['city', 'line1'], urgent: ['city', 'line1'] })
    expect(plan(beside, { breakGlass: true, fields: ['city'] })).toEqual(['city'])
    // The first grant that has the field is refused for another condition than the approval.
    const elsewhere = [grant(['line1'], { sites: ['elsewhere'] }), grant(['line1'], urgent)]
    expect(plan(elsewhere, { breakGlass: true })).toEqual({ approved: ['line1'], urgent: ['line1'] })
    expect(plan(elsewhere)).toBe('condition-not-met')
  })

  it('releases for a broken glass only what may leave so, though an approval would give more', () => {
    const grants = [grant(['city'], { approval: true }), grant(['line1'], urgent)]
    expect(plan(grants, { breakGlass: true })).toEqual({ approved: ['city', 'line1'], urgent: ['line1'] })
  })

  it('knows a field of no kind, and a token of none, before a record is looked at', () => {
    expect(plan([grant(['line1'])], { fields: ['shoe_size'] })).toBe('invalid-input')
    const malformed = (grants: Grant[]) => () => planReveal(kinds, callerWith(grants), FOR, { token: 'x' }, {})
    expect(malformed([])).toThrow(expect.objectContaining({ code: 'purpose-not-permitted' }))
    expect(malformed([grant(['line1'], { approval: true })])).toThrow(
      expect.objectContaining({ code: 'record-not-found' }),
    )
  })
})
