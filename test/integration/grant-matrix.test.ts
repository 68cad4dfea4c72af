import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { type Purpose, purposes } from '../../src/access/policy/purpose.ts'
import { type Conditions, namesOf, type Role } from '../../src/access/policy/roles.ts'
import { shownBy, type View, views } from '../../src/access/policy/view.ts'
import { type KindName, kindNames } from '../../src/kinds/registry.ts'
import { roleFile } from '../support/role-files.ts'
import { checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * The dimensions beside role, purpose and field: view × condition × denial × site × what the request says. Each cell is
 * asked of the running vault, and what it must answer is written out here a second time.
 */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const GRANTED: Purpose = 'enforce-rights'

const conditions: Record<string, Conditions> = {
  none: {},
  reason: { reason: true },
  ticket: { ticket: true },
  both: { reason: true, ticket: true },
  approval: { approval: true },
  bound: { sender_constrained: true },
  here: { sites: ['default'] },
  elsewhere: { sites: ['berlin'] },
  budget: { budget: { per_day: 1_000_000 } },
}
const denials: Record<string, Role['denials']> = {
  nothing: undefined,
  'for-all': kindNames.map((kind) => ({ kind })),
  'for-another': kindNames.map((kind) => ({ kind, purposes: ['research'] })),
}
const said = [{}, { reason: 'why' }, { ticket: 'CASE-1' }, { reason: 'why', ticket: 'CASE-1' }]

let vault: TestVault
const tokens: Record<'here' | 'there', Record<KindName, string>> = {
  here: { card: '', address: '', contact: '' },
  there: { card: '', address: '', contact: '' },
}

const roleName = (view: string, condition: string, denial: string) => `${view}-${condition}-${denial}`
const cells = views.flatMap((view) =>
  Object.keys(conditions).flatMap((condition) =>
    Object.keys(denials)
      // Every condition and denial with two views, every view without either.
      .filter((denial) => view === 'full' || view === 'initials' || (condition === 'none' && denial === 'nothing'))
      .map((denial) => ({ view, condition, denial })),
  ),
)

beforeAll(async () => {
  vault = await TestVault.start()
  for (const [where, site] of [
    ['here', 'default'],
    ['there', 'berlin'],
  ] as const) {
    const parts = await vault.tokenize({ ...checkout, consents: [...purposes] }, { site })
    tokens[where] = { card: parts.card!.token!, address: parts.billing_address!.token!, contact: parts.contact!.token! }
  }
  const roles = cells.map(({ view, condition, denial }) => {
    const kinds = kindNames.filter((kind) => shownBy(view, kind))
    const role: Role = {
      duty: 'One cell of the matrix.',
      scopes: ['card:reveal', 'address:reveal', 'contact:reveal', 'card:forward'],
      grants: kinds.map((kind) => ({ kind, view, purposes: [GRANTED], conditions: conditions[condition]! })),
      denials: denials[denial],
    }
    return [roleName(view, condition, denial), role] as const
  })
  await vault.commands.applyRoles(OPERATOR, roleFile(Object.fromEntries(roles)))
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

type Said = { reason?: string; ticket?: string }

/** What the answer must be, by the words of the issue rather than by the code that decides. */
function expected(cell: (typeof cells)[number], kind: KindName, says: Said, where: string): string {
  const { view, condition, denial } = cell
  if (!shownBy(view, kind)?.length || denial === 'for-all') return 'purpose-not-permitted'
  if (condition === 'elsewhere') return 'condition-not-met'
  if (condition === 'bound') return 'unauthenticated'
  if ((condition === 'reason' || condition === 'both') && !says.reason) return 'condition-not-met'
  if ((condition === 'ticket' || condition === 'both') && !says.ticket) return 'condition-not-met'
  // An approval is asked for only of a record that exists.
  if (condition === 'approval' && where === 'here') return 'approval-required'
  return where === 'there' ? 'record-not-found' : 'released'
}

it.each(cells)('$view under $condition, denied $denial', async (cell) => {
  const bearer = await vault.staffToken(roleName(cell.view, cell.condition, cell.denial))
  for (const says of said) {
    const asked = (['here', 'there'] as const).flatMap((where) => kindNames.map((kind) => ({ where, kind })))
    const items = asked.map(({ where, kind }) => ({ token: tokens[where][kind] }))
    const { body } = await vault.call('POST', '/v1/reveal', {
      token: bearer,
      body: { purpose: GRANTED, ...says, items },
    })
    for (const [at, { where, kind }] of asked.entries()) {
      const { code = 'released', data } = body.results[at]
      expect(code, `${kind} ${where} ${JSON.stringify(says)}`).toBe(expected(cell, kind, says, where))
      if (code !== 'released') continue
      const shown = namesOf({ kind, view: cell.view as View })
      expect(shown).toEqual(expect.arrayContaining(Object.keys(data)))
      expect(Object.keys(data).length).toBeGreaterThan(0)
    }
  }
})

it('no cell is granted for a purpose that its grant does not name', async () => {
  const bearer = await vault.staffToken(roleName('full', 'none', 'nothing'))
  for (const purpose of purposes.filter((one) => one !== GRANTED)) {
    const items = kindNames.map((kind) => ({ token: tokens.here[kind] }))
    const { body } = await vault.call('POST', '/v1/reveal', { token: bearer, body: { purpose, items } })
    for (const { code } of body.results) expect(code).toBe('purpose-not-permitted')
  }
})
