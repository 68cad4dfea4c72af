import { randomBytes } from 'node:crypto'
import { afterEach, describe, expect, inject, it, vi } from 'vitest'
import type { AuditFacts } from '../../src/audit/event/audit-event.ts'
import { parseCheckpoint } from '../../src/audit/formats/checkpoint.ts'
import { hashLeaf, includes, rootOf } from '../../src/audit/formats/merkle.ts'
import type { DropEventsRequest } from '../../src/audit/retention/drop-events.ts'
import { verifyLog } from '../../src/audit/verification/verify-log.ts'
import { openLogOfDatabase } from '../../src/audit/verification/verify-store.ts'
import { digestOf } from '../../src/audit/witness/settlements.ts'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { failWithoutKeys, leaveOldLog } from '../support/old-log.ts'
import { createDatabaseWithKeys, type TestDatabase } from '../support/postgres.ts'
import { runTask } from '../support/run-task.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const NOW = new Date()
const FACTS = { type: 'record.read', outcome: 'success', site: 'default' } as const

let database: TestDatabase
let owner: Database
let vault: TestVault

/** The first moment of the month so many months ago. */
const month = (ago: number) => new Date(Date.UTC(NOW.getUTCFullYear(), NOW.getUTCMonth() - ago, 1))
const nameOf = (ago: number) => `audit_events_${month(ago).toISOString().slice(0, 7).replace('-', '_')}`

/**
 * A vault that has run for years: its first partition ends 16 months ago, 14 and 13 months ago have their own, and 15 months ago
 * is in the one for everything else. The log begins with events of those times, in this order.
 */
async function start(...begun: (Date | (AuditFacts & { at: Date }))[]): Promise<void> {
  database = await createDatabaseWithKeys()
  const superuser = new URL(inject('cluster').superuserUrl)
  superuser.pathname = `/${database.name}`
  owner = openDatabase({ url: superuser.href, maxConnections: 2 })
  const bound = (at: Date) => `audit_event_id_at('${at.toISOString()}')`
  const partition = (ago: number) =>
    `EXECUTE format('CREATE TABLE IF NOT EXISTS ${nameOf(ago)} PARTITION OF audit_events FOR VALUES FROM (%L) TO (%L)',
      ${bound(month(ago))}, ${bound(month(ago - 1))});`
  await database.sql(`DO $$ BEGIN
    ALTER TABLE audit_events DETACH PARTITION audit_events_early;
    EXECUTE format('ALTER TABLE audit_events ATTACH PARTITION audit_events_early FOR VALUES FROM (MINVALUE) TO (%L)',
      ${bound(month(16))});
    ${partition(14)} ${partition(13)} ${partition(0)} END $$`)
  await leaveOldLog(
    database,
    begun.map((one) => (one instanceof Date ? { at: one, ...FACTS } : one)),
  )
  vault = await TestVault.start({ sharedDatabase: database, config: { keepsLog: true } })
  await settled()
}
afterEach(async () => {
  await vault.checkInvariants()
  await vault.stop()
  await owner.close()
  await database.drop()
})

/** In the middle of the month so many months ago. */
const middleOf = (ago: number) => new Date(month(ago).getTime() + 14 * 24 * 60 * 60 * 1000)

/** @param without how many have no place, since commands without keys wrote them */
async function settled({ without = 0 } = {}): Promise<void> {
  const isSettled = `SELECT FROM readable.audit_events e WHERE NOT EXISTS (SELECT FROM readable.audit_leaves WHERE event = e.id)`
  await vi.waitUntil(async () => (await database.sql(isSettled)).length === without)
}

const drop = (request: Partial<DropEventsRequest> = {}) =>
  vault.commands.dropEvents(owner, OPERATOR, { olderThanMonths: 12, isDryRun: false, ...request })

/** Every leaf's place, and the month of its event while that is there. */
async function places(): Promise<{ sequence: number; event: string; isThere: boolean }[]> {
  return database.sql(`SELECT sequence::integer, l.event, EXISTS (SELECT FROM readable.audit_events WHERE id = l.event) AS "isThere"
                       FROM readable.audit_leaves l ORDER BY sequence`)
}

const verified = () =>
  owner.transaction(async (tx) => verifyLog(await openLogOfDatabase(tx), { keys: [], checkpoints: [], receipts: [] }))

describe('events that are older than a year', () => {
  it('are dropped by whole months from the beginning of the log on, with events that say which', async () => {
    // Two transactions passed each other at the end of the last month that goes.
    const end = month(12).getTime()
    const passing = [new Date(end + 1_000), new Date(end - 1_000)]
    await start(...[20, 15, 14, 14, 13, 13].map(middleOf), ...passing, middleOf(11))
    const kept = (await vault.tokenize({ contact })).contact!.token!
    await settled()
    const before = await places()

    const planned = await drop({ isDryRun: true })
    expect(await places()).toEqual(before)
    const { until, dropped, minimum_index } = await drop()
    expect(until).toBe(month(12).toISOString())
    expect(dropped.map(({ partition, events, ranges }) => [partition, events, ranges])).toEqual([
      ['audit_events_early', 1, ['0-0']],
      [nameOf(14), 3, ['0-3']],
      [nameOf(13), 2, ['0-5']],
    ])
    expect(dropped.map((one) => ({ ...one, event: null }))).toEqual(planned.dropped)
    const tables = await database.sql<{ name: string }>(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit_events'::regclass`,
    )
    const names = dropped.map(({ partition }) => partition)
    expect(tables.map(({ name }) => name).filter((name) => names.includes(name))).toEqual([])

    // Only the beginning is gone, and exactly that is what the events say.
    await settled()
    const after = await places()
    expect(after.map(({ isThere }) => isThere)).toEqual(after.map(({ sequence }) => sequence >= 6))
    const events = await vault.events({ type: 'audit.drop' })
    expect(events.map(({ id }) => id)).toEqual(dropped.map(({ event }) => event))
    expect(events.map((event) => [event.count, event.ranges])).toEqual([
      [1, ['0-0']],
      [3, ['0-3']],
      [2, ['0-5']],
    ])
    expect(events[0]).toMatchObject({ caller: OPERATOR, subject: 'audit_events_early', until: month(16).toISOString() })
    expect(events.at(-1)).toMatchObject({ until: month(12).toISOString(), minimum_index })
    expect(await verified()).toMatchObject({ findings: [], dropped: 6 })

    // The tree is what it was, and grows.
    const auditor = await vault.staffToken('auditor')
    await settled()
    const { text } = await vault.call('GET', '/v1/audit/checkpoint', { token: auditor })
    const all = await database.sql<{ hash: Buffer }>('SELECT hash FROM readable.audit_leaves ORDER BY sequence')
    const { size, root } = parseCheckpoint(text)
    expect(rootOf(all.slice(0, size).map(({ hash }) => hash))).toEqual(root)
    const [event] = await vault.events({ type: 'record.tokenize' })
    const receipt = await vault.call('GET', `/v1/audit/events/${event!.id}/receipt`, { token: auditor })
    expect(receipt.status, receipt.text).toBe(200)
    const signed = parseCheckpoint(receipt.body.checkpoint)
    const proof = (receipt.body.proof as string[]).map((hash) => Buffer.from(hash, 'base64'))
    expect(includes(signed, receipt.body.index, hashLeaf(Buffer.from(receipt.body.body)), proof)).toBe(true)
    const none = await vault.call('GET', `/v1/audit/events/${before[0]!.event}/receipt`, { token: auditor })
    expect([404, 410]).toContain(none.status)
    expect((await vault.call('GET', `/v1/tokens/${kept}`, { token: await vault.staffToken('support') })).status).toBe(
      200,
    )

    expect((await drop()).dropped).toEqual([])
  })

  it('stay while they are younger than twelve months, whatever the command asks for', async () => {
    await start(middleOf(11))
    await expect(drop({ olderThanMonths: 11 })).rejects.toThrow('events are kept for 12 months at least')
    // Empty months go; nothing that holds an event.
    expect((await drop()).dropped.reduce((sum, { events }) => sum + events, 0)).toBe(0)
    expect(await vault.count('audit_events_other')).toBe(1)
    await settled()
    expect(await verified()).toMatchObject({ findings: [], dropped: 0 })
  })

  it('leave the keys announced that they announced: what those have signed is still to be verified', async () => {
    const key = { subject: 'key_old', public_key: randomBytes(32).toString('base64') }
    await start({ at: middleOf(20), type: 'audit.key', outcome: 'success', ...key }, middleOf(14), middleOf(13))
    await drop()
    const announced = await vault.events({ type: 'audit.key', ...key })
    expect(announced).toHaveLength(1)
    expect(Date.parse(String(announced[0]!.at))).toBeGreaterThanOrEqual(NOW.getTime())
    await settled()
    expect(await verified()).toMatchObject({ dropped: 3 })
  })

  it('leave a restored backup answered for that they answered for', async () => {
    const lost = { size: 999_999, root: randomBytes(32) }
    const waived = { type: 'restore.waive', outcome: 'success', caller: OPERATOR, note: 'The log is lost.' } as const
    await start({ at: middleOf(20), ...waived, checkpoints: digestOf([lost]) }, middleOf(14))
    const [{ id: earlier } = {}] = await vault.events({ type: 'restore.waive' })
    await database.sql(`INSERT INTO outside_checkpoints VALUES ($1, $2, NULL, 'checkpoints', now(), $3)`, [
      ...[lost.size, lost.root, earlier],
    ])
    const look = () => runTask(vault, 'watch-outside-checkpoints')
    const isReady = async () => (await vault.call('GET', '/readyz')).status === 200
    await look()
    expect(await isReady()).toBe(true)
    await drop()
    const events = await vault.events({ type: 'restore.waive' })
    expect(events).toMatchObject([{ ...waived, checkpoints: digestOf([lost]), replay_of: earlier }])
    await look()
    expect(await isReady()).toBe(true)
  })

  it('are dropped with those that commands without keys wrote, which the log only names', async () => {
    await start(middleOf(20), middleOf(14), middleOf(13))
    for (const ago of [20, 15, 14, 13]) await failWithoutKeys(database, middleOf(ago))
    const named = async () => (await vault.events({ type: 'audit.unproven' })).flatMap(({ events }) => events)
    await vi.waitUntil(async () => (await named()).length === 4)
    await settled({ without: 4 })
    expect(await verified()).toMatchObject({ findings: [], unproven: 4 })
    const { dropped } = await drop()
    expect(dropped.map(({ partition, events }) => [partition, events])).toEqual([
      ['audit_events_early', 1],
      [nameOf(14), 1],
      [nameOf(13), 1],
    ])
    expect(await vault.count('audit_events_other')).toBe(0)
    await settled()
    expect(await verified()).toMatchObject({ findings: [], unproven: 0, dropped: 3 })
  })

  it('stay if they follow a younger one in the log', async () => {
    await start(middleOf(11), middleOf(20))
    expect((await drop()).dropped.reduce((sum, { events }) => sum + events, 0)).toBe(0)
    expect((await places()).every(({ isThere }) => isThere)).toBe(true)
  })
})

describe('nothing is dropped', () => {
  async function expectNothingDropped(refusal: RegExp): Promise<void> {
    const before = await database.sql('SELECT id FROM readable.audit_events ORDER BY id')
    await expect(drop()).rejects.toThrow(refusal)
    expect(await database.sql('SELECT id FROM readable.audit_events ORDER BY id')).toEqual(before)
    expect(await vault.events({ type: 'audit.drop' })).toEqual([])
  }

  it('that no checkpoint covers', async () => {
    await start(middleOf(20))
    const [row] = await database.sql<{ event: string }>(
      'SELECT event FROM readable.audit_leaves ORDER BY event COLLATE "C" LIMIT 1',
    )
    await database.sql('DELETE FROM readable.audit_leaves WHERE event = $1', [row!.event])
    await expectNothingDropped(/1 events of audit_events_early are not covered by the latest checkpoint/)
  })

  it('that the log names otherwise than it is', async () => {
    await start(middleOf(20))
    const id = await failWithoutKeys(database, middleOf(20))
    await settled({ without: 1 })
    await vi.waitUntil(async () => (await vault.events({ type: 'audit.unproven' })).length === 1)
    const change = (from: string, to: string) =>
      database.sql('UPDATE readable.audit_events SET body = replace(body, $2, $3) WHERE id = $1', [id, from, to])
    await change('"roles apply"', '"roles check"')
    await expectNothingDropped(/1 events of audit_events_early are not covered by the latest checkpoint/)
    await change('"roles check"', '"roles apply"')
  })

  it('that was edited: it is evidence', async () => {
    await start(middleOf(20))
    await database.sql(`UPDATE audit_events_early SET body = replace(body, 'success', 'refused')`)
    await expectNothingDropped(/1 events of audit_events_early are not what they were/)
    await database.sql(`UPDATE audit_events_early SET body = replace(body, 'refused', 'success')`)
  })

  it('while it is read, and no writer of events waits for that', async () => {
    await start(middleOf(20))
    const release = await database.hold('SELECT FROM readable.audit_events')
    const dropping = drop()
    dropping.catch(() => {})
    const startedAt = performance.now()
    await vault.tokenize({ contact })
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    await release()
    expect((await dropping).dropped[0]).toMatchObject({ partition: 'audit_events_early', events: 1 })
  })

  it('after an event that was removed: it must not look dropped', async () => {
    await start(middleOf(20), middleOf(20), middleOf(14))
    const [kept] = await database.sql<{ id: string }>('DELETE FROM audit_events_early WHERE position = 2 RETURNING *')
    expect(kept).toBeDefined()
    await expectNothingDropped(/the events of the leaves 1 are not there, and were never dropped/)
  })

  it('by the role that the server runs as', async () => {
    await start()
    const server = openDatabase({ url: database.serverUrl, maxConnections: 1 })
    const request = { olderThanMonths: 12, isDryRun: false }
    await expect(vault.commands.dropEvents(server, OPERATOR, request)).rejects.toThrow(
      'DATABASE_OWNER_URL must name the role that owns the audit log',
    )
    await server.close()
  })
})
