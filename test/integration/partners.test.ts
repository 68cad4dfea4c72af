import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { NewPartner } from '../../src/access/callers/partners.ts'
import { createForge } from '../support/forged-token.ts'
import { expectProblem } from '../support/problems.ts'
import { checkout, person } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY_MS = 24 * 60 * 60 * 1000

let vault: TestVault
let second: TestVault
let parts: Record<string, Record<string, string>>

beforeAll(async () => {
  vault = await TestVault.start()
  second = await TestVault.start({ sharedDatabase: vault.database })
  parts = await vault.tokenize(checkout)
})
afterEach(async () => {
  await vault.checkInvariants()
  await second.checkInvariants()
})
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const contract = (changes: Partial<NewPartner> = {}): NewPartner => ({
  name: 'Carrier',
  country: 'MY',
  contact: 'Despatch, despatch@carrier.example',
  purposes: ['provide-goods'],
  fields: ['address.name', 'address.line1', 'address.postal_code'],
  ends_at: new Date(Date.now() + 30 * DAY_MS),
  ...changes,
})
const add = (changes?: Partial<NewPartner>) => vault.commands.addPartner(OPERATOR, contract(changes))
const bearerOf = (partner: string) =>
  vault.clientToken(['address:reveal', 'contact:reveal'], { role: 'fulfilment', partner })
const reveal = (token: string, body: object, part = 'shipping_address', on = vault) =>
  on.call('POST', `/v1/tokens/${parts[part]!.token}/reveal`, { token, body })
const purpose = 'provide-goods'

describe('a client of a partner', () => {
  it('sees what both its role and the contract let it see, and each release is a disclosure', async () => {
    const { id } = await add()
    const bearer = await bearerOf(id)
    const response = await reveal(bearer, { purpose })
    expect(response.body.data).toEqual({ name: person.name, line1: person.line1, postal_code: person.postalCode })
    const [event, ...others] = await vault.events({ request_id: response.headers['request-id'] })
    expect(others).toEqual([])
    expect(event).toMatchObject({ type: 'record.reveal', partner: id, fields: ['name', 'line1', 'postal_code'] })
    const refused = await reveal(bearer, { purpose, fields: ['line1', 'phone'] })
    expectProblem(refused, 403, 'fields-not-permitted')
    expectProblem(await reveal(bearer, { purpose }, 'contact'), 403, 'purpose-not-permitted')
  })

  it('of the same role without a contract is not a disclosure', async () => {
    const own = await vault.clientToken(['address:reveal'], { role: 'fulfilment' })
    const response = await reveal(own, { purpose })
    expect(Object.keys(response.body.data)).toContain('phone')
    const [event] = await vault.events({ request_id: response.headers['request-id'] })
    expect(event).not.toHaveProperty('partner')
  })

  it('has no purpose that the contract does not name, with any role', async () => {
    const { id } = await add({ purposes: ['marketing'] })
    expectProblem(await reveal(await bearerOf(id), { purpose }), 403, 'purpose-not-permitted')
  })

  it('has no scope but to reveal, even when its token says more', async () => {
    const { id } = await add()
    const client = await vault.client(['address:reveal'], { role: 'fulfilment', partner: id })
    const forge = await createForge(vault)
    const claims = { sub: client.id, client_id: client.id, caller_kind: 'client', role: 'fulfilment', partner: id }
    const scope = 'address:reveal token:read token:search token:match'
    const bearer = forge.sign(forge.header(), forge.claims({ ...claims, scope, purposes: [purpose] }))
    expect((await reveal(bearer, { purpose })).status).toBe(200)
    const { token } = parts.card!
    expectProblem(await vault.call('GET', `/v1/tokens/${token}`, { token: bearer }), 403, 'scope-missing')
    const match = { token: bearer, body: { fields: { last4: '4242' } } }
    expectProblem(await vault.call('POST', `/v1/tokens/${token}/match`, match), 403, 'scope-missing')
    await expect(vault.client(['address:reveal', 'token:read'], { role: 'fulfilment', partner: id })).rejects.toThrow(
      /no other/,
    )
  })

  it('is refused from its next request on, on every server, when the contract is ended', async () => {
    const [ended, other] = [await add(), await add()]
    const [bearer, goesOn] = [await bearerOf(ended.id), await bearerOf(other.id)]
    for (const server of [vault, second])
      expect((await reveal(bearer, { purpose }, undefined, server)).status).toBe(200)
    await vault.commands.endPartner(OPERATOR, ended.id)
    for (const server of [second, vault]) {
      const refused = await reveal(bearer, { purpose }, undefined, server)
      expectProblem(refused, 403, 'contract-ended')
      const named = { kind: 'client', role: 'fulfilment', id: expect.stringMatching(/^client_/) }
      expect(await vault.events({ request_id: refused.body.request_id })).toEqual([
        expect.objectContaining({ type: 'request.refuse', code: 'contract-ended', caller: named, site: 'default' }),
      ])
      expect((await reveal(goesOn, { purpose }, undefined, server)).status).toBe(200)
    }
    await expect(bearerOf(ended.id)).rejects.toThrow(/no such partner/)
    const listed = await vault.commands.listPartners()
    expect(listed.find(({ id }) => id === ended.id)?.ended_at).toBeInstanceOf(Date)
  })

  it('is refused when the last day of the contract is over', async () => {
    const { id } = await add({ ends_at: new Date(Date.now() + 60_000) })
    const bearer = await bearerOf(id)
    expect((await reveal(bearer, { purpose })).status).toBe(200)
    vault.clockOffsetMs = 61_000
    expectProblem(await reveal(bearer, { purpose }), 403, 'contract-ended')
    vault.clockOffsetMs = 0
  })
})

describe('a contract', () => {
  it.each<[string, Partial<NewPartner>, RegExp]>([
    ['over already', { ends_at: new Date(0) }, /ended already/],
    ['of a field that there is not', { fields: ['address.number'] }, /kind\.field/],
    ['of a field without its kind', { fields: ['line1'] }, /kind\.field/],
    ['of nothing', { fields: [] }, /at least one/],
    ['for nothing', { purposes: [] }, /at least one/],
  ])('%s is refused', async (_name, changes, message) => {
    await expect(add(changes)).rejects.toThrow(message)
  })

  it('leaves events of its beginning and its end', async () => {
    const { id } = await add()
    await vault.commands.endPartner(OPERATOR, id)
    const events = await vault.events({ subject: id })
    expect(events.map(({ type }) => type)).toEqual(['partner.add', 'partner.end'])
    await expect(vault.commands.endPartner(OPERATOR, 'partner_0')).rejects.toThrow(/no such partner/)
  })
})
