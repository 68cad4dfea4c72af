import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { corrected, shippingAddress } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY = 24 * 60 * 60 * 1000

let vault: TestVault
let officer: string
let partner: string
let carrier: string

beforeAll(async () => {
  vault = await TestVault.start()
  officer = await vault.staffToken('privacy-officer')
  const { id } = await vault.commands.addPartner(OPERATOR, {
    ...{ name: 'Carrier', country: 'MY', contact: 'Despatch', purposes: ['provide-goods'] },
    fields: ['address.line1', 'address.name'],
    ends_at: new Date(Date.now() + DAY),
  })
  partner = id
  carrier = await vault.clientToken(['address:reveal'], { role: 'fulfilment', partner })
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const store = async () =>
  (await vault.tokenize({ shipping_address: shippingAddress, customer: 'cus_moved' })).shipping_address!.token!
const correct = async (token: string, line1: string) =>
  (await vault.call('PATCH', `/v1/tokens/${token}`, { token: officer, body: { line1 } })).body

it('the partners that were given an old value are in the answer, and in the list of an operator', async () => {
  const [token, other] = [await store(), await store()]
  // In one call with another record, and once for two corrections.
  const body = { purpose: 'provide-goods', items: [{ token: other }, { token, fields: ['line1'] }] }
  expect((await vault.call('POST', '/v1/reveal', { token: carrier, body })).status).toBe(200)
  const given = [{ partner, name: 'Carrier', country: 'MY' }]
  expect((await correct(token, corrected.line1)).disclosed_to).toEqual(given)
  expect((await correct(token, '2 Robinson Road')).disclosed_to).toEqual(given)
  const notice = { partner, record: token, fields: ['line1'], deliveredAt: null }
  expect(await vault.commands.listNotices(true)).toMatchObject([notice, notice])
  // Both old versions are kept, sealed.
  expect(await vault.count(`record_versions WHERE token = id_uuid('${token}')`)).toBe(2)
})
