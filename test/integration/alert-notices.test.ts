import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { parseDestinationsFile } from '../../src/destinations/destination-file.ts'
import { answers, answerWith, Processor } from '../support/processor.ts'
import { contact } from '../support/samples.ts'
import { isSignedBy } from '../support/signed-notice.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const MINUTE = 60_000

let vault: TestVault
let receiver: Processor

beforeAll(async () => {
  receiver = await Processor.start()
  vault = await TestVault.start()
  const alerts = { url: `${receiver.origin}/alerts`, ca: receiver.ca, private_addresses: true }
  const file = parseDestinationsFile({ format: 1, destinations: {}, receivers: { alerts } })
  await vault.commands.applyDestinations(OPERATOR, file)
})
afterAll(async () => {
  await vault.stop()
  await receiver.stop()
})

it('an alert goes to its receiver as notices do, signed, again and again until it is taken', async () => {
  const sent = () => vault.background.tasks.get('send-alerts')!.run()
  receiver.answer = answerWith({}, 503)
  const token = (await vault.tokenize({ contact })).contact!.token!
  await vault.database.sql('UPDATE readable.records SET display_sealed = secret_sealed WHERE token = $1', [token])
  await vault.call('GET', `/v1/tokens/${token}`, { token: await vault.staffToken('privacy-officer') })
  await vi.waitFor(async () => {
    await sent()
    expect(receiver.received.length).toBeGreaterThan(0)
  })
  receiver.answer = answers.success
  vault.clockOffsetMs = 2 * MINUTE
  await vi.waitFor(async () => {
    await sent()
    expect(receiver.received.length).toBeGreaterThan(1)
  })
  const [first, second] = receiver.received
  expect(first!.url).toBe('/alerts')
  expect(JSON.parse(first!.body)).toMatchObject({ format: 1, type: 'alert', alert: 'record-integrity' })
  expect(second!.body).toBe(first!.body)
  expect(await isSignedBy(vault, receiver.origin, second!)).toBe(true)
  const count = receiver.received.length
  await sent()
  expect(receiver.received).toHaveLength(count)
})
