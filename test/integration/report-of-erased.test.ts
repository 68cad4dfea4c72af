import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { reportOn } from '../support/customer-report.ts'
import { card, contact } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

let vault: TestVault
let officer: string
let support: string

beforeAll(async () => {
  vault = await TestVault.start({ overrides: quickKeys })
  officer = await vault.staffToken('privacy-officer')
  support = await vault.staffToken('support')
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const report = (customer: string, body: object = {}) => reportOn(vault, officer, { customer, ...body })
const store = async (customer: string | undefined) => (await vault.tokenize({ contact, customer })).contact!.token!
const erase = async (token: string) =>
  expect((await vault.call('DELETE', `/v1/tokens/${token}`, { token: officer })).status).toBe(204)
const reveal = async (token: string) =>
  (await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: support, body: { purpose: 'communicate' } })).body
    .event as string
const rowOf = async (token: string) =>
  (
    await vault.database.sql<{ customer: Buffer | null; customer_mac: Buffer | null }>(
      'SELECT customer, customer_mac FROM erasures WHERE token = id_uuid($1)',
      [token],
    )
  )[0]!

describe('the releases of a record that was erased since', () => {
  it('are in the report of its customer, within the range of dates', async () => {
    const [gone, kept] = [await store('cus_gone'), await store('cus_gone')]
    const event = await reveal(gone)
    const before = Date.now()
    await erase(gone)
    const after = Date.now()
    const { report: made, html } = await report('cus_gone')
    expect(made.records.map(({ token }) => token)).toEqual([kept])
    const [erased] = await vault.events({ type: 'record.erase', token: gone })
    expect(made.erased).toMatchObject([{ token: gone, kind: 'contact' }])
    for (const time of [made.erased[0]!.erased_at, String(erased!.at)].map(Date.parse)) {
      expect(time).toBeGreaterThanOrEqual(before)
      expect(time).toBeLessThanOrEqual(after)
    }
    expect(made.disclosures).toMatchObject([
      { event, records: [gone], what: 'values', purpose: 'communicate', to: { role: 'support' } },
    ])
    expect(made.erased_unknown_until).toBeNull()
    for (const text of [gone, event, 'Erased records (1)']) expect(html).toContain(text)
    expect(html).not.toContain('may be missing')
    expect((await report('cus_gone', { to: '2026-01-01' })).report.disclosures).toEqual([])
  })

  it('are in it where nothing else is held, and the report names no record as shown', async () => {
    const gone = await store('cus_all_gone')
    const event = await reveal(gone)
    await erase(gone)
    const { report: made, html } = await report('cus_all_gone')
    expect(made).toMatchObject({ records: [], erased: [{ token: gone }], disclosures: [{ event }] })
    expect(html).toContain('Nothing is held')
    expect((await report('cus_all_gone')).report.disclosures).toHaveLength(1)
  })

  it('are not in the report of another customer or another site, and no search finds the record', async () => {
    const gone = await store('cus_apart')
    await reveal(gone)
    await erase(gone)
    expect((await report('cus_apart_not')).report).toMatchObject({ erased: [], disclosures: [] })
    const elsewhere = await vault.staffToken('privacy-officer', { site: 'partner' })
    const other = await reportOn(vault, elsewhere, { customer: 'cus_apart' })
    expect(other.report).toMatchObject({ erased: [], disclosures: [] })
    const found = await vault.call('POST', '/v1/search', {
      token: support,
      body: { by: 'customer', value: 'cus_apart' },
    })
    expect(found.body.results).toEqual([])
    expect(await vault.count('search_terms')).toBe(
      await vault.count('search_terms WHERE token <> ALL (SELECT token FROM erasures)'),
    )
  })
})

describe('what an erasure keeps of the customer', () => {
  it('is a keyed hash that is no search term, and nothing for a record without a customer', async () => {
    const gone = await store('cus_hashed')
    await erase(gone)
    const { customer } = await rowOf(gone)
    expect(customer).toHaveLength(16)
    const terms = await vault.database.sql('SELECT term FROM search_terms WHERE term = $1', [customer])
    expect(terms).toEqual([])
    const nobodys = await store(undefined)
    await erase(nobodys)
    expect(await rowOf(nobodys)).toEqual({ customer: Buffer.alloc(0), customer_mac: null })
    expect((await report('cus_hashed')).report.erased_unknown_until).toBeNull()
  })

  it('counts only as the vault wrote it: moved to another record it shows nothing', async () => {
    const [mine, other] = [await store('cus_mine'), await store('cus_other')]
    for (const token of [mine, other]) await reveal(token)
    for (const token of [mine, other]) await erase(token)
    await vault.database.sql(
      `UPDATE erasures e SET customer = f.customer, customer_mac = f.customer_mac FROM erasures f
       WHERE e.token = id_uuid($1) AND f.token = id_uuid($2)`,
      [other, mine],
    )
    const { report: made } = await report('cus_mine')
    expect(made.erased.map(({ token }) => token)).toEqual([mine])
    expect(JSON.stringify(made)).not.toContain(other)
  })

  it('is forgotten by a rotation of the index keys, and the report says until when', async () => {
    const gone = await store('cus_forgotten')
    const event = await reveal(gone)
    await erase(gone)
    const kept = await store('cus_forgotten')
    await vault.rotate('index')
    expect(await rowOf(gone)).toEqual({ customer: null, customer_mac: null })
    const { report: made, html } = await report('cus_forgotten')
    expect(made.records.map(({ token }) => token)).toEqual([kept])
    expect(made.erased).toEqual([])
    expect(JSON.stringify(made)).not.toContain(event)
    const [{ at }] = (await vault.database.sql<{ at: Date }>('SELECT max(done_at) AS at FROM erasures')) as [
      { at: Date },
    ]
    expect(made.erased_unknown_until).toBe(at.toISOString())
    expect(html).toContain('may be missing')
    // What is erased from then on is known again.
    await erase(kept)
    expect((await report('cus_forgotten')).report.erased.map(({ token }) => token)).toEqual([kept])
  })

  it('is made under the key of its time: what a hold has postponed outlives a rotation', async () => {
    const held = await store('cus_held')
    const event = await reveal(held)
    const reviewAt = new Date(Date.now() + 24 * 60 * 60 * 1000)
    await vault.commands.addHold(OPERATOR, { token: held, purpose: undefined, reason: 'Case 7', reviewAt })
    expect((await vault.call('DELETE', `/v1/tokens/${held}`, { token: officer })).status).toBe(409)
    expect((await report('cus_held')).report).toMatchObject({ records: [{ token: held }], erased: [] })
    await vault.rotate('index')
    await vault.commands.releaseHold(OPERATOR, held)
    const { report: made } = await report('cus_held')
    expect(made).toMatchObject({ records: [], erased: [{ token: held }] })
    expect(made.disclosures.map((one) => one.event)).toContain(event)
  })

  it('comes from every way to be erased: such as a consent to keep a card that is withdrawn', async () => {
    const kept = await vault.tokenize({ card, customer: 'cus_withdrawn', consents: ['store-card'] })
    const withdrawn = { customer: 'cus_withdrawn', withdraw: ['store-card'] }
    await vault.call('POST', '/v1/customers/consents', { token: officer, body: withdrawn })
    expect((await report('cus_withdrawn')).report.erased).toMatchObject([{ token: kept.card!.token, kind: 'card' }])
  })

  it('is not needed to erase: a record that does not open goes, and the report says so', async () => {
    const gone = await store('cus_damaged')
    await vault.database.sql(
      'UPDATE records SET display_sealed = set_byte(display_sealed, 20, get_byte(display_sealed, 20) # 1) WHERE token = id_uuid($1)',
      [gone],
    )
    await erase(gone)
    expect(await rowOf(gone)).toEqual({ customer: null, customer_mac: null })
    const { report: made } = await report('cus_damaged')
    expect(made.erased).toEqual([])
    expect(Date.now() - Date.parse(made.erased_unknown_until!)).toBeLessThan(60_000)
  })
})
