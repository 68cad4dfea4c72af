import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseDestinationsFile } from '../../src/destinations/destination-file.ts'
import { reportOn } from '../support/customer-report.ts'
import { answers, Processor } from '../support/processor.ts'
import { corrected, shippingAddress } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY = 24 * 60 * 60 * 1000

let vault: TestVault
let receiver: Processor
let partner: string
let carrier: string
let officer: string

beforeAll(async () => {
  receiver = await Processor.start()
  receiver.answer = answers.success
  vault = await TestVault.start({ overrides: { lookUpName: async () => ['127.0.0.1'] } })
  // A notice that it is sending is not sent by the test, which would not see its event.
  await vault.background.tasks.get('send-notices')!.stop()
  const contract = { name: 'Carrier', country: 'MY', contact: 'Despatch', fields: ['address.line1'] }
  const ends_at = new Date(Date.now() + 800 * DAY)
  partner = (await vault.commands.addPartner(OPERATOR, { ...contract, purposes: ['provide-goods'], ends_at })).id
  carrier = await vault.clientToken(['address:reveal'], { role: 'fulfilment', partner })
  const to = { url: `${receiver.origin}/carrier`, ca: receiver.ca, private_addresses: true }
  const receivers = { partners: { [partner]: to } }
  const file = parseDestinationsFile({ format: 1, destinations: {}, receivers })
  await vault.commands.applyDestinations(OPERATOR, file)
  officer = await vault.staffToken('privacy-officer')
})
afterAll(async () => {
  await vault.stop()
  await receiver.stop()
})

const give = async (token: string, why: object = {}) => {
  const body = { purpose: 'provide-goods', ...why }
  const answer = await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: carrier, body })
  expect(answer.status, answer.text).toBe(200)
}
const correct = async (token: string, line1: string) => {
  await vault.call('PATCH', `/v1/tokens/${token}`, { token: officer, body: { line1 } })
  await vault.commands.sendNotices()
}

it('a notice is withheld from the shopper where the release was, and is not once the partner was given the record otherwise', async () => {
  const customer = 'cus_noticed'
  const stored = await vault.tokenize({ shipping_address: shippingAddress, customer })
  const address = stored.shipping_address!.token!
  const warrant = { ticket: 'WARRANT-7', authority: 'A court' }
  await give(address, warrant)
  await vault.commands.orderWithholding(OPERATOR, warrant, new Date(Date.now() + 30 * DAY))
  await correct(address, corrected.line1)
  const { at } = (await vault.events({ type: 'notice.deliver', token: address }))[0] as unknown as { at: string }
  const notices = async (of: object = {}) => {
    const { disclosures } = (await reportOn(vault, officer, { customer, ...of })).report
    return disclosures.filter(({ what }) => what === 'notice of a correction')
  }
  expect(await notices()).toEqual([])
  // The release is not in this range, and withholds the notice all the same.
  expect(await notices({ from: at })).toEqual([])
  expect(await notices({ copy: 'auditor' })).toMatchObject([{ withheld: true, to: { partner: { id: partner } } }])
  await give(address)
  await correct(address, shippingAddress.line1)
  expect(await notices()).toHaveLength(1)
  await vault.commands.endWithholding(OPERATOR, warrant)
  expect(await notices()).toHaveLength(2)
})
