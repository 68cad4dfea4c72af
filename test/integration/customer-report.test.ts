import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { HeldRecord } from '../../src/privacy/report/held-records.ts'
import { askForReport, reportOn } from '../support/customer-report.ts'
import { expectProblem } from '../support/problems.ts'
import { billingAddress, card, checkout, contact, corrected, person } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY = 24 * 60 * 60 * 1000
const identity = { method: 'signed-in', at: '2026-11-24T10:00:00Z', by: 'account page' }

let vault: TestVault
let officer: string

beforeAll(async () => {
  vault = await TestVault.start()
  officer = await vault.staffToken('privacy-officer')
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const report = (body: object, token = officer) => reportOn(vault, token, body)
const ask = (body: object, token = officer) => askForReport(vault, token, body)
const requestOf = async (customer: string, body: object = {}) =>
  (await vault.call('POST', '/v1/requests', { token: officer, body: { kind: 'access', customer, ...body } })).body
    .id as string
const store = async (customer: string, parts: object = { contact, billing_address: billingAddress }) => {
  const stored = await vault.tokenize({ ...checkout, card: undefined, shipping_address: undefined, ...parts, customer })
  return Object.fromEntries(
    Object.entries(stored).flatMap(([part, one]) => (one.token ? [[part, one.token]] : [])),
  ) as Record<string, string>
}
const reveal = (token: string, bearer: string, purpose: string, body: object = {}) =>
  vault.call('POST', `/v1/tokens/${token}/reveal`, { token: bearer, body: { purpose, ...body } })

describe('a report', () => {
  it('says what is held, why, since when and under which policy, as JSON and as a page', async () => {
    const tokens = await store('cus_reported', { card, contact })
    const { report: made, html, names } = await report({ customer: 'cus_reported' })
    expect(names).toEqual(['report.json', 'report.html'])
    expect(made).toMatchObject({
      format: 1,
      customer: 'cus_reported',
      copy: 'shopper',
      values: 'masked',
      truncated: false,
    })
    expect(made.records.map(({ token }) => token).sort()).toEqual(Object.values(tokens).sort())
    const held = made.records.find(({ kind }) => kind === 'card') as HeldRecord
    expect(held).toMatchObject({
      policy_version: '2026-11-01',
      consents: ['store-card'],
      version: 1,
      masked: { brand: 'visa', last4: '4242' },
      earlier_versions: [],
    })
    expect(Date.parse(held.since)).toBeLessThanOrEqual(Date.now())
    for (const text of ['cus_reported', tokens.card!, '4242', '2026-11-01', 'store-card']) expect(html).toContain(text)
    expect(html).not.toMatch(/<script|<link|<img|src=/i)
  })

  it('is an event that names the records, before it leaves', async () => {
    const tokens = await store('cus_event')
    const answer = await ask({ customer: 'cus_event' })
    const [event, ...others] = await vault.events({ request_id: answer.headers['request-id'] })
    expect(others).toEqual([])
    expect(event).toMatchObject({ type: 'customer.report', outcome: 'success', count: 2 })
    expect((event!.tokens as string[]).sort()).toEqual(Object.values(tokens).sort())
    expect(event).not.toHaveProperty('fields')
    expect(answer.headers).toMatchObject({ 'content-type': 'application/zip', 'cache-control': 'no-store' })
  })

  it('of a customer that has nothing says so, and counts as a look-up that missed', async () => {
    const { report: made, html } = await report({ customer: 'cus_of_nothing' })
    expect(made.records).toEqual([])
    expect(made.disclosures).toEqual([])
    expect(html).toContain('Nothing is held')
  })

  it('shows the records of the site of the caller alone', async () => {
    await store('cus_of_sites')
    const elsewhere = await vault.staffToken('privacy-officer', { site: 'partner' })
    expect((await report({ customer: 'cus_of_sites' }, elsewhere)).report.records).toEqual([])
  })

  it('needs its scope; the copy of an auditor needs the one of the log too', async () => {
    for (const role of ['support', 'auditor', 'legal'] as const) {
      expectProblem(await ask({ customer: 'cus_1' }, await vault.staffToken(role)), 403, 'scope-missing')
    }
    const client = await vault.clientToken(['customer:report'], { role: 'privacy-officer' })
    expect((await ask({ customer: 'cus_1' }, client)).status).toBe(200)
    expectProblem(await ask({ customer: 'cus_1', copy: 'auditor' }, client), 403, 'scope-missing')
  })
})

describe('values in full', () => {
  it('need a request of this shopper, still open, with a proof of identity', async () => {
    await store('cus_full')
    const id = await requestOf('cus_full')
    const masked = await report({ customer: 'cus_full', request: id })
    expect(masked.report.values).toBe('masked')
    expect(JSON.stringify(masked)).not.toContain(person.line1)

    await vault.call('PATCH', `/v1/requests/${id}`, { token: officer, body: { identity } })
    const answer = await report({ customer: 'cus_full', request: id })
    expect(answer.report).toMatchObject({ values: 'full', request: id })
    const address = answer.report.records.find(({ kind }) => kind === 'address') as HeldRecord
    expect(address.values).toMatchObject({ line1: person.line1, postal_code: person.postalCode })
    expect(answer.html).toContain(person.line1)
    const [event] = (await vault.events({ type: 'customer.report', subject: id })).slice(-1)
    expect(event).toMatchObject({ purpose: 'respond-to-query' })
    expect(event!.fields).toEqual(expect.arrayContaining(['address.line1', 'contact.email']))

    expectProblem(await ask({ customer: 'cus_other', request: id }), 422, 'invalid-input')
    await vault.call('PATCH', `/v1/requests/${id}`, { token: officer, body: { state: 'done' } })
    expectProblem(await ask({ customer: 'cus_full', request: id }), 409, 'privacy-request-closed')
  })

  it('are not given for a request of another kind, another site, or none', async () => {
    await store('cus_no_proof')
    const erase = await requestOf('cus_no_proof', { kind: 'erase', identity })
    expectProblem(await ask({ customer: 'cus_no_proof', request: erase }), 422, 'invalid-input')
    const other = await vault.staffToken('privacy-officer', { site: 'partner' })
    const access = await requestOf('cus_no_proof', { identity })
    expectProblem(await ask({ customer: 'cus_no_proof', request: access }, other), 404, 'privacy-request-not-found')
    const unknown = `privacy_${'0'.repeat(26)}`
    expectProblem(await ask({ customer: 'cus_no_proof', request: unknown }), 404, 'privacy-request-not-found')
  })

  it('are those that the role sees to answer a shopper: a card stays masked', async () => {
    await store('cus_with_card', { card, contact })
    const request = await requestOf('cus_with_card', { identity })
    const { report: made, html } = await report({ customer: 'cus_with_card', request })
    const held = made.records.find(({ kind }) => kind === 'card') as HeldRecord
    expect(held).not.toHaveProperty('values')
    expect(html).not.toContain('4242424242424242')
    expect(made.records.find(({ kind }) => kind === 'contact')).toMatchObject({ values: { email: person.email } })
  })

  it('include the versions that corrections replaced', async () => {
    const tokens = await store('cus_corrected')
    await vault.call('PATCH', `/v1/tokens/${tokens.contact}`, { token: officer, body: { email: corrected.email } })
    const request = await requestOf('cus_corrected', { identity })
    const { report: made, html } = await report({ customer: 'cus_corrected', request })
    const held = made.records.find(({ kind }) => kind === 'contact') as HeldRecord
    expect(held).toMatchObject({ version: 2, values: { email: corrected.email } })
    expect(held.earlier_versions).toMatchObject([{ version: 1, values: { email: person.email } }])
    expect(html).toContain(corrected.email)
    const masked = await report({ customer: 'cus_corrected' })
    expect(JSON.stringify(masked)).not.toContain(person.email)
  })
})

describe('the disclosures in a report', () => {
  it('say to which role or partner in which country, for what, which fields, when, and by which event', async () => {
    const tokens = await store('cus_disclosed')
    const { id: partner } = await vault.commands.addPartner(OPERATOR, {
      name: 'Carrier',
      country: 'MY',
      contact: 'Despatch',
      purposes: ['provide-goods'],
      fields: ['address.line1', 'address.postal_code'],
      ends_at: new Date(Date.now() + DAY),
    })
    const carrier = await vault.clientToken(['address:reveal'], { role: 'fulfilment', partner })
    const first = await reveal(tokens.billing_address!, carrier, 'provide-goods')
    const second = await reveal(tokens.contact!, await vault.staffToken('support'), 'communicate', {
      fields: ['email'],
    })
    const { report: made, html } = await report({ customer: 'cus_disclosed' })
    expect(made.disclosures).toMatchObject([
      {
        event: first.body.event,
        records: [tokens.billing_address],
        kinds: ['address'],
        what: 'values',
        purpose: 'provide-goods',
        fields: ['line1', 'postal_code'],
        to: { kind: 'client', role: 'fulfilment', partner: { id: partner, name: 'Carrier', country: 'MY' } },
      },
      { event: second.body.event, purpose: 'communicate', fields: ['email'], to: { kind: 'staff', role: 'support' } },
    ])
    // Which person it was is for the auditor.
    expect(JSON.stringify(made)).not.toContain('test support')
    const auditors = await report({ customer: 'cus_disclosed', copy: 'auditor' })
    expect(auditors.report.disclosures[1]!.caller).toContain('test support')
    for (const text of ['Carrier', 'MY', 'provide-goods', 'line1', first.body.event]) expect(html).toContain(text)
    // The receipt is for those who may read the log, since it names the person.
    const { receipt } = made.disclosures[0]!
    expect(receipt).toMatch(new RegExp(`^https://[^/]+/v1/audit/events/${first.body.event}/receipt$`))
    const auditor = await vault.staffToken('auditor')
    const proof = await vault.call('GET', new URL(receipt).pathname, { token: auditor })
    expect([proof.status, proof.body.code]).toEqual([503, 'log-pending'])
    expect(made.disclosures[1]).toMatchObject({ at: (await vault.events({ id: second.body.event }))[0]!.at })
  })

  it('are those of a range of dates', async () => {
    const tokens = await store('cus_of_range')
    await vault.call('GET', `/v1/tokens/${tokens.contact}`, { token: officer })
    const of = async (range: object) => (await report({ customer: 'cus_of_range', ...range })).report.disclosures.length
    const tomorrow = new Date(Date.now() + DAY).toISOString()
    expect(await of({ from: '2026-01-01', to: tomorrow })).toBeGreaterThan(0)
    expect(await of({ from: tomorrow })).toBe(0)
    expect(await of({ to: '2026-01-01' })).toBe(0)
    expectProblem(await ask({ customer: 'cus_of_range', from: 'yesterday' }), 422, 'invalid-input')
  })

  it('leave out what an authority has ordered to withhold, until the order ends, but in the copy of an auditor', async () => {
    const tokens = await store('cus_withheld')
    const warrant = { ticket: 'WARRANT-31', authority: 'State Courts of Singapore' }
    const legal = await vault.staffToken('legal', { name: 'Lex' })
    const asked = await reveal(tokens.contact!, legal, 'legal-compliance', warrant)
    expectProblem(asked, 403, 'approval-required')
    await vault.call('POST', `/v1/approvals/${asked.body.approval}/approve`, { token: officer })
    const released = await reveal(tokens.contact!, legal, 'legal-compliance', warrant)
    expect(released.status, released.text).toBe(200)
    const eventsIn = async (copy: string) =>
      (await report({ customer: 'cus_withheld', copy })).report.disclosures.filter(({ what }) => what === 'values')
    const { authority } = warrant
    expect(await eventsIn('shopper')).toMatchObject([{ event: released.body.event, authority }])
    expect((await report({ customer: 'cus_withheld' })).html).toContain(`for ${authority}`)
    expect(JSON.stringify(await eventsIn('shopper'))).not.toContain(warrant.ticket)

    await vault.commands.orderWithholding(OPERATOR, warrant, new Date(Date.now() + 30 * DAY))
    const shown = await report({ customer: 'cus_withheld' })
    expect(JSON.stringify(shown)).not.toContain(released.body.event)
    expect(shown.html).not.toContain('legal-compliance')
    expect(JSON.stringify(shown)).not.toContain(authority)
    expect(await eventsIn('auditor')).toMatchObject([{ event: released.body.event, withheld: true, ...warrant }])
    // Another case of that authority, or that case of another authority, is not withheld.
    expect(await vault.commands.listWithholding()).toMatchObject([warrant])
    await vault.commands.endWithholding(OPERATOR, warrant)
    expect((await eventsIn('shopper')).map(({ event }) => event)).toEqual([released.body.event])
    await expect(vault.commands.endWithholding(OPERATOR, warrant)).rejects.toThrow('no such order')
    await expect(vault.commands.orderWithholding(OPERATOR, warrant, new Date(Date.now() + 400 * DAY))).rejects.toThrow(
      'within 365 days',
    )
  })

  it('leave out a row that the vault has not written', async () => {
    const tokens = await store('cus_forged')
    await vault.call('GET', `/v1/tokens/${tokens.contact}`, { token: officer })
    const [real] = await vault.events({ type: 'record.read', token: tokens.contact })
    const forged = { ...real, id: `evt_${'0'.repeat(25)}1`, purpose: 'marketing' }
    await vault.database.sql(
      `INSERT INTO readable.audit_events (id, type, caller, token, site, body, purpose)
       SELECT $1, type, caller, token, site, $2, 'marketing' FROM readable.audit_events WHERE id = $3`,
      [forged.id, JSON.stringify(forged), real!.id],
    )
    const { report: made } = await report({ customer: 'cus_forged' })
    expect(made.disclosures.map(({ event }) => event)).toContain(real!.id)
    expect(made.disclosures.map(({ event }) => event)).not.toContain(forged.id)
    await vault.database.sql('DELETE FROM readable.audit_events WHERE id = $1', [forged.id])
  })
})

it('a page holds no markup of a shopper', async () => {
  await vault.tokenize({
    customer: '<img src=x>',
    contact: { name: '<script>alert(1)</script>', email: 'a@b.example' },
  })
  const request = await requestOf('<img src=x>', { identity })
  const { html } = await report({ customer: '<img src=x>', request })
  expect(html).not.toMatch(/<img|<script/)
  expect(html).toContain('&#60;script&#62;')
})
