import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectProblem } from '../support/problems.ts'
import { checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY = 24 * 60 * 60 * 1000

let vault: TestVault
let carrier: string
let printer: string
let parts: Record<string, Record<string, string>>

const add = (name: string, country: string, fields: string[]) =>
  vault.commands.addPartner(OPERATOR, {
    ...{ name, country, contact: 'Despatch', purposes: ['provide-goods'], fields },
    ends_at: new Date(Date.now() + 30 * DAY),
  })
const bearerOf = (partner: string) => vault.clientToken(['address:reveal'], { role: 'fulfilment', partner })
const reveal = (bearer: string, body: object = {}) =>
  vault.call('POST', `/v1/tokens/${parts.shipping_address!.token}/reveal`, {
    token: bearer,
    body: { purpose: 'provide-goods', ...body },
  })

beforeAll(async () => {
  vault = await TestVault.start()
  parts = await vault.tokenize(checkout)
  carrier = (await add('Carrier', 'MY', ['address.line1', 'address.postal_code'])).id
  printer = (await add('Printer', 'DE', ['address.name'])).id
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

describe('partners report', () => {
  it('says what each was given, for what, how often and in which country', async () => {
    const bearer = await bearerOf(carrier)
    for (const fields of [['line1'], ['postal_code', 'line1']])
      expect((await reveal(bearer, { fields })).status).toBe(200)
    // A release to the shop's own staff is not a disclosure, and a refusal gives nothing.
    await reveal(await vault.clientToken(['address:reveal'], { role: 'fulfilment' }))
    expectProblem(await reveal(bearer, { fields: ['phone'] }), 403, 'fields-not-permitted')
    const reports = await vault.commands.reportPartners(OPERATOR, {})
    expect(reports.map(({ name, country, releases }) => ({ name, country, releases }))).toMatchObject([
      {
        name: 'Carrier',
        country: 'MY',
        releases: [
          { purpose: 'provide-goods', kind: 'address', fields: ['line1', 'postal_code'], times: 2, records: 1 },
        ],
      },
      { name: 'Printer', country: 'DE', releases: [] },
    ])
    const [event] = (await vault.events({ type: 'audit.read' })).slice(-1)
    expect(event).toMatchObject({ subject: 'partners', count: 2 })
  })

  it('of one partner, or of some time, has no other', async () => {
    const one = await vault.commands.reportPartners(OPERATOR, { partner: carrier })
    expect(one.map(({ id }) => id)).toEqual([carrier])
    const [none] = await vault.commands.reportPartners(OPERATOR, { partner: carrier, until: new Date('2026-01-01') })
    expect(none!.releases).toEqual([])
    await expect(vault.commands.reportPartners(OPERATOR, { partner: 'partner_none' })).rejects.toThrow(
      'no such partner',
    )
  })

  it('counts no row that the vault has not written', async () => {
    const [real] = await vault.events({ type: 'record.reveal', partner: carrier })
    const id = `evt_${'0'.repeat(25)}1`
    await vault.database.sql(
      `INSERT INTO readable.audit_events (id, type, caller, token, site, body, purpose)
       SELECT $1, type, caller, token, site, $2, purpose FROM readable.audit_events WHERE id = $3`,
      [id, JSON.stringify({ ...real, id, partner: printer }), real!.id],
    )
    expect((await vault.commands.reportPartners(OPERATOR, { partner: printer }))[0]!.releases).toEqual([])
    await vault.database.sql('DELETE FROM readable.audit_events WHERE id = $1', [id])
  })

  it('still has what a partner was given whose contract has ended; nothing more is released to it from the next request on', async () => {
    const bearer = await bearerOf(carrier)
    expect((await reveal(bearer)).status).toBe(200)
    const before = (await vault.commands.reportPartners(OPERATOR, { partner: carrier }))[0]!
    await vault.commands.endPartner(OPERATOR, carrier)
    const refused = await Promise.all(Array.from({ length: 10 }, () => reveal(bearer)))
    for (const answer of refused) expect(answer.status).toBeGreaterThanOrEqual(401)
    const after = (await vault.commands.reportPartners(OPERATOR, { partner: carrier }))[0]!
    expect(after.releases).toEqual(before.releases)
    expect(after.ended_at).not.toBeNull()
  })
})

describe('what people have not done in time', () => {
  it('is in the review of the log and in the metrics', async () => {
    const officer = await vault.staffToken('privacy-officer')
    const body = { kind: 'access', customer: 'cus_1042', jurisdiction: 'pdpa' }
    const { id } = (await vault.call('POST', '/v1/requests', { token: officer, body })).body
    const review = { since: new Date(0), timeZone: 'UTC' }
    const overdue = async () =>
      (await vault.commands.reviewLog(OPERATOR, review))
        .filter(({ rule }) => rule === 'overdue')
        .map(({ detail }) => detail)
    expect(await overdue()).toEqual([])
    await vault.commands.orderWithholding(
      OPERATOR,
      { authority: 'State Courts of Singapore', ticket: 'WARRANT-9' },
      new Date(Date.now() + DAY),
    )
    vault.clockOffsetMs = 31 * DAY
    const both = [expect.stringContaining(id), expect.stringContaining('WARRANT-9')]
    expect(await overdue()).toEqual(both)
    // Who writes to the database cannot hide it.
    await vault.database.sql('UPDATE privacy_requests SET closed_at = now()')
    expect(await overdue()).toEqual(both)
    await vault.database.sql('UPDATE privacy_requests SET closed_at = NULL')
    const metrics = (await vault.metrics.text()).body
    expect(metrics).toContain('strongroom_privacy_duties{duty="requests-overdue"} 1')
    vault.clockOffsetMs = 0
  })
})
