import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Role } from '../../src/access/policy/roles.ts'
import { callBound, requestBoundToken } from '../support/bound-caller.ts'
import { type CallerKey, createCallerKey } from '../support/caller-keys.ts'
import { expectProblem } from '../support/problems.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { billingAddress, card } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attack 33: an attacker has the access token of a client, a partner or a person, and wants card numbers with it. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

let vault: TestVault
/** On the same database, with real data. */
let production: TestVault
let key: CallerKey
let tokens: Record<'card' | 'address', string>

/** A file of roles whose author did not think of stolen tokens. */
const careless: Record<string, Role> = {
  careless: conditionalRole({}),
  'card-only': conditionalRole({}, { kind: 'card', view: undefined, fields: ['number'] }),
  strict: conditionalRole({ sender_constrained: true }),
}

beforeAll(async () => {
  vault = await TestVault.start()
  production = await TestVault.start({ sharedDatabase: vault.database, config: { production: true } })
  key = await createCallerKey()
  await vault.commands.applyRoles(OPERATOR, roleFile(careless))
  const stored = await vault.tokenize({ card, billing_address: billingAddress })
  tokens = { card: stored.card!.token!, address: stored.billing_address!.token! }
})
afterEach(async () => {
  await vault.checkInvariants()
  await production.checkInvariants()
})
afterAll(async () => {
  await production.stop()
  await vault.stop()
})

const body = (purpose: string, more: object = {}) => ({ purpose, ...more })
const path = () => `/v1/tokens/${tokens.card}/reveal`
const released = async () => (await vault.events({ type: 'record.reveal', kind: 'card' })).length

async function expectWorthless(token: string, purpose: string, on = vault): Promise<void> {
  const before = await released()
  for (const more of [{}, { fields: ['number'] }, { reason: 'x', ticket: 'T-1' }]) {
    const refused = await on.call('POST', path(), { token, body: body(purpose, more) })
    expectProblem(refused, 401, 'unauthenticated')
    expect(refused.headers['www-authenticate']).toMatch(/^DPoP error="invalid_token", algs="/)
  }
  const many = { purpose, items: [{ token: tokens.card }, { token: tokens.card, fields: ['number'] }] }
  const { body: answer } = await on.call('POST', '/v1/reveal', { token, body: many })
  expect(answer.results.map(({ status }: { status: number }) => status)).toEqual([401, 401])
  expect(await released()).toBe(before)
}

describe('the bearer token of a client', () => {
  it.each([
    ['billing', 'process-payment'],
    ['legal', 'enforce-rights'],
    ['careless', 'enforce-rights'],
    ['card-only', 'enforce-rights'],
    ['strict', 'enforce-rights'],
  ])('of the role %s shows no card number for %s', async (role, purpose) => {
    const client = await vault.client(['card:reveal'], { role })
    const { access_token: bearer } = (await vault.requestToken(client.id, client.secret)).body
    await expectWorthless(bearer, purpose)
    const { access_token: token } = (await requestBoundToken(vault, client, key)).body
    const shown = await callBound(vault, 'POST', path(), { token, key }, { body: body(purpose) })
    expect(shown.body.data, shown.text).toHaveProperty('number')
  })

  it('of a third party shows none either', async () => {
    const { id: partner } = await vault.commands.addPartner(OPERATOR, {
      name: 'Acquirer',
      country: 'SG',
      contact: 'desk@acquirer.example',
      purposes: ['process-payment'],
      fields: ['card.number'],
      ends_at: new Date(Date.now() + 86_400_000),
    })
    await expectWorthless(await vault.clientToken(['card:reveal'], { role: 'billing', partner }), 'process-payment')
    const client = await vault.client(['card:reveal'], { role: 'billing', partner })
    const { access_token: token } = (await requestBoundToken(vault, client, key)).body
    const shown = await callBound(vault, 'POST', path(), { token, key }, { body: body('process-payment') })
    expect(Object.keys(shown.body.data)).toEqual(['number'])
  })

  it('still shows what is not a card number', async () => {
    const client = await vault.clientToken(['token:read', 'address:reveal'], { role: 'billing' })
    const url = `/v1/tokens/${tokens.address}/reveal`
    expect((await vault.call('POST', url, { token: client, body: body('process-payment') })).status).toBe(200)
    expect((await vault.call('GET', `/v1/tokens/${tokens.card}`, { token: client })).body.last4).toBe('4242')
    const fraud = await vault.clientToken(['card:reveal'], { role: 'fraud' })
    const expiry = await vault.call('POST', path(), { token: fraud, body: body('enforce-rights') })
    expect(expiry.body.data).not.toHaveProperty('number')
    expect(expiry.status).toBe(200)
  })
})

describe('the unbound token that the vault gives to a person', () => {
  it('shows card numbers while things are tried, except where a role is strict', async () => {
    const token = await vault.staffToken('billing')
    const shown = await vault.call('POST', path(), { token, body: body('process-payment') })
    expect(shown.body.data).toHaveProperty('number')
    await expectWorthless(await vault.staffToken('strict'), 'enforce-rights')
  })

  it('shows none in production, from any issuer, and a bound one does', async () => {
    for (const signer of [vault, production]) {
      await expectWorthless(await signer.staffToken('billing'), 'process-payment', production)
    }
    const request = {
      name: 'Ann',
      role: 'billing',
      purposes: [],
      site: 'default',
      minutes: 15,
      dpopJkt: key.thumbprint,
    }
    const { access_token: token } = await production.commands.issueStaffToken(OPERATOR, request)
    const by = { token, key }
    expect((await callBound(production, 'POST', path(), by, { body: body('process-payment') })).status).toBe(200)
  })

  it('is given in production with a warning, for a role that shows or forwards card numbers and no other', async () => {
    const ask = async (on: TestVault, role: string, dpopJkt?: string) => {
      const request = { name: 'Ann', role, purposes: [], site: 'default', minutes: 15, dpopJkt }
      return (await on.commands.issueStaffToken(OPERATOR, request)).warning
    }
    expect(await ask(production, 'billing')).toMatch(/without --jkt .* reveals no card number and forwards no card\.$/)
    expect(await ask(production, 'payments')).toMatch(/without --jkt .* payments forwards no card\.$/)
    expect(await ask(production, 'billing', key.thumbprint)).toBeUndefined()
    expect(await ask(production, 'support')).toBeUndefined()
    expect(await ask(vault, 'billing')).toBeUndefined()
  })
})

describe('access explain', () => {
  const question = { purpose: 'process-payment' as const, circumstances: {} }
  const explain = (on: TestVault, id: string, bound?: boolean) =>
    on.commands.explainAccess(
      OPERATOR,
      { id, role: 'billing', site: 'default', bound },
      { ...question, token: tokens.card },
    )

  it('says the same', async () => {
    expect(await explain(vault, 'staff:Ann')).toMatchObject({ allowed: true })
    const refused = {
      allowed: false,
      code: 'unauthenticated',
      lines: ['/roles/billing/grants/0/conditions/sender_constrained'],
    }
    expect(await explain(production, 'staff:Ann')).toMatchObject(refused)
    expect(await explain(production, 'staff:Ann', true)).toMatchObject({ allowed: true })
    expect(await explain(vault, 'staff:corp/ann')).toMatchObject(refused)
    const client = await vault.client(['card:reveal'], { role: 'billing' })
    expect(await explain(vault, client.id)).toMatchObject(refused)
  })
})
