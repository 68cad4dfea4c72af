import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Statement } from '../../src/database/database.ts'
import type { Details } from '../../src/kinds/kind.ts'
import { createKinds } from '../../src/kinds/kinds.ts'
import { replaceRecord } from '../../src/records/change/record-change-store.ts'
import type { StoredRecord } from '../../src/records/record/record.ts'
import { lockRecord } from '../../src/records/record/record-store.ts'
import { bindTerms, hashTerms } from '../../src/records/record/sealed-record.ts'
import type { Token } from '../../src/records/record/token.ts'
import { expectProblem, pointersOf } from '../support/problems.ts'
import { billingAddress, card, cards, checkout, contact, corrected, person } from '../support/samples.ts'
import { openEverySealedValue } from '../support/sealed-values.ts'
import { expectExactTerms } from '../support/search-terms.ts'
import { TestVault } from '../support/test-vault.ts'
import { type VaultKeys, withVaultKeys } from '../support/vault-keys.ts'

/** What the transaction has written so far. */
const WRITTEN_TERMS: Statement = {
  name: 'written-terms',
  text: `SELECT sum(n_tup_ins)::integer AS added, sum(n_tup_upd)::integer AS changed, sum(n_tup_del)::integer AS removed
         FROM pg_stat_xact_user_tables WHERE schemaname = 'public' AND relname LIKE 'search_terms%'`,
}

let vault: TestVault
let support: string
let storefront: string
let legal: string

beforeAll(async () => {
  vault = await TestVault.start()
  support = await vault.staffToken('support')
  storefront = await vault.staffToken('storefront')
  legal = await vault.staffToken('legal')
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const correct = (token: string | undefined, body: unknown, as = support) =>
  vault.call('PATCH', `/v1/tokens/${token}`, { token: as, body })

async function newToken(part: 'card' | 'billing_address' | 'contact'): Promise<string> {
  return (await vault.tokenize({ customer: 'cus_1042', [part]: checkout[part] }))[part]!.token!
}

async function dataOf(token: string): Promise<Record<string, unknown>> {
  const body = { purpose: 'enforce-rights' }
  const response = await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: legal, body })
  expect(response.status, response.text).toBe(200)
  return response.body.data
}

async function find(by: string, value: string): Promise<string[]> {
  const response = await vault.call('POST', '/v1/search', { token: support, body: { by, value } })
  return response.body.results.map((view: { token: string }) => view.token)
}

describe('200', () => {
  it('corrects an address, keeps the other fields and answers with the masked view', async () => {
    const token = await newToken('billing_address')
    const response = await correct(token, { line1: corrected.line1, postal_code: '068898' })
    expect(response.status).toBe(200)
    expect(response.body).toMatchObject({ token, kind: 'address', use: 'billing', postal_area: '068', version: 2 })
    expect(response.body.customer).toBe('cus_1042')
    expect(response.text).not.toContain(corrected.line1)
    expect(await dataOf(token)).toEqual({ ...billingAddress, line1: corrected.line1, postal_code: '068898' })
  })

  it('corrects a contact and derives the normalised number again', async () => {
    const token = await newToken('contact')
    const response = await correct(token, { email: corrected.email, phone: corrected.phone })
    expect(response.body).toMatchObject({ email: 'm•••@example.sg', phone: '••••43', version: 2 })
    const { email, phone } = corrected
    expect(await dataOf(token)).toEqual({ name: contact.name, email, phone, phone_e164: '+6569876543' })
  })

  it('corrects the expiry of a card, and nothing else of it', async () => {
    const token = await newToken('card')
    const response = await correct(token, { exp_month: 3, exp_year: 2035 })
    expect(response.body).toMatchObject({ exp_month: 3, exp_year: 2035, last4: '4242', version: 2 })
    expect(await dataOf(token)).toEqual({ ...card, number: cards.visa, exp_month: 3, exp_year: 2035 })
  })

  it('removes an optional field that is set to null', async () => {
    const token = await newToken('contact')
    expect((await correct(token, { phone: null })).status).toBe(200)
    expect(await dataOf(token)).toEqual({ name: person.name, email: person.email })
  })

  it('lets the search follow the correction', async () => {
    const token = await newToken('contact')
    await correct(token, { email: corrected.email })
    expect(await find('email', corrected.email)).toContain(token)
    expect(await find('email', contact.email)).not.toContain(token)
    expect(await find('phone', contact.phone)).toContain(token)
    expect(await find('customer', 'cus_1042')).toContain(token)
  })

  it('writes of its search terms only what is another one, and a new MAC beside the others', async () => {
    // Customer, email and phone.
    const token = (await newToken('contact')) as Token
    const done = new Error('nothing of it is kept')
    const correctAndCount = ({ database, keys }: VaultKeys) =>
      database.transaction(async (tx) => {
        const before = (await lockRecord(tx, 'default', token)) as StoredRecord
        const next = { ...before, version: 2, updatedAt: new Date() }
        const kind = createKinds().contact
        const values = kind.correct(contact as Details, { email: corrected.email })
        const terms = [{ type: 'customer' as const, value: 'cus_1042' }, ...kind.terms(values)]
        await replaceRecord(tx, before, next, bindTerms(keys, next, hashTerms(keys, 'default', terms)))
        expect(await tx.query(WRITTEN_TERMS)).toEqual([{ added: 1, changed: 2, removed: 1 }])
        throw done
      })
    await expect(withVaultKeys(vault, correctAndCount)).rejects.toBe(done)
    expect((await correct(token, { email: corrected.email })).status).toBe(200)
    await expectExactTerms(vault)
  })

  it('writes a removed search term again, at any correction', async () => {
    const token = await newToken('contact')
    await vault.database.sql('DELETE FROM search_terms')
    expect((await correct(token, { name: 'Tan Mei Hua' })).status).toBe(200)
    expect(await find('email', contact.email)).toEqual([token])
    expect(await find('customer', 'cus_1042')).toContain(token)
  })

  it('leaves an event with the names of the corrected fields and no value', async () => {
    const token = await newToken('contact')
    const response = await correct(token, { name: corrected.name, phone: null })
    const events = await vault.events({ request_id: response.headers['request-id'] })
    expect(events).toHaveLength(1)
    expect(events[0]).toMatchObject({ type: 'record.correct', outcome: 'success', token, record_version: 2 })
    expect((events[0]!.fields as string[]).sort()).toEqual(['name', 'phone'])
  })

  it('keeps the old version sealed, as it was', async () => {
    const token = await newToken('billing_address')
    await correct(token, { line1: corrected.line1 })
    const opened = await openEverySealedValue(vault)
    const kept = opened.filter(({ column, row }) => column === 'record_versions.secret' && row.token === token)
    expect(kept.map(({ row, text }) => [row.version, JSON.parse(text)])).toEqual([[1, billingAddress]])
  })

  it('loses none of many corrections at once', async () => {
    const token = await newToken('billing_address')
    const changes = [
      { line1: corrected.line1 },
      { name: corrected.name },
      { company: 'Goh Trading' },
      { district: 'Outram' },
    ]
    const answers = await Promise.all(changes.map((change) => correct(token, change)))
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200, 200])
    expect(answers.map((answer) => answer.body.version).sort()).toEqual([2, 3, 4, 5])
    expect(await dataOf(token)).toEqual(Object.assign({}, billingAddress, ...changes))
    const kept = await vault.database.sql<{ version: number }>(
      'SELECT version FROM readable.record_versions WHERE token = $1 ORDER BY version',
      [token],
    )
    expect(kept.map(({ version }) => version)).toEqual([1, 2, 3, 4])
  })
})

describe('403', () => {
  it('refuses who may not correct', async () => {
    const token = await newToken('contact')
    expectProblem(await correct(token, { name: corrected.name }, legal), 403, 'scope-missing')
  })
})

describe('404', () => {
  it('knows nothing of a token that was never given out', async () => {
    expectProblem(await correct(`cont_${'0'.repeat(26)}`, { name: corrected.name }), 404, 'record-not-found')
  })
})

describe('422', () => {
  it.each([
    ['another number of a card', 'card', { number: cards.amex, exp_month: 1, exp_year: 2032 }, '#'],
    ['half of an expiry that has passed', 'card', { exp_year: 2020 }, '#/exp_year'],
    ['an expiry in the past', 'card', { exp_month: 1, exp_year: 2020 }, '#/exp_year'],
    ['a required field set to null', 'billing_address', { line1: null }, '#/line1'],
    ['an unknown field', 'billing_address', { planet: 'Earth' }, '#'],
    ['an unknown country', 'billing_address', { country: 'QQ' }, '#/country'],
    ['a telephone number of too few digits', 'contact', { phone: '612' }, '#/phone'],
    ['a use', 'billing_address', { use: 'shipping' }, '#'],
    ['nothing', 'contact', {}, '#'],
    ['a contact emptied of everything', 'contact', { name: null, email: null, phone: null }, '#'],
    ['a card number in a text', 'contact', { name: cards.visa }, '#/name'],
  ] as const)('refuses %s and changes nothing', async (_name, part, change, pointer) => {
    const token = await newToken(part)
    const before = await dataOf(token)
    const response = await correct(token, change, storefront)
    expect(response.status, response.text).toBe(422)
    expect(pointersOf(response)).toContain(pointer)
    expect(await dataOf(token)).toEqual(before)
    expect(await vault.database.sql('SELECT FROM readable.record_versions WHERE token = $1', [token])).toHaveLength(0)
  })
})
