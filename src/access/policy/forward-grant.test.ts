import { describe, expect, it } from 'vitest'
import { kindNames } from '../../kinds/registry.ts'
import type { Caller, Partnership } from './caller.ts'
import { decideForward, type ForwardQuestion } from './forward-grant.ts'
import { decideReveal, decideRevealVariants } from './grant.ts'
import { purposes } from './purpose.ts'
import { roleOf } from './role-summary.ts'
import { type Conditions, type Denial, type Role, type RoleName, roleNames, scopes } from './roles.ts'

/** A token that claims everything, for any role: what a mistake in issuing could make. */
const boundless = { scopes: new Set(scopes), purposes: new Set(purposes) }
const caller = (role: RoleName | undefined, changes: Partial<Caller> = {}): Caller => ({
  id: 'c',
  kind: 'client',
  role,
  ...boundless,
  site: 'shop',
  confirmation: 'dpop',
  ...changes,
})
const payer = (more: Partial<Role> & { conditions?: Conditions } = {}) => {
  const { conditions, ...role } = more
  const grants: Role['grants'] = [{ kind: 'card', view: 'forward', purposes: ['process-payment'], conditions }]
  return caller('payer', { definition: { duty: 'Pays.', scopes: ['card:forward'], grants, ...role } })
}
const taken = ['card.number', 'card.exp_year', 'address.postal_code', 'contact.email']
const contract: Partnership = { id: 'partner_1', purposes: ['process-payment'], fields: [...taken, 'address.line1'] }
const now = new Date('2026-11-30T10:00:00Z')

function decide(who: Caller, question: Partial<ForwardQuestion> = {}) {
  const decision = decideForward(who, { purpose: 'process-payment', taken, contract, ...question }, { now })
  return decision.granted ? 'granted' : `${decision.problem.code}: ${decision.lines[0]}`
}

describe('of the built-in roles', () => {
  it.each(roleNames)('%s', (name) => {
    for (const purpose of purposes) {
      const may = ['billing', 'payments'].includes(name) && purpose === 'process-payment'
      const found = decide(caller(name), { purpose, contract: { ...contract, purposes } })
      expect(found === 'granted', `${purpose}: ${found}`).toBe(may)
    }
  })

  it('payments sees no field of any kind, for any purpose, however much its token claims', () => {
    for (const kind of kindNames) {
      for (const purpose of purposes) {
        const all = { reason: true, ticket: true, authority: true, approved: true, breakGlass: true, now }
        expect(decideReveal(caller('payments'), kind, purpose, undefined, all).granted).toBe(false)
      }
    }
    expect(roleOf('payments').reveals).toEqual({})
  })
})

describe('the view forward', () => {
  it('shows nothing of a card: with and without an approval, and by breaking the glass', () => {
    const who = payer({ scopes: [...scopes] })
    const why = { reason: true, ticket: true, authority: true, now }
    for (const wanted of [undefined, ['number'], ['last4'], ['brand'], []]) {
      const { plain, approved, urgent } = decideRevealVariants(who, 'card', 'process-payment', wanted, why)
      for (const decision of [plain, approved, urgent]) {
        expect(decision).toMatchObject({ granted: false, problem: { code: 'purpose-not-permitted' } })
      }
    }
  })

  it('is not what a role that sees the whole card has', () => {
    const grants: Role['grants'] = [{ kind: 'card', view: 'full', purposes: ['process-payment'] }]
    expect(decide(payer({ grants }))).toBe(
      'purpose-not-permitted: /roles/payer/grants: none forwards a card for process-payment',
    )
  })
})

describe('decideForward', () => {
  it('grants what is taken, with the lines and the strictest budget of the grants that hold', () => {
    const grant = { kind: 'card', view: 'forward', purposes: ['process-payment'] } as const
    const grants: Role['grants'] = [
      { ...grant, conditions: { budget: { per_day: 10 } } },
      { ...grant, conditions: { sites: ['elsewhere'], budget: { per_day: 1 } } },
      { ...grant, conditions: { budget: { per_hour: 3, per_day: 20 } } },
    ]
    expect(decideForward(payer({ grants }), { purpose: 'process-payment', taken, contract }, { now })).toEqual({
      granted: true,
      fields: taken,
      lines: ['/roles/payer/grants/0', '/roles/payer/grants/2'],
      budget: expect.objectContaining({ per_hour: 3, per_day: 10 }),
    })
  })

  it.each<[string, Caller, Partial<ForwardQuestion>, string]>([
    [
      'the scope in the token',
      { ...payer(), scopes: new Set(['card:reveal']) },
      {},
      'scope-missing: the token: no scope card:forward',
    ],
    [
      'the scope of the role',
      payer({ scopes: ['card:reveal'] }),
      {},
      'purpose-not-permitted: /roles/payer/scopes: no card:forward',
    ],
    ['a role', caller(undefined), {}, 'purpose-not-permitted: the caller has no role'],
    [
      'the purpose in the token',
      { ...payer(), purposes: new Set(['marketing']) },
      {},
      'purpose-not-permitted: the token: not for process-payment',
    ],
    [
      'the purpose in a grant',
      payer(),
      { purpose: 'research', contract: { ...contract, purposes } },
      'purpose-not-permitted: /roles/payer/grants: none forwards a card for research',
    ],
    [
      'the purpose in the contract',
      payer(),
      { contract: { ...contract, purposes: ['research'] } },
      'purpose-not-permitted: the contract of partner_1: not for process-payment',
    ],
    [
      'every field in the contract',
      payer(),
      { contract: { ...contract, fields: ['card.number', 'contact.email'] } },
      'fields-not-permitted: the contract of partner_1: not card.exp_year, address.postal_code',
    ],
    [
      'a bound token',
      { ...payer(), confirmation: undefined },
      {},
      'unauthenticated: /roles/payer/grants/0/conditions/sender_constrained',
    ],
    [
      'the site',
      payer({ conditions: { sites: ['berlin'] } }),
      {},
      'condition-not-met: /roles/payer/grants/0/conditions/sites',
    ],
    [
      'the hours',
      payer({ conditions: { hours: { from: '11:00', to: '12:00' } } }),
      {},
      'condition-not-met: /roles/payer/grants/0/conditions/hours',
    ],
    [
      'the approval that it never gets',
      payer({ conditions: { approval: true, break_glass: true } }),
      {},
      'approval-required: /roles/payer/grants/0/conditions/approval',
    ],
    [
      'a caller that is no third party itself',
      { ...payer(), partner: contract },
      {},
      'purpose-not-permitted: the contract of partner_1: it forwards nothing',
    ],
  ])('needs %s', (_name, who, question, expected) => {
    expect(decide(payer())).toBe('granted')
    expect(decide(who, question)).toBe(expected)
  })

  it('takes an unbound token for trials, unless the grant says otherwise', () => {
    const trial = { confirmation: undefined, isTrial: true } as const
    expect(decide({ ...payer(), ...trial })).toBe('granted')
    expect(decide({ ...payer({ conditions: { sender_constrained: true } }), ...trial })).toMatch(/^unauthenticated/)
  })

  it.each<[Denial, string]>([
    [{ kind: 'card' }, 'purpose-not-permitted'],
    [{ kind: 'card', fields: ['number'] }, 'fields-not-permitted'],
    [{ kind: 'address' }, 'purpose-not-permitted'],
    [{ kind: 'address', fields: ['city', 'postal_code'] }, 'fields-not-permitted'],
    [{ kind: 'contact', fields: ['email'], purposes: ['process-payment'] }, 'fields-not-permitted'],
    [{ kind: 'contact', fields: ['email'], purposes: ['marketing'] }, 'granted'],
    [{ kind: 'contact', fields: ['phone'] }, 'granted'],
    [{ kind: 'card', fields: ['holder_name'] }, 'granted'],
  ])('a denial is stronger: %j', (denial, expected) => {
    expect(decide(payer({ denials: [denial] })).replace(/:.*/, '')).toBe(expected)
  })

  it('a denial of addresses does not hold up a card alone, and one of cards does', () => {
    const alone = { taken: [] }
    expect(decide(payer({ denials: [{ kind: 'address' }] }), alone)).toBe('granted')
    expect(decide(payer({ denials: [{ kind: 'card' }] }), alone)).toBe('purpose-not-permitted: /roles/payer/denials/0')
  })
})
