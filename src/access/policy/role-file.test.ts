import { describe, expect, it } from 'vitest'
import { Problem } from '../../values/problem.ts'
import { parseRoleFile } from './role-file.ts'
import { builtInSet, encodeRoleFile, toRoleFile } from './role-set.ts'

const grant = { kind: 'address', fields: ['city'], purposes: ['provide-goods'] }
const packer = { duty: 'Packs.', scopes: ['address:reveal'], grants: [grant] }
const file = (role: object) => ({ format: 1, roles: { packer: { ...packer, ...role } } })

function faultsOf(input: unknown): string[] {
  try {
    parseRoleFile(input)
  } catch (error) {
    if (error instanceof Problem) return error.errors.map(({ pointer }) => pointer)
    throw error
  }
  return []
}

it('takes the built-in roles, and gives them back as they were', () => {
  const text = encodeRoleFile(toRoleFile(builtInSet))
  expect(encodeRoleFile(parseRoleFile(JSON.parse(text)))).toBe(text)
})

describe('a grant of the view forward', () => {
  const forward = { kind: 'card', view: 'forward', purposes: ['process-payment'] }
  const payer = (change: object, scopes = ['card:forward']) => file({ scopes, grants: [{ ...forward, ...change }] })

  it('has hours, sites, a bound token and a budget as conditions', () => {
    const hours = { from: '08:00', to: '20:00' }
    const conditions = { sites: ['shop-1'], hours, sender_constrained: true, budget: { per_day: 5 } }
    expect(faultsOf(payer({ conditions }))).toEqual([])
  })

  it.each(['reason', 'ticket', 'authority', 'approval', 'break_glass'])('does not wait: %s', (name) => {
    const at = `#/roles/packer/grants/0/conditions/${name}`
    expect(faultsOf(payer({ conditions: { [name]: true } }))).toEqual([at])
  })

  it('is of a card, needs its own scope, and is not for the law', () => {
    expect(faultsOf(payer({ kind: 'address' }))).toEqual(['#/roles/packer/grants/0/view'])
    expect(faultsOf(payer({}, ['card:reveal']))).toEqual(['#/roles/packer/grants/0'])
    const purposes = ['process-payment', 'legal-compliance']
    expect(faultsOf(payer({ purposes }))).toEqual(['#/roles/packer/grants/0/purposes/1'])
  })
})

it('takes every view and condition there is', () => {
  const conditions = {
    reason: true,
    ticket: true,
    approval: true,
    sender_constrained: true,
    sites: ['shop-1'],
    hours: { from: '22:00', to: '06:00', days: [1, 5], time_zone: 'Asia/Singapore' },
    budget: { per_hour: 10, per_day: 50, beyond: 'suspend' },
  }
  const grants = ['full', 'masked', 'postal-area', 'country', 'initials'].map((view) => ({
    kind: 'address',
    view,
    purposes: ['research'],
    conditions,
  }))
  const denials = [{ kind: 'card' }, { kind: 'address', fields: ['phone'], purposes: ['research'] }]
  expect(faultsOf(file({ grants, denials, masked_card: 'bin-last4' }))).toEqual([])
})

it('takes rules for changes, and a total of a budget', () => {
  const budget = { total: { per_day: 50, beyond: 'suspend' } }
  const conditions = {
    reason: true,
    ticket: true,
    sites: ['shop-1'],
    sender_constrained: 'unless-trial',
    hours: { from: '09:00', to: '17:00' },
    budget,
  }
  const changes = [
    { scope: 'token:correct', kind: 'address', use: 'shipping', purposes: ['communicate'], conditions },
    { scope: 'token:erase', conditions: { reason: true } },
    { scope: 'token:erase', kind: 'card', purposes: ['respond-to-query'] },
  ]
  const given = file({ scopes: ['address:reveal', 'token:correct', 'token:erase'], changes, budget })
  expect(faultsOf(given)).toEqual([])
  // Nothing of it is lost on the way into the database and back.
  expect(JSON.parse(encodeRoleFile(parseRoleFile(given)))).toEqual(given)
})

describe('refuses', () => {
  const at = (rest: string) => [`#/roles/packer${rest}`]
  const withGrant = (changes: object) => file({ grants: [grant, { ...grant, ...changes }] })
  const withCondition = (conditions: object) => withGrant({ conditions })
  const second = (rest = '') => at(`/grants/1${rest}`)
  const withChange = (change: object) =>
    file({ scopes: ['address:reveal', 'token:correct'], changes: [{ scope: 'token:correct', ...change }] })
  const needsReason = { conditions: { reason: true } }

  it.each<[string, unknown, string[]]>([
    ['another format', { ...file({}), format: 2 }, ['#/format']],
    ['a member that is not known', { ...file({}), owner: 'me' }, ['#']],
    ['an invalid name', { format: 1, roles: { Packer: packer } }, ['#/roles/Packer']],
    ['a scope', file({ scopes: ['address:reveal', 'everything'] }), at('/scopes/1')],
    ['a kind', withGrant({ kind: 'passport' }), second('/kind')],
    ['a field', withGrant({ fields: ['city', 'number'] }), second('/fields/1')],
    ['a view', withGrant({ fields: undefined, view: 'everything' }), second('/view')],
    ['a view of another kind', withGrant({ fields: undefined, view: 'bin-last4' }), second('/view')],
    ['fields and a view', withGrant({ view: 'country' }), second()],
    ['neither fields nor a view', withGrant({ fields: undefined }), second()],
    ['a purpose', withGrant({ purposes: ['curiosity'] }), second('/purposes/0')],
    ['no purpose', withGrant({ purposes: [] }), second('/purposes')],
    ['a condition', withCondition({ mood: 'good' }), second('/conditions')],
    ['a condition that is switched off', withCondition({ reason: false }), second('/conditions/reason')],
    ['an hour', withCondition({ hours: { from: '9', to: '17:00' } }), second('/conditions/hours/from')],
    ['no hours at all', withCondition({ hours: { from: '09:00', to: '09:00' } }), second('/conditions/hours')],
    [
      'a time zone',
      withCondition({ hours: { from: '09:00', to: '17:00', time_zone: 'Mars/Olympus' } }),
      second('/conditions/hours/time_zone'),
    ],
    ['a budget of nothing', withCondition({ budget: { beyond: 'suspend' } }), second('/conditions/budget')],
    ['a total of nothing', withCondition({ budget: { total: {} } }), second('/conditions/budget/total')],
    ['a change under no scope of changes', withChange({ scope: 'token:read', ...needsReason }), at('/changes/0/scope')],
    ['a change without its scope', withChange({ scope: 'token:erase', ...needsReason }), at('/changes/0')],
    ['a change that asks for nothing', withChange({ conditions: {} }), at('/changes/0')],
    ['a use of a card', withChange({ kind: 'card', use: 'shipping', ...needsReason }), at('/changes/0/use')],
    ['a use of nothing', withChange({ use: 'shipping', ...needsReason }), at('/changes/0/use')],
    ['an approval of a change', withChange({ conditions: { approval: true } }), at('/changes/0/conditions')],
    ['an authority for a change', withChange({ conditions: { authority: true } }), at('/changes/0/conditions')],
    ['a grant without its scope', file({ scopes: ['card:reveal'] }), at('/grants/0')],
    ['a denial of a field', file({ denials: [{ kind: 'card', fields: ['cvc'] }] }), at('/denials/0/fields/0')],
  ])('%s that is not known, with a pointer to it', (_name, input, pointers) => {
    expect(faultsOf(input)).toEqual(pointers)
  })
})
