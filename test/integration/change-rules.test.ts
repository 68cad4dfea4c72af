import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { ChangeRule, Role } from '../../src/access/policy/roles.ts'
import { toNextHour } from '../support/moved-clock.ts'
import { expectProblem, pointersOf } from '../support/problems.ts'
import { roleFile } from '../support/role-files.ts'
import { billingAddress, card, contact, corrected, shippingAddress } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const UNKNOWN = `cont_${'0'.repeat(26)}`
const UNKNOWN_ADDRESS = `addr_${'0'.repeat(26)}`
const reason = 'The shopper moved, ticket says so'

let vault: TestVault
let tokens: Record<'card' | 'billing_address' | 'shipping_address' | 'contact', string>
let officer: string
let people = 0

beforeAll(async () => {
  vault = await TestVault.start({ clockOffsetMs: toNextHour() })
  officer = await vault.staffToken('privacy-officer')
})
beforeEach(async () => {
  const parts = await vault.tokenize({
    card,
    billing_address: billingAddress,
    shipping_address: shippingAddress,
    contact,
  })
  tokens = Object.fromEntries(Object.entries(parts).map(([part, { token }]) => [part, token])) as typeof tokens
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

/** A person whose role corrects and erases under these rules. */
async function person(...changes: ChangeRule[]): Promise<string> {
  const role: Role = {
    duty: 'Changes records under conditions.',
    scopes: ['token:read', 'token:correct', 'token:erase'],
    grants: [],
    changes,
  }
  await vault.commands.applyRoles(OPERATOR, roleFile({ changer: role }))
  return vault.staffToken('changer', { name: `Cara ${++people}`, minutes: 60 })
}
const correct = (as: string, token: string, body: object = {}) => {
  const change = token.startsWith('card_') ? { exp_year: 2035 } : { name: corrected.name }
  return vault.call('PATCH', `/v1/tokens/${token}`, { token: as, body: { ...change, ...body } })
}
const erase = (as: string, token: string, body: object = {}) =>
  vault.call('POST', `/v1/tokens/${token}/erase`, { token: as, body })
const remove = (as: string, token: string) => vault.call('DELETE', `/v1/tokens/${token}`, { token: as })
const stands = async (token: string) =>
  (await vault.call('GET', `/v1/tokens/${token}`, { token: officer })).body.version as number | undefined
const eventOf = async (type: string, token: string) => (await vault.events({ type, token })).at(-1)

describe('a condition', () => {
  it.each([
    ['reason', { reason: true }, { reason }],
    ['ticket', { ticket: true }, { ticket: 'CASE-1' }],
  ] as const)('%s must be met by every correction and erasure', async (name, conditions, said) => {
    const cara = await person({ scope: 'token:correct', conditions }, { scope: 'token:erase', conditions })
    for (const attempt of [correct, erase]) {
      for (const body of [{}, { [name]: '' }, { purpose: 'communicate' }]) {
        const refused = await attempt(cara, tokens.contact, body)
        expectProblem(refused, 403, 'condition-not-met')
        expect(pointersOf(refused)).toEqual([`#/${name}`])
      }
    }
    expect(await stands(tokens.contact)).toBe(1)
    expect((await correct(cara, tokens.contact, said)).status).toBe(200)
    expect((await erase(cara, tokens.contact, said)).status).toBe(204)
  })

  it('that only a body can meet is pointed at by DELETE, which then erases nothing', async () => {
    const cara = await person({ scope: 'token:erase', conditions: { reason: true } })
    const refused = await remove(cara, tokens.contact)
    expectProblem(refused, 403, 'condition-not-met')
    expect(pointersOf(refused)).toEqual(['#/reason'])
    expect(refused.body.detail).toContain('/erase')
    expect(await stands(tokens.contact)).toBe(1)
    // The scope to correct has no rule here.
    expect((await correct(cara, tokens.contact)).status).toBe(200)
  })

  it('of site, time or token holds for DELETE too', async () => {
    const elsewhere = await person({ scope: 'token:erase', conditions: { sites: ['berlin'] } })
    expectProblem(await remove(elsewhere, tokens.contact), 403, 'condition-not-met')
    const bound = await person({ scope: 'token:erase', conditions: { sender_constrained: true } })
    expectProblem(await remove(bound, tokens.contact), 401, 'unauthenticated')
    const here = await person({ scope: 'token:erase', conditions: { sites: ['default'] } })
    expect((await remove(here, tokens.contact)).status).toBe(204)
  })

  it('comes before what depends on the record: unknown, malformed and foreign tokens', async () => {
    const cara = await person({ scope: 'token:correct', conditions: { reason: true } })
    for (const token of [UNKNOWN, 'nonsense']) {
      expectProblem(await correct(cara, token), 403, 'condition-not-met')
      expectProblem(await correct(cara, token, { reason }), 404, 'record-not-found')
    }
  })

  it('is for the kind that it names', async () => {
    const cara = await person({ scope: 'token:correct', kind: 'card', conditions: { ticket: true } })
    expectProblem(await correct(cara, tokens.card), 403, 'condition-not-met')
    expect((await correct(cara, tokens.contact)).status).toBe(200)
    expectProblem(await correct(cara, 'nonsense'), 404, 'record-not-found')
  })

  it('is one of several, each of which must be met', async () => {
    const cara = await person(
      { scope: 'token:correct', conditions: { ticket: true } },
      { scope: 'token:correct', kind: 'address', use: 'billing', conditions: { reason: true } },
    )
    expectProblem(await correct(cara, tokens.billing_address, { reason }), 403, 'condition-not-met')
    expectProblem(await correct(cara, tokens.billing_address, { ticket: 'C-1' }), 403, 'condition-not-met')
    expect((await correct(cara, tokens.billing_address, { ticket: 'C-1', reason })).status).toBe(200)
    expect((await correct(cara, tokens.shipping_address, { ticket: 'C-1' })).status).toBe(200)
  })

  it('a refusal is an event', async () => {
    const cara = await person({ scope: 'token:erase', conditions: { reason: true } })
    const refused = await erase(cara, tokens.contact)
    expect(await vault.events({ request_id: refused.body.request_id })).toEqual([
      expect.objectContaining({ type: 'request.refuse', code: 'condition-not-met', token: tokens.contact }),
    ])
  })
})

describe('a purpose', () => {
  it('that a rule lists must be named, and be one that the token has', async () => {
    const cara = await person({ scope: 'token:correct', purposes: ['respond-to-query', 'communicate'] })
    const unnamed = await correct(cara, tokens.contact)
    expectProblem(unnamed, 403, 'condition-not-met')
    expect(pointersOf(unnamed)).toEqual(['#/purpose'])
    expectProblem(await correct(cara, tokens.contact, { purpose: 'marketing' }), 403, 'purpose-not-permitted')
    const narrowed = await vault.staffToken('changer', { purposes: ['communicate'] })
    expectProblem(
      await correct(narrowed, tokens.contact, { purpose: 'respond-to-query' }),
      403,
      'purpose-not-permitted',
    )
    for (const as of [cara, narrowed]) {
      expect((await correct(as, tokens.contact, { purpose: 'communicate' })).status).toBe(200)
    }
  })
})

describe('a budget', () => {
  it.each([
    ['token:correct', (as: string, token: string) => correct(as, token), 200],
    ['token:erase', (as: string, token: string) => erase(as, token), 204],
    ['token:erase', (as: string, token: string) => remove(as, token), 204],
  ] as const)('on %s counts distinct records, for any purpose', async (scope, change, done) => {
    const cara = await person({ scope, conditions: { budget: { per_day: 2 } } })
    const [first, second, third] = [tokens.contact, tokens.card, tokens.billing_address]
    expect((await change(cara, first)).status).toBe(done)
    expect((await change(cara, second)).status).toBe(done)
    const refused = await change(cara, third)
    expectProblem(refused, 429, 'budget-spent')
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect(await stands(third)).toBe(1)
    // Masked views are not what it counts.
    expect((await vault.call('GET', `/v1/tokens/${third}`, { token: cara })).status).toBe(200)
  })

  it('is not split over purposes', async () => {
    const cara = await person({ scope: 'token:correct', conditions: { budget: { per_day: 1 } } })
    expect((await correct(cara, tokens.contact, { purpose: 'communicate' })).status).toBe(200)
    expectProblem(await correct(cara, tokens.card, { purpose: 'research' }), 429, 'budget-spent')
  })

  it('may be for one use of addresses, and may suspend', async () => {
    const conditions = { budget: { per_day: 1, beyond: 'suspend' } } as const
    const cara = await person({ scope: 'token:correct', kind: 'address', use: 'shipping', conditions })
    const other = (await vault.tokenize({ shipping_address: shippingAddress })).shipping_address!.token!
    expect((await correct(cara, tokens.billing_address)).status).toBe(200)
    expect((await correct(cara, tokens.shipping_address)).status).toBe(200)
    expectProblem(await correct(cara, other), 429, 'budget-spent')
    expectProblem(await correct(cara, tokens.contact), 403, 'caller-suspended')
  })
})

describe('built in: support gives a reason to change a shipping address', () => {
  it('and not for anything else', async () => {
    await vault.commands.applyRoles(OPERATOR, roleFile({}))
    const support = await vault.staffToken('support', { name: 'Sam' })
    const refused = await correct(support, tokens.shipping_address)
    expectProblem(refused, 403, 'condition-not-met')
    expect(pointersOf(refused)).toEqual(['#/reason'])
    expect(await stands(tokens.shipping_address)).toBe(1)
    const done = await correct(support, tokens.shipping_address, { reason, ticket: 'CASE-8' })
    expect(done.body).toMatchObject({ use: 'shipping', version: 2 })
    expect(await eventOf('record.correct', tokens.shipping_address)).toMatchObject({ ticket: 'CASE-8' })
    for (const token of [tokens.billing_address, tokens.contact, tokens.card]) {
      expect((await correct(support, token)).status).toBe(200)
    }
    expectProblem(await correct(support, UNKNOWN_ADDRESS), 404, 'record-not-found')
    // No other role needs one.
    expect((await correct(officer, tokens.shipping_address)).status).toBe(200)
  })
})

describe('the operator', () => {
  const explain = (token: string, more: object) =>
    vault.commands.explainAccess(
      OPERATOR,
      { id: 'staff:Cara', role: 'changer', site: 'default' },
      { token, circumstances: {}, ...more },
    )

  it('says which line decides, as the call itself would', async () => {
    await person(
      { scope: 'token:erase', purposes: ['communicate'], conditions: { ticket: true } },
      { scope: 'token:correct', kind: 'address', use: 'shipping', conditions: { reason: true } },
    )
    const asked: [string, object, string | null, string][] = [
      [tokens.contact, { to: 'correct' }, null, '/roles/changer/scopes: token:correct'],
      [tokens.billing_address, { to: 'correct' }, null, '/roles/changer/scopes: token:correct'],
      [tokens.shipping_address, { to: 'correct' }, 'condition-not-met', '/roles/changer/changes/1/conditions/reason'],
      [tokens.shipping_address, { to: 'correct', circumstances: { reason: true } }, null, '/roles/changer/changes/1'],
      [tokens.contact, { to: 'erase' }, 'condition-not-met', '/roles/changer/changes/0/purposes'],
      [
        tokens.contact,
        { to: 'erase', purpose: 'research' },
        'purpose-not-permitted',
        '/roles/changer/changes/0/purposes',
      ],
      [
        tokens.contact,
        { to: 'erase', purpose: 'communicate' },
        'condition-not-met',
        '/roles/changer/changes/0/conditions/ticket',
      ],
      [UNKNOWN_ADDRESS, { to: 'correct' }, 'record-not-found', 'the record: not on the site default'],
    ]
    for (const [token, more, code, line] of asked) {
      const explained = await explain(token, more)
      expect(explained, JSON.stringify(more)).toEqual({ allowed: code === null, fields: [], code, lines: [line] })
    }
    await expect(explain(tokens.contact, {})).rejects.toThrow(/which purpose/)
  })

  it('sees the rules in the review', async () => {
    await person({
      scope: 'token:erase',
      kind: 'card',
      purposes: ['communicate'],
      conditions: { budget: { per_day: 3 } },
    })
    const lines = await vault.commands.reviewAccess(OPERATOR)
    const changes = lines.filter(({ see, subject }) => see === 'change' && subject === 'role')
    expect(changes).toEqual([
      expect.objectContaining({
        id: 'changer',
        scopes: 'token:erase',
        kind: 'card',
        fields: '',
        purposes: 'communicate',
        conditions: '{"budget":{"per_day":3}}',
      }),
      expect.objectContaining({
        id: 'support',
        scopes: 'token:correct',
        kind: 'address',
        fields: 'shipping',
        conditions: '{"reason":true}',
      }),
    ])
  })
})
