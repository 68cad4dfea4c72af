import { unzipSync } from 'fflate'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { HeldRecord } from '../../src/privacy/report/held-records.ts'
import { askForReport, reportOn } from '../support/customer-report.ts'
import { expectProblem } from '../support/problems.ts'
import { billingAddress, contact, person } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const HOUR = 60 * 60 * 1000
const DAY = 24 * HOUR
const identity = { method: 'signed-in', at: '2026-11-24T10:00:00Z', by: 'account page' }

let vault: TestVault
let officer: string

beforeAll(async () => {
  vault = await TestVault.start()
  officer = await vault.staffToken('privacy-officer')
})
afterEach(async () => {
  vault.clockOffsetMs = 0
  await vault.checkInvariants()
})
afterAll(() => vault.stop())

const report = (body: object) => reportOn(vault, officer, body)
const ask = (body: object) => askForReport(vault, officer, body)
const requestOf = async (customer: string) => {
  const body = { kind: 'access', customer, identity }
  return (await vault.call('POST', '/v1/requests', { token: officer, body })).body.id as string
}
const iso = (ms: number) => new Date(ms).toISOString()

describe('the range of dates', () => {
  let at: number
  let event: string
  const eventsOf = async (range: object) =>
    (await report({ customer: 'cus_range', ...range })).report.disclosures
      .map((one) => one.event)
      .filter((one) => one === event)

  beforeAll(async () => {
    const token = (await vault.tokenize({ contact, customer: 'cus_range' })).contact!.token!
    const body = { purpose: 'respond-to-query' }
    event = (await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: officer, body })).body.event
    at = Date.parse((await vault.events({ id: event }))[0]!.at as string)
  })

  it('begins with its first millisecond, and ends before its last', async () => {
    expect(await eventsOf({ from: iso(at), to: iso(at + 1) })).toEqual([event])
    expect(await eventsOf({ from: iso(at + 1) })).toEqual([])
    expect(await eventsOf({ to: iso(at) })).toEqual([])
  })

  it('of a date is the whole day, in UTC, at both ends', async () => {
    const day = (ms: number) => iso(ms).slice(0, 10)
    expect(await eventsOf({ from: day(at), to: day(at) })).toEqual([event])
    expect(await eventsOf({ from: day(at + DAY) })).toEqual([])
    expect(await eventsOf({ to: day(at - DAY) })).toEqual([])
    const { report: made } = await report({ customer: 'cus_range', to: '2026-01-31' })
    expect(made.to).toBe('2026-02-01T00:00:00.000Z')
  })

  it('takes times of any zone', async () => {
    const inSingapore = (ms: number) => iso(ms + 8 * HOUR).replace('Z', '+08:00')
    expect(await eventsOf({ from: inSingapore(at), to: inSingapore(at + 1) })).toEqual([event])
    expect(await eventsOf({ from: inSingapore(at + 1) })).toEqual([])
  })

  it('may begin before any log and end after now, and the report says until when it is', async () => {
    const { report: made } = await report({ customer: 'cus_range', from: '0001-01-01', to: '9999-12-31' })
    expect(made.disclosures.map((one) => one.event)).toContain(event)
    expect(made.from).toBe('0001-01-01T00:00:00.000Z')
    expect(made.to).toBe(made.made_at)
  })

  it('without an end has what a server has written whose clock is ahead', async () => {
    const token = (await vault.tokenize({ contact, customer: 'cus_ahead' })).contact!.token!
    vault.clockOffsetMs = 3_000
    const body = { purpose: 'respond-to-query' }
    const revealed = await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: officer, body })
    vault.clockOffsetMs = 0
    const { report: made } = await report({ customer: 'cus_ahead' })
    expect(made.disclosures.map((one) => one.event)).toEqual([revealed.body.event])
  })

  it.each([
    [{ from: '2026-11-02', to: '2026-11-01' }, '#/to'],
    [{ from: '2026-11-01T00:00:00Z', to: '2026-11-01T00:00:00Z' }, '#/to'],
    [{ to: '2026-11-31' }, '#/to'],
    [{ from: '2026-11-01T10:00:00' }, '#/from'],
  ])('that is none is refused: %o', async (range, pointer) => {
    const answer = await ask({ customer: 'cus_range', ...range })
    expectProblem(answer, 422, 'invalid-input')
    expect(answer.body.errors[0].pointer).toBe(pointer)
  })
})

it('a record that was corrected many times has each of its versions, in their order', async () => {
  const token = (await vault.tokenize({ billing_address: billingAddress, customer: 'cus_often' })).billing_address!
    .token!
  const lines = Array.from({ length: 25 }, (_, at) => `${at + 1} Robinson Road`)
  for (const line1 of lines) {
    expect((await vault.call('PATCH', `/v1/tokens/${token}`, { token: officer, body: { line1 } })).status).toBe(200)
  }
  const { report: made, html } = await report({ customer: 'cus_often', request: await requestOf('cus_often') })
  const held = made.records[0] as HeldRecord
  expect(held).toMatchObject({ version: 26, values: { line1: lines.at(-1) } })
  expect(held.earlier_versions.map(({ version }) => version)).toEqual(lines.map((_, at) => at + 1))
  expect(held.earlier_versions.map(({ values }) => values!.line1)).toEqual([person.line1, ...lines.slice(0, -1)])
  for (const line1 of lines) expect(html).toContain(line1)
})

it('many records are all in it, and in its events, a hundred in each', async () => {
  const checkout = await vault.clientToken(['tokenize'])
  const items = Array.from({ length: 115 }, () => ({ customer: 'cus_many', contact, billing_address: billingAddress }))
  const stored = await vault.call('POST', '/v1/tokenize/batch', { token: checkout, body: { items } })
  const tokens = (stored.body.results as Record<string, { token: string }>[]).flatMap((one) => [
    one.contact!.token,
    one.billing_address!.token,
  ])
  const answer = await ask({ customer: 'cus_many' })
  const events = await vault.events({ request_id: answer.headers['request-id'] })
  expect(events.every(({ type }) => type === 'customer.report')).toBe(true)
  expect(events.map(({ count }) => count as number).sort()).toEqual([100, 100, 30])
  expect(events.flatMap((event) => event.tokens as string[]).sort()).toEqual(tokens.toSorted())
  const { report: made, html } = await report({ customer: 'cus_many' })
  expect(made.records.map(({ token }) => token).sort()).toEqual(tokens.toSorted())
  expect(made.disclosures.map((one) => one.event).sort()).toEqual(events.map(({ id }) => id as string).sort())
  for (const token of tokens) expect(html).toContain(token)
})

it('nothing of a shopper, a partner or a caller is markup of the page', async () => {
  const attack = `"><svg/onload=alert(1)>'&amp;</dd>`
  const { id: partner } = await vault.commands.addPartner(OPERATOR, {
    name: `Carrier ${attack}`,
    country: 'MY',
    contact: 'Despatch',
    purposes: ['provide-goods'],
    fields: ['contact.name'],
    ends_at: new Date(Date.now() + DAY),
  })
  const customer = `cus ${attack}`
  const stored = await vault.tokenize({ customer, contact: { ...contact, name: attack } })
  const carrier = await vault.clientToken(['contact:reveal'], { role: 'fulfilment', partner })
  const body = { purpose: 'provide-goods' }
  const given = await vault.call('POST', `/v1/tokens/${stored.contact!.token}/reveal`, { token: carrier, body })
  expect(given.status, given.text).toBe(200)
  const { report: made, html } = await report({ customer, request: await requestOf(customer), copy: 'auditor' })
  expect(made.records).toMatchObject([{ values: { name: attack } }])
  expect(made.disclosures).toMatchObject([{ to: { partner: { name: `Carrier ${attack}` } } }])
  const escaped = '&#34;&#62;&#60;svg/onload=alert(1)&#62;&#39;&#38;amp;&#60;/dd&#62;'
  expect(html.split(escaped).length - 1).toBeGreaterThanOrEqual(4)
  expect(html).not.toContain('<svg')
  const names = [...html.matchAll(/<\/?([^\s>]+)/g)].map(([, name]) => name!)
  expect([...new Set(names)].sort()).toEqual(
    [
      '!doctype',
      'body',
      'code',
      'dd',
      'dl',
      'dt',
      'h1',
      'h2',
      'h3',
      'head',
      'html',
      'meta',
      'p',
      'section',
      'style',
      'table',
      'tbody',
      'td',
      'th',
      'thead',
      'title',
      'tr',
    ].sort(),
  )
  expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`)
})

it('the answer is a file to save, which no cache keeps', async () => {
  await vault.tokenize({ contact, customer: '../../cus" x: y' })
  const answer = await ask({ customer: '../../cus" x: y' })
  expect(answer.headers).toMatchObject({
    'content-type': 'application/zip',
    'content-disposition': 'attachment; filename="customer-report.zip"',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  expect(Object.keys(unzipSync(answer.body as Buffer))).toEqual(['report.json', 'report.html'])
})
