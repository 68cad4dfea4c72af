import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createNewAuditEvent } from '../../src/audit/event/new-audit-event.ts'
import { verifyLog } from '../../src/audit/verification/verify-log.ts'
import { openLogOfDatabase } from '../../src/audit/verification/verify-store.ts'
import { openDatabase } from '../../src/database/database.ts'
import { changeRegistry } from '../../src/keys/registry/registry.ts'
import type { RecordFinding } from '../../src/records/verification/record-finding.ts'
import { createNewId } from '../../src/values/identifier.ts'
import { holdLog } from '../support/hold-log.ts'
import { contact } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'
import { withVaultKeys } from '../support/vault-keys.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const rootKey = { provider: 'custodian-shares', leaseSeconds: 900 } as const
const PATIENCE = { timeout: 25_000, interval: 50 }

/** A vault whose root key custodians have, and a server of it without keys, as the command of an operator is. */
let vault: TestVault
let sealed: TestVault

beforeAll(async () => {
  vault = await TestVault.start({ config: { keys: rootKey, keepsLog: true }, overrides: quickKeys })
  const custodians = ['Meera Pillai', 'Jonas Weber']
  const ceremony = await vault.rootKeys.beginCeremony(OPERATOR, { custodians, threshold: 2 })
  await ceremony.complete(custodians.map(() => new Date()))
  await vi.waitUntil(() => vault.sealedBecause() === undefined, PATIENCE)
  sealed = await TestVault.start({ config: { keys: rootKey }, sharedDatabase: vault.database, overrides: quickKeys })
})
afterAll(async () => {
  await sealed?.stop()
  await vault.stop()
})

const sql = <Row>(text: string, values?: unknown[]) => vault.database.sql<Row>(text, values)
const alertsOf = (code: string) => vault.logLines.map((line) => JSON.parse(line)).filter(({ alert }) => alert === code)
const isLogged = async (id: unknown) =>
  (await sql('SELECT FROM readable.audit_leaves WHERE event = $1', [id])).length > 0

/** Puts an event into the table as an early version did: without a MAC. */
async function writeWithoutMac(facts: Parameters<ReturnType<typeof createNewAuditEvent>>[0]): Promise<string> {
  const now = () => new Date()
  const { id, occurredAt, type, caller, site, body } = createNewAuditEvent(now, createNewId(now, randomBytes))(facts)
  await sql(
    'INSERT INTO readable.audit_events (id, occurred_at, type, caller, site, body) VALUES ($1, $2, $3, $4, $5, $6)',
    [id, occurredAt, type, caller, site, body],
  )
  return id
}

/** Each is an alert and stays out of the log; then it is removed, so that nothing else finds it. */
async function expectForged(forged: readonly string[]): Promise<void> {
  await vi.waitFor(() => {
    const told = alertsOf('audit-forged').map(({ event }) => event)
    expect(told).toEqual(expect.arrayContaining([...forged]))
  }, PATIENCE)
  for (const id of forged) expect(await isLogged(id)).toBe(false)
  await sql('DELETE FROM readable.audit_events WHERE id = ANY($1)', [forged])
}

async function findings() {
  const database = openDatabase({ url: vault.database.serverUrl, maxConnections: 1 })
  try {
    return await database.transaction(async (tx) => {
      const given = { keys: [], checkpoints: [], receipts: [] }
      return (await verifyLog(await openLogOfDatabase(tx), given)).findings
    })
  } finally {
    await database.close()
  }
}

describe('what is done without keys', () => {
  it('takes access away at once, and comes into the log marked as vouched for', async () => {
    const { id } = await vault.client(['tokenize'])
    const contract = { name: 'Carrier', country: 'DE', contact: 'desk@carrier.example' }
    const partner = await vault.commands.addPartner(OPERATOR, {
      ...contract,
      purposes: ['provide-goods'],
      fields: ['address.line1'],
      ends_at: new Date(Date.now() + 3_600_000),
    })
    const { commands } = sealed
    await commands.revokeClient(OPERATOR, id)
    await commands.disableStaff(OPERATOR, 'staff:ada')
    await commands.endPartner(OPERATOR, partner.id)
    for (const [type, subject] of [
      ['client.revoke', id],
      ['staff.disable', 'staff:ada'],
      ['partner.end', partner.id],
    ] as const) {
      const [event] = await vault.events({ type, subject })
      expect(event, type).toMatchObject({ vouched: true, caller: OPERATOR, outcome: 'success' })
      await vi.waitFor(async () => expect(await isLogged(event!.id), type).toBe(true), PATIENCE)
    }
    expect(alertsOf('audit-forged')).toEqual([])
  })

  it('is believed of a person who was let in again before a server with keys has seen it', async () => {
    const release = await holdLog(vault.database)
    await sealed.commands.disableStaff(OPERATOR, 'staff:grace')
    await vault.commands.enableStaff(OPERATOR, 'staff:grace')
    await release()
    const [event] = await vault.events({ type: 'staff.disable', subject: 'staff:grace' })
    await vi.waitFor(async () => expect(await isLogged(event!.id)).toBe(true), PATIENCE)
  })

  it('is believed once of each state: a second event stays out, and a command that changes nothing writes none', async () => {
    const { commands } = sealed
    const { id: subject } = await vault.client(['tokenize'])
    await commands.revokeClient(OPERATOR, subject)
    await expect(commands.revokeClient(OPERATOR, subject)).rejects.toThrow('done before')
    await commands.disableStaff(OPERATOR, 'staff:edsger')
    await expect(commands.disableStaff(OPERATOR, 'staff:edsger')).rejects.toThrow('done before')
    const events = await vault.events({ type: 'client.revoke', subject })
    expect(events).toHaveLength(1)
    await vi.waitFor(async () => expect(await isLogged(events[0]!.id)).toBe(true), PATIENCE)
    const about = { outcome: 'success', caller: OPERATOR, vouched: true } as const
    const forged = [
      await writeWithoutMac({ ...about, type: 'client.revoke', subject, site: 'default' }),
      await writeWithoutMac({ ...about, type: 'staff.disable', subject: 'staff:edsger' }),
    ]
    await expectForged(forged)
    // Enabled again, a person can be disabled again.
    await vault.commands.enableStaff(OPERATOR, 'staff:edsger')
    await commands.disableStaff(OPERATOR, 'staff:edsger')
    const [, again] = await vault.events({ type: 'staff.disable', subject: 'staff:edsger' })
    await vi.waitFor(async () => expect(await isLogged(again!.id)).toBe(true), PATIENCE)
  })

  it('does not count for a person whom a forged event has enabled again', async () => {
    const id = await writeWithoutMac({
      type: 'staff.disable',
      outcome: 'success',
      caller: OPERATOR,
      subject: 'staff:barbara',
      vouched: true,
    })
    const enabled = '{"id":"evt_00000000000000000000000003","subject":"staff:barbara","type":"staff.enable"}'
    await sql(
      `INSERT INTO readable.audit_events (id, occurred_at, type, body, mac) VALUES ($1, now(), 'staff.enable', $2, $3)`,
      ['evt_00000000000000000000000003', enabled, Buffer.alloc(48)],
    )
    await vi.waitFor(() => expect(alertsOf('audit-forged').map(({ event }) => event)).toContain(id), PATIENCE)
    expect(await isLogged(id)).toBe(false)
    await sql('DELETE FROM readable.audit_events WHERE id = ANY($1)', [[id, 'evt_00000000000000000000000003']])
  })

  it('is named as unproven where it leaves no state, and what is named cannot be exchanged', async () => {
    const since = new Date()
    const foundForged = async () =>
      (await vault.commands.reviewLog(OPERATOR, { since, timeZone: 'UTC' })).filter(({ rule }) => rule === 'log-forged')
    const verify = async () => {
      const found: RecordFinding[] = []
      const onFinding = (finding: RecordFinding) => void found.push(finding)
      await vault.commands.verifyRecords(OPERATOR, { onFinding, onProgress() {} })
      return found
    }
    await sealed.commands.recordFailedCommand(OPERATOR, { command: 'clients add', code: 'sealed' })
    expect(await verify()).toEqual([])
    await sealed.commands.listAuditEvents(OPERATOR, { limit: 1 })
    const looks = await vi.waitFor(async () => {
      const named = (await vault.events({ type: 'audit.unproven' })).flatMap(({ events }) => events as string[])
      const unproven = await vault.events({ unproven: true })
      expect(unproven.map(({ type }) => type)).toEqual(['request.refuse', 'audit.read'])
      const ids = unproven.map(({ id }) => String(id))
      for (const id of ids) expect(named.filter((name) => name.startsWith(`${id} `))).toHaveLength(1)
      return ids
    }, PATIENCE)
    for (const id of looks) expect(await isLogged(id)).toBe(false)
    expect(alertsOf('audit-forged').filter(({ event }) => looks.includes(String(event)))).toEqual([])
    await vi.waitFor(async () => expect(await findings()).toEqual([]), PATIENCE)
    // The log goes past them with an event that comes later, as each review is.
    const isPassed = async () => {
      await foundForged()
      const passed = `SELECT FROM audit_head, readable.audit_events e WHERE e.id = $1 AND e.position < next_position`
      return (await sql(passed, [looks[1]])).length > 0
    }
    await vi.waitUntil(isPassed, PATIENCE)
    expect([...(await foundForged()), ...(await verify())]).toEqual([])
    const [body] = await sql<{ body: string }>('SELECT body FROM readable.audit_events WHERE id = $1', [looks[1]])
    const other = body!.body.replace('"count":1', '"count":7')
    expect(other).not.toBe(body!.body)
    await sql('UPDATE readable.audit_events SET body = $2 WHERE id = $1', [looks[1], other])
    const exchanged = [{ code: 'inserted', event: looks[1] }]
    await vi.waitFor(async () => expect(await findings()).toMatchObject(exchanged), PATIENCE)
    expect(await foundForged()).toMatchObject([{ count: 1, events: [looks[1]] }])
    expect(await verify()).toMatchObject([{ event: looks[1] }])
    await sql('UPDATE readable.audit_events SET body = $2 WHERE id = $1', [looks[1], body!.body])
    // What says that it was vouched for has no state to show for it.
    const about = { outcome: 'success', caller: OPERATOR, vouched: true } as const
    const forged = [
      await writeWithoutMac({ ...about, type: 'audit.read', subject: 'export' }),
      await writeWithoutMac({ ...about, type: 'access.review' }),
      await writeWithoutMac({ ...about, type: 'access.explain', subject: 'staff:ada' }),
      await writeWithoutMac({
        ...about,
        type: 'request.refuse',
        outcome: 'failed',
        code: 'sealed',
        route: 'keys rotate',
      }),
    ]
    await expectForged(forged)
  })

  it('is nothing that gives access', async () => {
    await expect(sealed.commands.enableStaff(OPERATOR, 'staff:ada')).rejects.toMatchObject({
      code: 'sealed',
    })
    expect(await sql("SELECT FROM disabled_staff WHERE id = 'staff:ada'")).toHaveLength(1)
  })

  it('stays out of the log where the state is another one, or the event says more', async () => {
    const { id: subject } = await vault.client(['tokenize'])
    const about = { outcome: 'success', caller: OPERATOR, site: 'default', vouched: true } as const
    const forged = [
      await writeWithoutMac({ ...about, type: 'client.revoke', subject }),
      await writeWithoutMac({ ...about, type: 'staff.disable', subject: 'staff:ada', token: `card_${'0'.repeat(26)}` }),
      await writeWithoutMac({ ...about, type: 'client.add', subject }),
    ]
    await expectForged(forged)
  })
})

it('events may wait while their key is replaced', async () => {
  const other = await TestVault.start()
  try {
    const keeper = await TestVault.start({ sharedDatabase: other.database, config: { keepsLog: true } })
    try {
      const logged = async (id: string) =>
        (await other.database.sql('SELECT FROM readable.audit_leaves WHERE event = $1', [id])).length > 0
      const release = await holdLog(other.database)
      const { contact: made } = await keeper.tokenize({ contact })
      const [event] = await keeper.events({ type: 'record.tokenize', token: made!.token })
      await withVaultKeys(other, (parts) =>
        changeRegistry(parts, OPERATOR, async (change) => {
          await change.transition(await change.create('event-mac'), 'active')
        }),
      )
      await release()
      await vi.waitFor(async () => expect(await logged(String(event!.id))).toBe(true), PATIENCE)
    } finally {
      await keeper.stop()
    }
  } finally {
    await other.stop()
  }
})

it('verifies', async () => {
  // What is unproven is named a moment later.
  await vi.waitFor(async () => expect(await findings()).toEqual([]), PATIENCE)
})
