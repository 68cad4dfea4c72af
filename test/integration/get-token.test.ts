import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { roleOf } from '../../src/access/policy/role-summary.ts'
import { roleNames } from '../../src/access/policy/roles.ts'
import { expectProblem } from '../support/problems.ts'
import { card, cards, checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let support: string

beforeAll(async () => {
  vault = await TestVault.start()
  support = await vault.staffToken('support')
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const read = (token: string | undefined, as = support) => vault.call('GET', `/v1/tokens/${token}`, { token: as })

describe('200', () => {
  it('shows of each kind only the masked view', async () => {
    const parts = await vault.tokenize(checkout)
    const common = {
      customer: 'cus_1042',
      policy_version: '2026-11-01',
      version: 1,
      created_at: expect.any(String),
      updated_at: expect.any(String),
    }
    const address = { ...common, kind: 'address', country: 'SG', postal_area: '048', initials: 'T.M.L.' }
    const expected = {
      card: { ...common, kind: 'card', brand: 'visa', last4: '4242', exp_month: 12, exp_year: 2031 },
      billing_address: { ...address, use: 'billing' },
      shipping_address: { ...address, use: 'shipping' },
      contact: { ...common, kind: 'contact', email: 'm•••@example.sg', phone: '••••67', initials: 'T.M.L.' },
    }
    for (const [part, view] of Object.entries(expected)) {
      const { token } = parts[part]!
      const response = await read(token)
      expect(response.status).toBe(200)
      expect(response.body).toEqual({ ...view, token })
    }
  })

  it('leaves an event that names the record, its version and the reader', async () => {
    const { token } = (await vault.tokenize({ card, policy_version: '2026-11-01' })).card!
    const response = await read(token)
    const events = await vault.events({ request_id: response.headers['request-id'] })
    expect(events).toEqual([
      expect.objectContaining({
        type: 'record.read',
        outcome: 'success',
        token,
        kind: 'card',
        policy_version: '2026-11-01',
        record_version: 1,
        caller: { id: 'staff:test support', kind: 'staff', role: 'support' },
      }),
    ])
  })

  it('never opens the secret part: it answers although that part is destroyed', async () => {
    const { token } = (await vault.tokenize({ card })).card!
    await vault.database.sql(
      `UPDATE readable.records SET secret_sealed = '\\x00', secret_key_id = 'none' WHERE token = $1`,
      [token],
    )
    const response = await read(token)
    expect(response.status).toBe(200)
    expect(response.body).toMatchObject({ brand: 'visa', last4: '4242' })
    const billing = await vault.staffToken('billing')
    const revealed = await vault.call('POST', `/v1/tokens/${token}/reveal`, {
      token: billing,
      body: { purpose: 'process-payment' },
    })
    expectProblem(revealed, 500, 'record-integrity')
  })

  it('shows the first digits of a card to the roles that are granted them, and to no other', async () => {
    const { token } = (await vault.tokenize({ card: { ...card, number: cards.mastercard } })).card!
    const readers = roleNames.filter((role) => roleOf(role).scopes.includes('token:read'))
    const shown = await Promise.all(
      readers.map(async (role) => [role, (await read(token, await vault.staffToken(role))).body.bin]),
    )
    expect(Object.fromEntries(shown)).toEqual({
      storefront: undefined,
      fulfilment: undefined,
      billing: '555555',
      support: undefined,
      fraud: '555555',
      marketing: undefined,
      legal: undefined,
      'privacy-officer': undefined,
    })
  })
})

describe('403', () => {
  it('refuses who may not read', async () => {
    const { token } = (await vault.tokenize({ card })).card!
    expectProblem(await read(token, await vault.staffToken('auditor')), 403, 'scope-missing')
  })
})

describe('404', () => {
  it('knows nothing of a token that was never given out', async () => {
    expectProblem(await read(`card_${'0'.repeat(26)}`), 404, 'record-not-found')
  })
})

describe('500', () => {
  it('refuses a record whose display part was changed, leaves an event and quotes nothing', async () => {
    const { token } = (await vault.tokenize({ card })).card!
    await vault.database.sql(
      'UPDATE readable.records SET display_sealed = set_byte(display_sealed, 60, get_byte(display_sealed, 60) # 1) WHERE token = $1',
      [token],
    )
    const response = await read(token)
    expectProblem(response, 500, 'record-integrity')
    const events = await vault.events({ request_id: response.body.request_id })
    // Nothing was read, so no event says so.
    expect(events).toEqual([
      expect.objectContaining({ type: 'request.refuse', outcome: 'failed', token, code: 'record-integrity' }),
    ])
  })
})

describe('422', () => {
  it('takes no query', async () => {
    const { token } = (await vault.tokenize({ card })).card!
    const response = await vault.call('GET', `/v1/tokens/${token}?expand=all`, { token: support })
    expectProblem(response, 422, 'unknown-member')
  })
})
