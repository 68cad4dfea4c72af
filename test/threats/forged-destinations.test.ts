import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseDestinationsFile } from '../../src/destinations/destination-file.ts'
import { encodeDestinationsFile } from '../../src/destinations/destination-set.ts'
import { addProcessor, authorizationOf, destinationsFile, setSecret } from '../support/destinations.ts'
import { Processor } from '../support/processor.ts'
import { runTask } from '../support/run-task.ts'
import { shippingAddress } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attack 53: an attacker who can write to the database has cards forwarded to a server of theirs, or puts a secret back. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const YEAR_MS = 365 * 24 * 60 * 60 * 1000

let vault: TestVault
let evil: string

beforeEach(async () => {
  vault = await TestVault.start()
  const partner = await addProcessor(vault)
  await setSecret(vault, 'processor-key', 'former')
  await setSecret(vault, 'other-key', 'other')
  const former = destinationsFile(partner, { origin: 'https://former.processor.example' })
  await vault.commands.applyDestinations(OPERATOR, former)
  await vault.commands.applyDestinations(OPERATOR, destinationsFile(partner))
  evil = encodeDestinationsFile(destinationsFile(partner, { origin: 'https://evil.example' }))
})
afterEach(async () => {
  await vault.checkInvariants()
  await vault.stop()
})

const sql = (text: string, values: unknown[] = []) => vault.database.sql(text, values)
const alerts = (on: TestVault) =>
  on.logLines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ alert }) => alert === 'destinations-changed')

async function onOneThatStarts(work: (started: TestVault) => Promise<void>): Promise<void> {
  const started = await TestVault.start({ sharedDatabase: vault.database })
  await work(started).finally(() => started.stop())
}

async function expectNoDestination(on: TestVault): Promise<void> {
  expect(await on.destinations.find('processor')).toBeUndefined()
  expect(await on.destinations.find('processor')).toBeUndefined()
  expect(alerts(on)).toHaveLength(1)
}

describe.each<[string, string]>([
  ['was edited', 'UPDATE destination_sets SET destinations = $1 WHERE revision = 2'],
  ['was added', "INSERT INTO destination_sets VALUES (3, $1, decode(repeat('00', 48), 'hex'), now())"],
  [
    'was added with a MAC of the vault',
    'INSERT INTO destination_sets SELECT 3, $1, mac, now() FROM destination_sets WHERE revision = 2',
  ],
  [
    'was copied to another number',
    "INSERT INTO destination_sets SELECT 3, destinations, mac, now() FROM destination_sets WHERE revision = 1 AND $1 <> ''",
  ],
  ['hid a former one and is gone', "DELETE FROM destination_sets WHERE revision = 2 AND $1 <> ''"],
  ['is gone with all others', "DELETE FROM destination_sets WHERE $1 <> ''"],
])('a set that %s', (_what, change) => {
  it('has no destination on a server that starts, and is one alert', async () => {
    await sql(change, [evil])
    await onOneThatStarts(expectNoDestination)
  })

  it('is never used by a running server', async () => {
    expect(await vault.destinations.find('processor')).toMatchObject({ origin: 'https://api.processor.example' })
    await sql(change, [evil])
    const found = await vault.destinations.find('processor')
    expect([undefined, 'https://api.processor.example']).toContain(found?.origin)
  })
})

it('ends when an operator applies a set; export does not show the forged one', async () => {
  await sql('UPDATE destination_sets SET destinations = $1 WHERE revision = 2', [evil])
  await onOneThatStarts(async (started) => {
    expect(await started.commands.readDestinations()).toMatchObject({ distrusted: true })
    const partner = await addProcessor(started)
    await started.commands.applyDestinations(OPERATOR, destinationsFile(partner))
    expect(await authorizationOf(started)).toBe('Bearer former')
  })
})

describe('receivers that were changed', () => {
  let receiver: Processor
  let carrier: string
  let officer: string
  beforeEach(async () => {
    receiver = await Processor.start()
    const { id } = await vault.commands.addPartner(OPERATOR, {
      ...{ name: 'Carrier', country: 'SG', contact: 'Desk', purposes: ['provide-goods'], fields: ['address.line1'] },
      ends_at: new Date(Date.now() + YEAR_MS),
    })
    carrier = id
    officer = await vault.staffToken('privacy-officer')
  })
  afterEach(() => receiver.stop())

  const withReceivers = (path: string) => {
    const to = { url: `${receiver.origin}${path}`, ca: receiver.ca, private_addresses: true }
    return parseDestinationsFile({
      ...{ format: 1, destinations: {} },
      receivers: { partners: { [carrier]: to }, alerts: to },
    })
  }
  const write = (path: string, revision: number) =>
    sql(`INSERT INTO destination_sets SELECT $2, $1, mac, now() FROM destination_sets WHERE revision = 3`, [
      encodeDestinationsFile(withReceivers(path)),
      revision,
    ])
  /** A correction of what the carrier was given. */
  async function queueNotice(): Promise<void> {
    const { token } = (await vault.tokenize({ shipping_address: shippingAddress })).shipping_address!
    const caller = await vault.clientToken(['address:reveal'], { role: 'fulfilment', partner: carrier })
    await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: caller, body: { purpose: 'provide-goods' } })
    await vault.call('PATCH', `/v1/tokens/${token}`, { token: officer, body: { line1: 'Elsewhere 1' } })
  }
  const waiting = () => vault.commands.listNotices(true)

  it('get no notice and no alert, on a running server and on one that starts, and that is an alert', async () => {
    await queueNotice()
    await vault.commands.applyDestinations(OPERATOR, withReceivers('/carrier'))
    await write('/evil', 4)
    const makeDue = () => sql("UPDATE notices SET next_at = now() - interval '1 minute'")
    const send = async (on: TestVault) => {
      await makeDue()
      await on.commands.sendNotices()
      await runTask(on, 'send-alerts')
    }
    await send(vault)
    await onOneThatStarts(send)
    expect(receiver.received).toEqual([])
    expect(alerts(vault)).toHaveLength(1)
    expect(await waiting()).toMatchObject([{ fault: 'the receivers were changed outside the vault' }])

    // The operator's own set gets both, also the alert that waited.
    await vault.commands.applyDestinations(OPERATOR, withReceivers('/mended'))
    await makeDue()
    await vault.commands.sendNotices()
    await runTask(vault, 'send-alerts')
    expect(new Set(receiver.received.map(({ url }) => url))).toEqual(new Set(['/mended']))
    const bodies = receiver.received.map(({ body }) => JSON.parse(body) as { type: string; alert?: string })
    expect(bodies).toContainEqual(expect.objectContaining({ type: 'record.corrected', partner: carrier }))
    expect(bodies).toContainEqual(expect.objectContaining({ type: 'alert', alert: 'destinations-changed' }))
    expect(await waiting()).toEqual([])
  })
})

describe('the value of a secret', () => {
  const keep = async () =>
    (await sql('SELECT to_jsonb(s) AS row FROM destination_secrets s WHERE name = $1', ['processor-key']))[0]!.row
  const putBack = (row: unknown) =>
    sql('INSERT INTO destination_secrets SELECT * FROM jsonb_populate_record(NULL::destination_secrets, $1)', [
      JSON.stringify(row),
    ])

  async function expectUnused(code: RegExp): Promise<void> {
    for (const check of [(work: (on: TestVault) => Promise<void>) => work(vault), onOneThatStarts])
      await check(async (on) => {
        await expect(authorizationOf(on)).rejects.toThrow(code)
      })
  }

  it('that was replaced is not put back', async () => {
    const former = await keep()
    await setSecret(vault, 'processor-key', 'present')
    await sql("DELETE FROM destination_secrets WHERE name = 'processor-key'")
    await putBack(former)
    await expectUnused(/changed outside the vault/)
    expect(alerts(vault)).toHaveLength(1)
    await setSecret(vault, 'processor-key', 'present')
    expect(await authorizationOf(vault)).toBe('Bearer present')
  })

  it('that was removed is not put back', async () => {
    const former = await keep()
    await vault.commands.applyDestinations(OPERATOR, { format: 1, destinations: {} })
    await vault.commands.removeSecret(OPERATOR, 'processor-key')
    await putBack(former)
    const partner = await addProcessor(vault)
    await vault.commands.applyDestinations(OPERATOR, destinationsFile(partner))
    await expectUnused(/changed outside the vault/)
  })

  it('is not used under another name', async () => {
    const [row] = await sql('SELECT value_key, value_sealed FROM destination_secrets WHERE name = $1', ['other-key'])
    await sql("UPDATE destination_secrets SET value_key = $1, value_sealed = $2 WHERE name = 'processor-key'", [
      row!.value_key,
      row!.value_sealed,
    ])
    await expectUnused(/record-integrity/)
  })

  it('is not used under another revision', async () => {
    await sql("UPDATE destination_secrets SET revision = 'rev_1' WHERE name = 'processor-key'")
    await expectUnused(/changed outside the vault/)
  })

  it('that is gone is missing, and no request is built without it', async () => {
    await sql("DELETE FROM destination_secrets WHERE name = 'processor-key'")
    await expectUnused(/the secret processor-key is not there/)
  })
})
