import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { parseDestinationsFile } from '../../src/destinations/destination-file.ts'
import type { Notice } from '../../src/privacy/notices/notice.ts'
import { answers, answerWith, Processor, type ReceivedRequest, redirectTo } from '../support/processor.ts'
import { contact, corrected, shippingAddress } from '../support/samples.ts'
import { isSignedBy } from '../support/signed-notice.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

let vault: TestVault
let receiver: Processor
let carrier: string
let mailer: string
let quiet: string
let officer: string
const callers: Record<string, string> = {}

beforeAll(async () => {
  receiver = await Processor.start({ names: ['localhost', 'carrier.example'] })
  vault = await TestVault.start({ overrides: { lookUpName: async () => ['127.0.0.1'] } })
  // It sends every ten seconds, also between a correction and what a test says of its notice.
  await vault.background.tasks.get('send-notices')!.stop()
  carrier = await add('Carrier', 'MY', ['address.line1', 'address.name'], 'address:reveal')
  mailer = await add('Mailer', 'DE', ['contact.phone'], 'contact:reveal')
  quiet = await add('Quiet', 'FR', ['address.line1'], 'address:reveal')
  await receive(usual())
  officer = await vault.staffToken('privacy-officer')
})
beforeEach(async () => {
  receiver.received.length = 0
  receiver.answer = answers.success
  await vault.database.sql('DELETE FROM notices')
})
afterEach(async () => {
  vault.clockOffsetMs = 0
  await vault.checkInvariants()
})
afterAll(async () => {
  await vault.stop()
  await receiver.stop()
})

/** A partner with a contract for these fields, and a client of it. */
const add = async (name: string, country: string, fields: string[], scope: 'address:reveal' | 'contact:reveal') => {
  const { id } = await vault.commands.addPartner(OPERATOR, {
    ...{ name, country, contact: 'Despatch', purposes: ['provide-goods'], fields },
    ends_at: new Date(Date.now() + 800 * DAY),
  })
  callers[id] = await vault.clientToken([scope], { role: 'fulfilment', partner: id })
  return id
}
const usual = () => ({ [carrier]: 'carrier', [mailer]: 'mailer' })
/** Applies destinations with these receivers. */
const receive = (partners: Record<string, string>, on = vault) => {
  const to = (name: string) => ({ url: `${receiver.origin}/${name}`, ca: receiver.ca, private_addresses: true })
  return apply({ partners: Object.fromEntries(Object.entries(partners).map(([id, name]) => [id, to(name)])) }, on)
}
const apply = (receivers: object, on = vault) =>
  on.commands.applyDestinations(OPERATOR, parseDestinationsFile({ format: 1, destinations: {}, receivers }))
const store = async () => {
  const stored = await vault.tokenize({ contact, shipping_address: shippingAddress })
  return { contact: stored.contact!.token!, address: stored.shipping_address!.token! }
}
const give = async (partner: string, token: string, fields?: string[]) => {
  const body = { purpose: 'provide-goods', fields }
  const answer = await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: callers[partner]!, body })
  expect(answer.status, answer.text).toBe(200)
}
const correct = async (token: string, body: object = { line1: corrected.line1 }) =>
  (await vault.call('PATCH', `/v1/tokens/${token}`, { token: officer, body })).body
const send = () => vault.commands.sendNotices()
const waiting = () => vault.commands.listNotices(true)
const isSigned = (got: ReceivedRequest) => isSignedBy(vault, receiver.origin, got)
const noticeIn = ({ body }: ReceivedRequest) => JSON.parse(body) as Notice

describe('a correction', () => {
  it('lists the partners that were given the old value, and queues a notice to each', async () => {
    const { address } = await store()
    await give(carrier, address)
    await give(quiet, address)
    const answer = await correct(address)
    expect(answer.disclosed_to).toEqual([
      { partner: carrier, name: 'Carrier', country: 'MY' },
      { partner: quiet, name: 'Quiet', country: 'FR' },
    ])
    const events = await vault.events({ type: 'notice.queue', token: address })
    expect(events.map(({ partner, fields, record_version }) => ({ partner, fields, record_version }))).toEqual(
      [carrier, quiet].map((partner) => ({ partner, fields: ['line1'], record_version: 2 })),
    )
    expect(await waiting()).toHaveLength(2)
  })

  it('tells no partner that was given another field or another record, or more than a year ago', async () => {
    const { address, contact: person } = await store()
    await give(carrier, address, ['name'])
    await give(mailer, person)
    expect(await correct(address)).not.toHaveProperty('disclosed_to')
    expect(await correct(person, { email: corrected.email })).not.toHaveProperty('disclosed_to')
    expect(await waiting()).toEqual([])
    // Its phone has.
    expect((await correct(person, { phone: corrected.phone })).disclosed_to).toMatchObject([{ partner: mailer }])

    const old = await store()
    await give(carrier, old.address)
    vault.clockOffsetMs = 366 * DAY
    officer = await vault.staffToken('privacy-officer')
    expect(await correct(old.address)).not.toHaveProperty('disclosed_to')
    vault.clockOffsetMs = 0
    officer = await vault.staffToken('privacy-officer')
  })

  it('that is refused queues nothing', async () => {
    const { address } = await store()
    await give(carrier, address)
    await vault.call('PATCH', `/v1/tokens/${address}`, { token: officer, body: { country: 'nowhere' } })
    expect(await waiting()).toEqual([])
  })
})

describe('a notice', () => {
  it('names the record and the fields, holds no value, and is signed by the key in the directory', async () => {
    const { address } = await store()
    await give(carrier, address)
    await correct(address)
    await send()
    expect(receiver.received).toHaveLength(1)
    const [got] = receiver.received
    expect(noticeIn(got!)).toEqual({
      format: 1,
      id: expect.stringMatching(/^notice_/),
      type: 'record.corrected',
      partner: carrier,
      record: address,
      kind: 'address',
      fields: ['line1'],
      version: 2,
      at: expect.stringMatching(/Z$/),
    })
    expect(await isSigned(got!)).toBe(true)
    expect(await isSigned({ ...got!, body: got!.body.replace('line1', 'line2') })).toBe(false)
    expect(await isSigned({ ...got!, url: '/mailer' })).toBe(false)
    const [event] = await vault.events({ type: 'notice.deliver', token: address })
    expect(event).toMatchObject({ outcome: 'success', partner: carrier, subject: noticeIn(got!).id })
    expect(await waiting()).toEqual([])
    await send()
    expect(receiver.received).toHaveLength(1)
  })

  it.each([
    ['answers 500', answerWith({}, 500), /answered 500/],
    ['redirects', redirectTo('https://elsewhere.example/'), /answered 302/],
    ['resets the connection', answers.reset, /./],
  ] as const)('is tried again with growing pauses and the same id when the receiver %s', async (_, answer, fault) => {
    const { address } = await store()
    await give(carrier, address)
    await correct(address)
    receiver.answer = answer
    const pauses: number[] = []
    for (let attempt = 1; attempt <= 4; attempt++) {
      await send()
      const [one] = await waiting()
      expect(one).toMatchObject({ attempts: attempt, fault: expect.stringMatching(fault) })
      const before = vault.clockOffsetMs
      // Not before it is due.
      await send()
      expect((await waiting())[0]!.attempts).toBe(attempt)
      vault.clockOffsetMs = one!.nextAt.getTime() - Date.now() + 1_000
      pauses.push(vault.clockOffsetMs - before)
    }
    for (const [at, pause] of pauses.slice(1).entries()) expect(pause).toBeGreaterThan(1.5 * pauses[at]!)
    receiver.answer = answers.success
    await send()
    expect(await waiting()).toEqual([])
    const ids = receiver.received.map((got) => noticeIn(got).id)
    expect(ids.length).toBeGreaterThanOrEqual(1)
    expect(new Set(ids).size).toBe(1)
  })

  it('that is not delivered is in the metrics, with the reason in the list; other partners get theirs', async () => {
    const { address } = await store()
    await give(quiet, address)
    await give(carrier, address)
    await correct(address)
    await send()
    expect(receiver.received.map(({ url }) => url)).toEqual(['/carrier'])
    expect(await waiting()).toMatchObject([{ fault: 'no receiver is configured for the partner' }])
    const metrics = (await vault.metrics.text()).body
    expect(metrics).toContain('strongroom_privacy_duties{duty="notices-undelivered"} 1')
  })

  it('is sent by its event: a row that was changed or made outside the vault sends nothing else', async () => {
    const { address } = await store()
    await give(carrier, address)
    await correct(address)
    const [other] = await vault.events({ type: 'record.tokenize' })
    await vault.database.sql('UPDATE notices SET event = $1', [other!.id])
    await vault.database.sql(
      `INSERT INTO notices (created_at, next_at, id, event) VALUES (now(), now() - interval '1 minute', 'notice_forged', $1)`,
      [(await vault.events({ type: 'notice.queue' })).at(-1)!.id],
    )
    await send()
    expect(receiver.received).toEqual([])
    for (const one of await waiting()) expect(one.fault).toBe('the event of the notice is not in the log')
  })

  it('does not go to an address that only the vault can reach, by whatever name', async () => {
    const { address } = await store()
    await give(carrier, address)
    await correct(address)
    const inside = { url: `https://carrier.example:${receiver.port}/`, ca: receiver.ca }
    await apply({ partners: { [carrier]: inside } })
    await send()
    expect(await waiting()).toMatchObject([{ attempts: 1, fault: expect.any(String) }])
    expect(receiver.received).toEqual([])
    // Only on purpose.
    await apply({ partners: { [carrier]: { ...inside, private_addresses: true } } })
    vault.clockOffsetMs = MINUTE
    await send()
    expect(receiver.received).toHaveLength(1)
    await receive(usual())
  })

  it('is sent once by two servers at once', async () => {
    const second = await TestVault.start({ sharedDatabase: vault.database })
    try {
      const { address } = await store()
      await give(carrier, address)
      await correct(address)
      await Promise.all([send(), second.commands.sendNotices(), vault.background.tasks.get('send-notices')!.run()])
      expect(receiver.received).toHaveLength(1)
    } finally {
      await second.stop()
    }
  })
})

describe('the receivers in force', () => {
  it('are those of the set that an operator applied last, on every server from its next use', async () => {
    const second = await TestVault.start({ sharedDatabase: vault.database })
    try {
      const { address } = await store()
      await give(carrier, address)
      await correct(address)
      await receive({ [carrier]: 'moved', [mailer]: 'mailer' }, second)
      await send()
      expect(receiver.received.map(({ url }) => url)).toEqual(['/moved'])
      expect(await isSigned(receiver.received[0]!)).toBe(true)
      await receive({ [mailer]: 'mailer' }, second)
      await correct(address, { line1: 'Elsewhere 2' })
      await send()
      expect(await waiting()).toMatchObject([{ fault: 'no receiver is configured for the partner' }])
      expect(receiver.received).toHaveLength(1)
    } finally {
      await second.stop()
      await receive(usual())
    }
  })

  it('get the notices of a partner whose contract has ended since: it still has the old value', async () => {
    const id = await add('Former', 'SG', ['address.line1'], 'address:reveal')
    await receive({ ...usual(), [id]: 'former' })
    const { address } = await store()
    await give(id, address)
    await vault.commands.endPartner(OPERATOR, id)
    await correct(address)
    await send()
    expect(receiver.received.map(({ url }) => url)).toEqual(['/former'])
    await receive(usual())
  })
})
