import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { NewPartner } from '../../src/access/callers/partners.ts'
import { createPartnerKeys, PARTNER_KEYS, type PartnerKeys } from '../support/partner-keys.ts'
import { expectProblem } from '../support/problems.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { cards, checkout, person } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY_MS = 24 * 60 * 60 * 1000
const purpose = 'provide-goods'

let vault: TestVault
let second: TestVault
let parts: Record<string, Record<string, string>>
let keys: PartnerKeys
let partner: string
let packer: string

beforeAll(async () => {
  vault = await TestVault.start()
  second = await TestVault.start({ sharedDatabase: vault.database })
  parts = await vault.tokenize(checkout)
  keys = await createPartnerKeys('carrier-1')
  partner = await add({ keys: keys.set })
  packer = await vault.staffToken('fulfilment')
})
afterEach(async () => {
  await vault.checkInvariants()
  await second.checkInvariants()
})
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const contract = (changes: Partial<NewPartner>): NewPartner => ({
  name: 'Carrier',
  country: 'MY',
  contact: 'despatch@carrier.example',
  purposes: [purpose],
  fields: ['address.name', 'address.line1', 'address.postal_code'],
  ends_at: new Date(Date.now() + 30 * DAY_MS),
  ...changes,
})
const add = async (changes: Partial<NewPartner>) => (await vault.commands.addPartner(OPERATOR, contract(changes))).id
const release = (
  body: object = {},
  {
    as = packer,
    part = 'shipping_address',
    on = vault,
    headers,
  }: { as?: string; part?: string; on?: TestVault; headers?: Record<string, string> } = {},
) =>
  on.call('POST', `/v1/tokens/${parts[part]!.token}/release`, {
    token: as,
    body: { partner, purpose, ...body },
    ...(headers ? { headers } : {}),
  })

describe('what the role grants and the contract names', () => {
  it('leaves to the key of the partner, which alone reads it, with an event that names the partner', async () => {
    const response = await release()
    expect(response.status, response.text).toBe(200)
    const { token } = parts.shipping_address!
    expect(response.body).toEqual({
      token,
      kind: 'address',
      jwe: expect.stringMatching(/^[\w-]+\.[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+$/),
      event: expect.stringMatching(/^evt_/),
    })
    for (const value of [person.name, person.line1, person.postalCode]) expect(response.text).not.toContain(value)
    const { header, content } = await keys.open(response.body.jwe)
    expect(header).toMatchObject({ alg: 'ECDH-ES', enc: 'A256GCM', kid: 'carrier-1', cty: 'json' })
    expect(content).toEqual({
      token,
      kind: 'address',
      data: { name: person.name, line1: person.line1, postal_code: person.postalCode },
      event: response.body.event,
    })
    const events = await vault.events({ request_id: response.headers['request-id'] })
    expect(events).toEqual([
      expect.objectContaining({
        id: response.body.event,
        type: 'record.release',
        outcome: 'success',
        partner,
        purpose,
        fields: ['name', 'line1', 'postal_code'],
        token,
      }),
    ])
  })

  it.each(Object.keys(PARTNER_KEYS) as (keyof typeof PARTNER_KEYS)[])('is encrypted to a key of %s', async (type) => {
    const own = await createPartnerKeys(`key of ${type}`, type)
    const { body } = await release({ partner: await add({ keys: own.set }), fields: ['line1'] })
    const { header, content } = await own.open(body.jwe)
    expect(header).toMatchObject({ alg: PARTNER_KEYS[type][0], enc: 'A256GCM', kid: `key of ${type}` })
    expect(content.data).toEqual({ line1: person.line1 })
    await expect(keys.open(body.jwe)).rejects.toThrow()
  })

  it('is no more than both, for every caller', async () => {
    expectProblem(await release({ fields: ['line1', 'phone'] }), 403, 'fields-not-permitted')
    expectProblem(await release({}, { part: 'contact' }), 403, 'purpose-not-permitted')
    expectProblem(await release({ purpose: 'process-payment' }), 403, 'purpose-not-permitted')
    const broad = await add({ keys: keys.set, fields: ['address.phone', 'card.number'] })
    const marketing = await vault.staffToken('marketing')
    expectProblem(await release({ partner: broad }, { as: marketing }), 403, 'scope-missing')
    expectProblem(await release({ partner: broad }, { part: 'card' }), 403, 'scope-missing')
    const { body } = await release({ partner: broad })
    expect((await keys.open(body.jwe)).content.data).toEqual({ phone: person.phone })
  })

  it('needs a bound token for a card number', async () => {
    const processor = await add({ keys: keys.set, purposes: ['process-payment'], fields: ['card.number'] })
    const body = { partner: processor, purpose: 'process-payment' }
    const bearer = await vault.clientToken(['card:reveal'], { role: 'billing' })
    expectProblem(await release(body, { as: bearer, part: 'card' }), 401, 'unauthenticated')
    const billing = await vault.staffToken('billing')
    const response = await release(body, { as: billing, part: 'card' })
    expect(response.text).not.toContain(cards.visa)
    expect((await keys.open(response.body.jwe)).content.data).toEqual({ number: cards.visa })
  })
})

describe('the partner', () => {
  it('must have a contract that is in force, and a key', async () => {
    const unknown = `partner_${'0'.repeat(26)}`
    expectProblem(await release({ partner: unknown }), 403, 'contract-ended')
    const over = await add({ keys: keys.set, ends_at: new Date(Date.now() + 60_000) })
    for (const server of [vault, second]) server.clockOffsetMs = 61_000
    expectProblem(await release({ partner: over }), 403, 'contract-ended')
    for (const server of [vault, second]) server.clockOffsetMs = 0
    const ended = await add({ keys: keys.set })
    expect((await release({ partner: ended })).status).toBe(200)
    await vault.commands.endPartner(OPERATOR, ended)
    for (const on of [vault, second]) expectProblem(await release({ partner: ended }, { on }), 403, 'contract-ended')
    const keyless = await release({ partner: await add({}) })
    expectProblem(keyless, 422, 'invalid-input')
    expect(keyless.body.errors).toEqual([{ pointer: '#/partner', detail: 'the partner has given no key' }])
    const events = await vault.events({ request_id: keyless.headers['request-id'] })
    expect(events).toEqual([expect.objectContaining({ type: 'request.refuse', code: 'invalid-input' })])
  })

  it('gets what is released from then on under its new key, on every server', async () => {
    const [before, after] = await Promise.all([createPartnerKeys('old'), createPartnerKeys('new')])
    const changing = await add({ keys: before.set })
    expect((await before.open((await release({ partner: changing })).body.jwe)).header.kid).toBe('old')
    await second.commands.replacePartnerKeys(OPERATOR, changing, after.set)
    for (const on of [vault, second]) {
      const { body } = await release({ partner: changing }, { on })
      expect((await after.open(body.jwe)).header.kid).toBe('new')
      await expect(before.open(body.jwe)).rejects.toThrow()
    }
    await vault.commands.replacePartnerKeys(OPERATOR, changing, null)
    expectProblem(await release({ partner: changing }), 422, 'invalid-input')
    const events = await vault.events({ subject: changing })
    expect(events.map(({ type }) => type)).toEqual(['partner.add', 'partner.replace-keys', 'partner.replace-keys'])
    await vault.commands.endPartner(OPERATOR, changing)
    await expect(vault.commands.replacePartnerKeys(OPERATOR, changing, after.set)).rejects.toThrow(/was ended/)
    expect(await vault.commands.listPartners()).toContainEqual(expect.objectContaining({ id: changing, keys: null }))
  })

  it('may release to itself with a client of its own, and to no other partner', async () => {
    const own = await vault.clientToken(['address:reveal'], { role: 'fulfilment', partner })
    const response = await release({}, { as: own })
    expect((await keys.open(response.body.jwe)).content.data).toHaveProperty('line1')
    const other = await add({ keys: keys.set })
    expectProblem(await release({ partner: other }, { as: own }), 403, 'purpose-not-permitted')
  })
})

describe('the same Idempotency-Key', () => {
  it('looks again, encrypts again, and names the first release', async () => {
    const headers = { 'Idempotency-Key': 'parcel-7' }
    const first = await release({}, { headers })
    const again = await release({}, { headers })
    expect(again.headers['idempotent-replayed']).toBe('true')
    expect(again.body.event).toBe(first.body.event)
    expect(again.body.jwe).not.toBe(first.body.jwe)
    expect((await keys.open(again.body.jwe)).content).toEqual((await keys.open(first.body.jwe)).content)
    const events = await vault.events({ request_id: again.headers['request-id'] })
    expect(events).toEqual([expect.objectContaining({ type: 'record.release', replay_of: first.body.event, partner })])
    expectProblem(await release({ fields: ['line1'] }, { headers }), 422, 'idempotency-key-reused')
  })
})

describe('an approval', () => {
  const fields = ['line1']
  let asker: string
  let approver: string

  beforeAll(async () => {
    const careful = conditionalRole({ approval: true, break_glass: true }, { purposes: [purpose] })
    await vault.commands.applyRoles(OPERATOR, roleFile({ careful }))
    asker = await vault.staffToken('careful', { name: 'Ann' })
    approver = await vault.staffToken('privacy-officer', { name: 'Olga' })
  })

  const ask = async (body: object) => {
    const refused = await release({ fields, ...body }, { as: asker })
    expectProblem(refused, 403, 'approval-required')
    return String(refused.body.approval)
  }

  it('is for this partner alone: not for another one, and not for the caller', async () => {
    const id = await ask({})
    const shown = await vault.call('GET', `/v1/approvals/${id}`, { token: approver })
    expect(shown.body).toMatchObject({ id, partner, fields })
    expect((await vault.call('POST', `/v1/approvals/${id}/approve`, { token: approver })).status).toBe(200)
    const other = await add({ keys: keys.set })
    expect(await ask({ partner: other })).not.toBe(id)
    const path = `/v1/tokens/${parts.shipping_address!.token}/reveal`
    const revealed = await vault.call('POST', path, { token: asker, body: { purpose, fields } })
    expectProblem(revealed, 403, 'approval-required')
    expect(revealed.body.approval).not.toBe(id)

    const released = await release({ fields }, { as: asker })
    expect(released.status, released.text).toBe(200)
    expect((await keys.open(released.body.jwe)).content.data).toEqual({ line1: person.line1 })
    const [event] = await vault.events({ request_id: released.headers['request-id'] })
    expect(event).toMatchObject({ type: 'record.release', approval: id, partner })
    expect(await ask({})).not.toBe(id)
  })

  it('of a reveal releases nothing to a partner', async () => {
    const path = `/v1/tokens/${parts.shipping_address!.token}/reveal`
    const reveal = () => vault.call('POST', path, { token: asker, body: { purpose, fields: ['postal_code'] } })
    const id = (await reveal()).body.approval
    await vault.call('POST', `/v1/approvals/${id}/approve`, { token: approver })
    expect(await ask({ fields: ['postal_code'] })).not.toBe(id)
    expect((await reveal()).body.data).toEqual({ postal_code: person.postalCode })
  })

  it('need not be waited for with break-glass, which is reviewed with its partner', async () => {
    const body = { fields: ['name'], break_glass: true, reason: 'The parcel is at the wrong door' }
    const released = await release(body, { as: asker })
    expect((await keys.open(released.body.jwe)).content.data).toEqual({ name: person.name })
    const { body: list } = await vault.call('GET', '/v1/approvals?state=unreviewed', { token: approver })
    expect(list.approvals).toEqual([expect.objectContaining({ partner, fields: ['name'] })])
  })
})
