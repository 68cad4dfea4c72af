import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { DestinationsFile } from '../../src/destinations/destination-file.ts'
import { encodeDestinationsFile, toDestinationsFile } from '../../src/destinations/destination-set.ts'
import { addProcessor, authorizationOf, destinationsFile, setSecret } from '../support/destinations.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const SECRET = 'sk_live_4eC39HqLyjWDarjtT1zdp7dc'

let vault: TestVault
let second: TestVault
let partner: string

beforeAll(async () => {
  vault = await TestVault.start({ overrides: quickKeys })
  second = await TestVault.start({ sharedDatabase: vault.database, overrides: quickKeys })
  partner = await addProcessor(vault)
  await setSecret(vault, 'processor-key', SECRET)
})
afterEach(async () => {
  await vault.checkInvariants()
  await second.checkInvariants()
})
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const apply = (file: DestinationsFile, on = vault) => on.commands.applyDestinations(OPERATOR, file)
const check = async (file: DestinationsFile) => {
  const { faults, warnings } = await vault.commands.checkDestinations(file)
  const lines = (found: typeof faults) => found.map(({ pointer, detail }) => `${pointer}: ${detail}`)
  return { faults: lines(faults), warnings: lines(warnings) }
}
const NONE = { format: 1, destinations: {} } satisfies DestinationsFile

describe('a set that is applied', () => {
  it('is in force on every server at once, and is an event; what is in force is not written again', async () => {
    expect(await vault.destinations.find('processor')).toBeUndefined()
    const file = destinationsFile(partner)
    const { revision } = await apply(file)
    for (const server of [second, vault]) {
      expect(await server.destinations.find('processor')).toEqual({ name: 'processor', ...file.destinations.processor })
      expect(await server.destinations.find('another')).toBeUndefined()
      expect(await authorizationOf(server)).toBe(`Bearer ${SECRET}`)
    }
    expect(await apply(file)).toEqual({ revision, changed: false })
    expect(await apply(destinationsFile(partner, { in_flight: 7 }))).toEqual({ revision: revision + 1, changed: true })
    expect(await second.destinations.find('processor')).toMatchObject({ in_flight: 7 })
    const events = await vault.events({ type: 'destinations.apply' })
    expect(events).toHaveLength(2)
    expect(events.at(-1)).toMatchObject({ subject: `destinations:${revision + 1}`, count: 1, caller: OPERATOR })
    const exported = toDestinationsFile(await vault.commands.readDestinations())
    expect(encodeDestinationsFile(exported)).toBe(encodeDestinationsFile(destinationsFile(partner, { in_flight: 7 })))
  })

  it('without a destination forwards there no more', async () => {
    await apply(destinationsFile(partner))
    await apply(NONE)
    expect(await second.destinations.find('processor')).toBeUndefined()
  })
})

describe('receivers', () => {
  afterAll(() => apply(NONE))

  const to = (url: string) => ({ url, private_addresses: false })
  const withReceivers = (id: string, url = 'https://notices.processor.example/') => ({
    ...NONE,
    receivers: { partners: { [id]: to(url) }, alerts: to('https://alerts.shop.example/') },
  })

  it('are in force on every server at once with the destinations, under the same revision', async () => {
    await apply(NONE)
    const { revision } = await apply(withReceivers(partner))
    for (const server of [second, vault]) {
      expect(await server.destinations.inForce()).toMatchObject({
        revision,
        receivers: withReceivers(partner).receivers,
      })
    }
    expect(await apply(withReceivers(partner), second)).toEqual({ revision, changed: false })
    const moved = withReceivers(partner, 'https://other.processor.example/')
    expect(await apply(moved, second)).toEqual({ revision: revision + 1, changed: true })
    expect(await vault.destinations.inForce()).toMatchObject({ receivers: moved.receivers })
    const exported = toDestinationsFile(await vault.commands.readDestinations())
    expect(encodeDestinationsFile(exported)).toBe(encodeDestinationsFile(moved))
    const [event] = (await vault.events({ type: 'destinations.apply' })).slice(-1)
    expect(event).toMatchObject({ subject: `destinations:${revision + 1}`, caller: OPERATOR })
  })

  it('that are left out are in force no more', async () => {
    await apply(withReceivers(partner))
    await apply(NONE)
    expect((await second.destinations.inForce()).receivers).toBeUndefined()
  })

  it('stay out of what is stored of a set without them', async () => {
    const file = destinationsFile(partner)
    const { revision } = await apply(file)
    const [row] = await vault.database.sql<{ text: string }>(
      'SELECT destinations AS text FROM destination_sets WHERE revision = $1',
      [revision],
    )
    expect(Object.keys(JSON.parse(row!.text))).toEqual(['destinations', 'format'])
  })

  it('are of a partner that exists, whose contract has not ended', async () => {
    const nowhere = `partner_${'0'.repeat(26)}`
    const pointer = (id: string) => `#/receivers/partners/${id}`
    expect((await check(withReceivers(nowhere))).faults).toEqual([
      `${pointer(nowhere)}: there is no partner ${nowhere}`,
    ])
    const ended = await addProcessor(vault)
    await vault.commands.endPartner(OPERATOR, ended)
    const over = await addProcessor(vault)
    await vault.database.sql("UPDATE partners SET ends_at = ends_at + interval '1 day' WHERE id = $1", [over])
    for (const [id, detail] of [
      [ended, 'its contract has ended'],
      [over, `there is no partner ${over}`],
    ] as const) {
      expect((await check(withReceivers(id))).faults).toEqual([`${pointer(id)}: ${detail}`])
      await expect(apply(withReceivers(id))).rejects.toThrow(`${pointer(id)}: ${detail}`)
    }
    expect(await check(withReceivers(partner))).toEqual({ faults: [], warnings: [] })
  })
})

describe('a file is compared with what there is:', () => {
  it('a partner that does not exist, or whose contract has ended', async () => {
    const unknown = destinationsFile(`partner_${'0'.repeat(26)}`)
    expect((await check(unknown)).faults).toEqual([
      `#/destinations/processor/partner: there is no partner partner_${'0'.repeat(26)}`,
    ])
    const ended = await addProcessor(vault)
    await vault.commands.endPartner(OPERATOR, ended)
    const file = destinationsFile(ended)
    expect((await check(file)).faults).toEqual(['#/destinations/processor/partner: its contract has ended'])
    await expect(apply(file)).rejects.toThrow(
      /nothing was applied.*\n#\/destinations\/processor\/partner: its contract/,
    )
    expect(await vault.destinations.find('processor')).toBeUndefined()
  })

  it('a partner whose row was changed outside the vault is none', async () => {
    const widened = await addProcessor(vault, ['card.exp_month'])
    await vault.database.sql("UPDATE partners SET fields = '{card.number}' WHERE id = $1", [widened])
    expect((await check(destinationsFile(widened))).faults).toEqual([
      `#/destinations/processor/partner: there is no partner ${widened}`,
    ])
  })

  it('a field and a purpose that the contract does not name, and a secret that is not there', async () => {
    const file = destinationsFile(partner, {
      template: {
        number: { $card: 'number' },
        billing: [{ $address: 'postal_code', of: 'billing' }],
        merchant: { $secret: 'merchant' },
      },
      headers: { 'X-Merchant': { $secret: 'merchant' } },
      sign: [{ with: 'mutual-tls', certificate: 'certificate', key: 'processor-key' }],
      purposes: ['process-payment', 'research'],
    })
    expect((await check(file)).faults).toEqual([
      '#/destinations/processor/purposes/1: the contract does not name this purpose',
      '#/destinations/processor/template/billing/0: the contract does not name address.postal_code',
      '#/destinations/processor/headers/X-Merchant: there is no secret merchant: run "destinations secret set"',
      '#/destinations/processor/template/merchant: there is no secret merchant: run "destinations secret set"',
      '#/destinations/processor/sign/0/certificate: there is no secret certificate: run "destinations secret set"',
    ])
  })

  it('that no client can use it is a warning', async () => {
    const warning = 'no client has a role that forwards cards for any of these purposes'
    expect(await check(destinationsFile(partner))).toEqual({
      faults: [],
      warnings: [`#/destinations/processor/purposes: ${warning}`],
    })
    await vault.client(['card:forward'], { role: 'payments' })
    expect(await check(destinationsFile(partner))).toEqual({ faults: [], warnings: [] })
  })
})

describe('a secret', () => {
  it('is sealed, is in no event, and is never shown', async () => {
    await apply(destinationsFile(partner))
    const rows = await vault.database.sql<{ row: string }>('SELECT s::text AS row FROM destination_secrets s')
    expect(rows).toHaveLength(1)
    expect(rows[0]!.row).not.toContain(Buffer.from(SECRET).toString('hex'))
    const [line, ...others] = await vault.commands.listSecrets()
    expect(others).toEqual([])
    expect(line).toEqual({ name: 'processor-key', set_at: expect.any(Date), used_by: ['processor'] })
    const [event] = await vault.events({ type: 'destinations.set-secret' })
    expect(event).toMatchObject({ subject: 'processor-key', caller: OPERATOR, outcome: 'success' })
    const log = await vault.database.sql<{ body: string }>('SELECT body FROM audit_events')
    expect(log.filter(({ body }) => body.includes(SECRET))).toEqual([])
  })

  it('has its new value in the next request, on every server', async () => {
    await apply(destinationsFile(partner))
    await setSecret(second, 'processor-key', 'another')
    for (const server of [vault, second]) expect(await authorizationOf(server)).toBe('Bearer another')
    await setSecret(second, 'processor-key', SECRET)
  })

  it('moves to a new key with a rotation, and stays what it is', async () => {
    await apply(destinationsFile(partner))
    const keyOf = () => vault.database.sql("SELECT name_of('key', value_key) AS key FROM destination_secrets")
    const before = await keyOf()
    await vault.rotate('data')
    expect(await keyOf()).not.toEqual(before)
    for (const server of [vault, second]) expect(await authorizationOf(server)).toBe(`Bearer ${SECRET}`)
  })

  it('that a destination needs is not removed, and another one is', async () => {
    await apply(destinationsFile(partner))
    await expect(vault.commands.removeSecret(OPERATOR, 'processor-key')).rejects.toThrow(/need it: processor/)
    await setSecret(vault, 'spare', 'x')
    await vault.commands.removeSecret(OPERATOR, 'spare')
    await expect(vault.commands.removeSecret(OPERATOR, 'spare')).rejects.toThrow('there is no such secret')
    expect((await vault.events({ type: 'destinations.remove-secret' })).map(({ subject }) => subject)).toEqual([
      'spare',
    ])
  })

  it.each([
    ['Key', 'x'],
    ['a/b', 'x'],
    ['', 'x'],
    ['key', ''],
    ['key', 'a\u0000b'],
    ['key', 'x'.repeat(32 * 1024 + 1)],
  ])('%s is not set to such a value', async (name, value) => {
    await expect(setSecret(vault, name, value)).rejects.toMatchObject({ name: 'CallerError' })
  })
})

describe('destinations and their secrets stay in force', () => {
  it.each<[string, () => Promise<unknown>]>([
    ['a new root key', () => vault.rootKeys.rotate(OPERATOR)],
    ['"keys rotate mac"', () => vault.rotate('mac')],
    ['a compromised key of access', () => compromise('access-mac')],
    ['a compromised data key', () => compromise('secret')],
  ])('after %s', async (_what, change) => {
    await apply(destinationsFile(partner))
    await change()
    const started = await TestVault.start({ sharedDatabase: vault.database, overrides: quickKeys })
    expect(await authorizationOf(started)).toBe(`Bearer ${SECRET}`)
    expect(started.logLines.join('')).not.toContain('destinations-changed')
    await started.stop()
    expect(await authorizationOf(vault)).toBe(`Bearer ${SECRET}`)
  })

  async function compromise(purpose: string): Promise<void> {
    const [key] = await vault.database.sql<{ id: string }>(
      "SELECT id FROM keys WHERE purpose = $1 AND state = 'active'",
      [purpose],
    )
    await vault.commands.compromiseKey(OPERATOR, key!.id)
  }

  it('after "access rebuild"', async () => {
    await apply(destinationsFile(partner))
    const kept = await vault.database.sql<{ state: string }>('DELETE FROM access_ledger RETURNING *')
    expect(kept.length).toBeGreaterThan(0)
    await vault.database.sql(
      `INSERT INTO access_ledger SELECT generation, subject, state, decode(repeat('00', 48), 'hex')
       FROM jsonb_to_recordset($1) AS e (generation integer, subject text, state text)`,
      [JSON.stringify(kept)],
    )
    const started = await TestVault.start({ sharedDatabase: vault.database, overrides: quickKeys })
    await started.commands.rebuildLedger(OPERATOR)
    expect(await authorizationOf(started)).toBe(`Bearer ${SECRET}`)
    expect(started.logLines.join('')).not.toContain('destinations-changed')
    await started.stop()
  })
})
