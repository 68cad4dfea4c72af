import { generateKeyPairSync } from 'node:crypto'
import { expect, it } from 'vitest'
import type { DestinationSet } from '../../destinations/destination-set.ts'
import { Problem } from '../../values/problem.ts'
import { createAlertSender } from './send-alerts.ts'

const { privateKey } = generateKeyPairSync('ed25519')
const receiver = { url: 'https://alerts.shop.example/strongroom', private_addresses: false }
const withReceiver: DestinationSet = {
  revision: 1,
  destinations: new Map(),
  receivers: { partners: {}, alerts: receiver },
}

/** A sender, what it has sent where, and the set in force, which a test replaces. */
function sending(inForce: () => DestinationSet) {
  const sent: [url: string, alert: string][] = []
  const state = { inForce }
  const sender = createAlertSender({
    now: () => new Date('2026-11-30T12:00:00Z'),
    newId: (prefix) => `${prefix}_1`,
    messageKey: async () => ({ keyid: 'key', key: privateKey }),
    inForce: async () => state.inForce(),
    post: async (_name, { url }, { body }) => void sent.push([url, JSON.parse(body.toString('utf8')).alert]),
  })
  return { sender, sent, state }
}
const unavailable = () => {
  throw new Problem('database-unavailable')
}

it('sends by the set that was verified last while the database cannot be asked', async () => {
  const { sender, sent, state } = sending(() => withReceiver)
  await sender.send()
  state.inForce = unavailable
  sender.add('audit-unsequenced', {})
  await sender.send()
  expect(sent).toEqual([[receiver.url, 'audit-unsequenced']])
})

it('keeps an alert until it is known where it goes', async () => {
  const { sender, sent, state } = sending(unavailable)
  sender.add('audit-unsequenced', {})
  await sender.send()
  state.inForce = () => ({ ...withReceiver, revision: 2, receivers: undefined, distrusted: true })
  await sender.send()
  expect(sent).toEqual([])
  state.inForce = () => withReceiver
  await sender.send()
  expect(sent).toEqual([[receiver.url, 'audit-unsequenced']])
})

it('drops alerts that no receiver is there for', async () => {
  const { sender, sent, state } = sending(() => ({ revision: 1, destinations: new Map() }))
  sender.add('audit-unsequenced', {})
  await sender.send()
  state.inForce = () => withReceiver
  await sender.send()
  expect(sent).toEqual([])
})
