import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { expectProblem } from '../support/problems.ts'
import { expectRefusal } from '../support/refusal.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { card, cards, checkout, contact, person } from '../support/samples.ts'
import { type Tampering, tamperWith } from '../support/tamper.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'
import { unbindRows } from '../support/unbound-rows.ts'

/** The owner of the database leaves what is sealed as it is, and changes the clear facts beside it. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const PURPOSE = 'marketing'

let vault: TestVault
let tampering: Tampering
let legal: string
let marketing: string
let officer: string
let token: string

beforeAll(async () => {
  vault = await TestVault.start({ overrides: quickKeys })
  tampering = tamperWith(vault.database)
  const agreed = conditionalRole({}, { purposes: [PURPOSE] })
  await vault.commands.applyRoles(OPERATOR, roleFile({ agreed }))
  legal = await vault.staffToken('legal', { minutes: 60 })
  marketing = await vault.staffToken('marketing', { minutes: 60 })
  officer = await vault.staffToken('privacy-officer', { minutes: 60 })
})
beforeEach(async () => {
  // What the test before has damaged would be damage to every rotation.
  for (const table of ['records', 'record_versions', 'search_terms', 'idempotency_keys']) {
    await vault.database.sql(`DELETE FROM ${table}`)
  }
  const stored = await vault.tokenize({ policy_version: '2026-11-01', consents: ['store-contact'], contact })
  token = stored.contact!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const expected = { status: 500, code: 'record-integrity', input: Object.values(person) } as const
const read = (of = token) => vault.call('GET', `/v1/tokens/${of}`, { token: legal })
const reveal = (purpose: string, as: string, of = token) =>
  vault.call('POST', `/v1/tokens/${of}/reveal`, { token: as, body: { purpose } })
const revealForMarketing = (of = token) => reveal(PURPOSE, marketing, of)
const giveConsent = (of = token) => tampering.set(of, 'consents', ['store-contact', PURPOSE])

it('an untouched record is shown and released, and without the consent it is not', async () => {
  expect((await read()).body).toMatchObject({ token, policy_version: '2026-11-01' })
  expect((await reveal('enforce-rights', legal)).status).toBe(200)
  expectProblem(await revealForMarketing(), 403, 'consent-missing')
})

describe('a record whose row was changed', () => {
  it.each<[string, unknown]>([
    ['consents', []],
    ['consents', ['store-contact', 'store-contact']],
    ['consents', ['store-contact', null]],
    ['policy_version', '2026-12-01'],
    ['policy_version', null],
    ['created_at', '2020-01-01T00:00:00Z'],
    ['created_at', 'infinity'],
    ['updated_at', '2020-01-01T00:00:00Z'],
  ])('in its %s (%j) opens in neither part', async (column, value) => {
    await tampering.set(token, column, value)
    expectProblem(await read(), 500, 'record-integrity')
    expectProblem(await reveal('enforce-rights', legal), 500, 'record-integrity')
  })

  it('opens again once it says what it did', async () => {
    const [before] = await vault.database.sql<{ consents: string[] }>(
      'SELECT * FROM readable.records WHERE token = $1',
      [token],
    )
    await giveConsent()
    expect((await read()).status).toBe(500)
    await tampering.set(token, 'consents', before!.consents)
    expect((await read()).status).toBe(200)
  })
})

describe('an invented consent', () => {
  it('releases nothing', async () => {
    await giveConsent()
    await expectRefusal(vault, () => revealForMarketing(), expected)
  })

  it('taken from the row of a shopper who gave it, sealed parts and all, releases nothing', async () => {
    const other = (await vault.tokenize({ consents: [PURPOSE], contact })).contact!.token!
    expect((await revealForMarketing(other)).status).toBe(200)
    await vault.database.sql(
      `UPDATE readable.records r SET consents = o.consents, policy_version = o.policy_version, created_at = o.created_at,
         updated_at = o.updated_at, display_sealed = o.display_sealed, secret_sealed = o.secret_sealed
       FROM readable.records o WHERE r.token = $1 AND o.token = $2`,
      [token, other],
    )
    await expectRefusal(vault, () => revealForMarketing(), expected)
  })

  it('does not let a search by card number find the card', async () => {
    const number = cards.amex
    const hidden = (await vault.tokenize({ card: { ...card, number } })).card!.token!
    const bearer = await vault.staffToken('agreed' as 'legal')
    const body = { by: 'card_number', value: number, purpose: PURPOSE }
    const search = () => vault.call('POST', '/v1/search', { token: bearer, body })
    expect((await search()).body.results).toEqual([])
    await tampering.set(hidden, 'consents', [PURPOSE])
    const answer = await search()
    expect(answer.status, answer.text).toBe(200)
    expect(answer.text).not.toContain(hidden)
    const failed = await vault.events({ request_id: answer.headers['request-id'], outcome: 'failed' })
    expect(failed).toEqual([expect.objectContaining({ token: hidden, code: 'record-integrity' })])
  })
})

describe('a correction and a rotation', () => {
  it('carry over what the row said when it was opened', async () => {
    const storefront = await vault.staffToken('storefront')
    const corrected = await vault.call('PATCH', `/v1/tokens/${token}`, {
      token: storefront,
      body: { name: 'A New Name' },
    })
    expect(corrected.body).toMatchObject({ version: 2, policy_version: '2026-11-01' })
    const given = (await vault.tokenize({ consents: [PURPOSE], contact })).contact!.token!
    expect(await vault.rotate()).toMatchObject({ done: true })
    expect((await read()).body).toMatchObject({ version: 2, policy_version: '2026-11-01' })
    expect((await revealForMarketing(given)).status).toBe(200)
    expectProblem(await revealForMarketing(), 403, 'consent-missing')
  })

  it('do not validate a change from outside the vault', async () => {
    const storefront = await vault.staffToken('storefront')
    const body = { name: 'A New Name' }
    const corrected = (await vault.tokenize({ contact })).contact!.token!
    expect((await vault.call('PATCH', `/v1/tokens/${corrected}`, { token: storefront, body })).status).toBe(200)
    await vault.database.sql("UPDATE readable.record_versions SET replaced_at = '2020-01-01' WHERE token = $1", [
      corrected,
    ])
    await giveConsent()
    expectProblem(
      await vault.call('PATCH', `/v1/tokens/${token}`, { token: storefront, body }),
      500,
      'record-integrity',
    )
    const result = await vault.rotate()
    expect(result.done).toBe(false)
    expect(new Set(result.damaged.map((value) => `${value.column} ${value.token}`))).toEqual(
      new Set([
        `records.display ${token}`,
        `records.secret ${token}`,
        `record_versions.display ${corrected}`,
        `record_versions.secret ${corrected}`,
      ]),
    )
    expectProblem(await revealForMarketing(), 500, 'record-integrity')
  })
})

describe('a kept answer', () => {
  let checkoutToken: string
  let key = 0
  const tokenize = (headers: Record<string, string>) =>
    vault.call('POST', '/v1/tokenize', { token: checkoutToken, body: checkout, headers })
  const headersOf = () => ({ 'Idempotency-Key': `changed-row-${key}` })
  const alerts = () => vault.logLines.filter((line) => JSON.parse(line).alert === 'record-integrity').length

  beforeAll(async () => {
    checkoutToken = await vault.clientToken(['tokenize'], { role: 'checkout' })
  })
  beforeEach(() => {
    key++
  })

  it.each([
    ['is kept longer', "expires_at = expires_at + interval '1 day'"],
    ['names another index key', "index_key_id = 'key_other'"],
  ])('whose row %s is not repeated', async (_what, change) => {
    expect((await tokenize(headersOf())).status).toBe(201)
    expect((await tokenize(headersOf())).headers['idempotent-replayed']).toBe('true')
    await vault.database.sql(`UPDATE readable.idempotency_keys SET ${change}`)
    const before = alerts()
    expect((await tokenize(headersOf())).headers['idempotent-replayed']).toBeUndefined()
    expect(alerts()).toBe(before + 1)
  })

  it('is not repeated to another request, though its hash is put in the place', async () => {
    expect((await tokenize(headersOf())).status).toBe(201)
    const body = { ...checkout, customer: 'cus_another' }
    const other = { token: checkoutToken, body, headers: { 'Idempotency-Key': 'changed-row-other' } }
    const answered = await vault.call('POST', '/v1/tokenize', other)
    expect(answered.status).toBe(201)
    // The answer to the first request, under the key of the first, for the body of the other.
    await vault.database.sql(
      `UPDATE readable.idempotency_keys k SET request_hash = o.request_hash FROM readable.idempotency_keys o
       WHERE k.key_hash <> o.key_hash AND k.created_at < o.created_at`,
    )
    const repeated = await vault.call('POST', '/v1/tokenize', { ...other, headers: headersOf() })
    expect(repeated.headers['idempotent-replayed']).toBeUndefined()
  })

  it('is gone with a record of it, though the record was made to forget the answer', async () => {
    const stored = await tokenize(headersOf())
    await vault.database.sql('UPDATE readable.records SET idempotency_hash = NULL')
    expect((await tokenize(headersOf())).headers['idempotent-replayed']).toBe('true')
    const erased = stored.body.billing_address.token
    expect((await vault.call('DELETE', `/v1/tokens/${erased}`, { token: officer })).status).toBe(204)
    expectProblem(await tokenize(headersOf()), 410, 'record-gone')
  })
})

describe('in a vault from before rows were bound', () => {
  it('a row is what it says, until a rotation has bound it; then unbound values do not count', async () => {
    const kept = (await vault.tokenize({ consents: [PURPOSE], contact })).contact!.token!
    await unbindRows(vault)
    expect((await revealForMarketing(kept)).status).toBe(200)
    // As before the upgrade.
    await giveConsent()
    expect((await revealForMarketing()).status).toBe(200)
    await tampering.set(token, 'consents', ['store-contact'])

    // What is stored from now on is bound, under the same keys.
    const fresh = (await vault.tokenize({ contact })).contact!.token!
    await giveConsent(fresh)
    expectProblem(await revealForMarketing(fresh), 500, 'record-integrity')
    await tampering.set(fresh, 'consents', [])

    const before = await tampering.read(token)
    expect(await vault.rotate()).toMatchObject({ done: true, remaining: 0 })
    expect((await revealForMarketing(kept)).status).toBe(200)
    expectProblem(await revealForMarketing(), 403, 'consent-missing')
    await giveConsent()
    expectProblem(await revealForMarketing(), 500, 'record-integrity')

    // The old parts, which say nothing about their row, under the key that they were sealed with.
    await tampering.write(token, 'display', before.display_sealed, before.display_key_id)
    await tampering.write(token, 'secret', before.secret_sealed, before.secret_key_id)
    expectProblem(await read(), 500, 'record-integrity')
    expectProblem(await revealForMarketing(), 500, 'record-integrity')
  })
})
