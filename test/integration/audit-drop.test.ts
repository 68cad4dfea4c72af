import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { createNewAuditEvent } from '../../src/audit/audit-event.ts'
import { insertEvents } from '../../src/audit/audit-store.ts'
import { parseCheckpoint } from '../../src/audit/checkpoint.ts'
import { type DropEventsRequest, dropEvents } from '../../src/audit/drop-events.ts'
import { inBook } from '../../src/audit/event-book.ts'
import { hashLeaf, includes, rootOf } from '../../src/audit/merkle.ts'
import { verifyLog } from '../../src/audit/verification/verify-log.ts'
import { openLogOfDatabase } from '../../src/audit/verification/verify-store.ts'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { createNewId } from '../../src/identifier.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const NOW = new Date()

let database: TestDatabase
let owner: Database
let vault: TestVault

/** The first moment of the month so many months ago. */
const month = (ago: number) => new Date(Date.UTC(NOW.getUTCFullYear(), NOW.getUTCMonth() - ago, 1))
const nameOf = (ago: number) => `audit_events_${month(ago).toISOString().slice(0, 7).replace('-', '_')}`

/** A vault that has run for years: its first partition ends 16 months ago, and 14 and 13 months ago have their own. */
beforeEach(async () => {
  database = await createTestDatabase()
  const superuser = new URL(inject('cluster').superuserUrl)
  superuser.pathname = `/${database.name}`
  owner = openDatabase({ url: superuser.href, maxConnections: 2 })
  const bound = (at: Date) => `audit_event_id_at('${at.toISOString()}')`
  const partition = (ago: number) =>
    `EXECUTE format('CREATE TABLE ${nameOf(ago)} PARTITION OF audit_events FOR VALUES FROM (%L) TO (%L)',
      ${bound(month(ago))}, ${bound(month(ago - 1))});`
  await database.sql(`DO $$ BEGIN
    ALTER TABLE audit_events DETACH PARTITION audit_events_early;
    EXECUTE format('ALTER TABLE audit_events ATTACH PARTITION audit_events_early FOR VALUES FROM (MINVALUE) TO (%L)',
      ${bound(month(16))});
    ${partition(14)} ${partition(13)} ${partition(0)} END $$`)
  vault = await TestVault.start({ sharedDatabase: database, config: { keepsLog: true } })
})
afterEach(async () => {
  await vault.checkInvariants()
  await vault.stop()
  await owner.close()
  await database.drop()
})

/** Commits events of the middle of those months, in this order; the vault puts them into its log. */
async function commit(...monthsAgo: number[]): Promise<void> {
  for (const ago of monthsAgo) {
    const at = new Date(month(ago).getTime() + 14 * 24 * 60 * 60 * 1000)
    const newAuditEvent = inBook(
      vault.strongroom.book,
      createNewAuditEvent(
        () => at,
        createNewId(() => at, randomBytes),
      ),
    )
    await insertEvents(owner, [newAuditEvent({ type: 'record.read', outcome: 'success', site: 'default' })])
  }
}

async function settled(): Promise<void> {
  const isSettled = `SELECT FROM audit_events e WHERE NOT EXISTS (SELECT FROM audit_leaves WHERE event = e.id)`
  await vi.waitUntil(async () => (await database.sql(isSettled)).length === 0, { timeout: 10_000, interval: 50 })
}

const drop = (request: Partial<DropEventsRequest> = {}) => {
  const now = () => NOW
  const { newAuditEvent } = vault.strongroom
  return dropEvents({ database: owner, newAuditEvent, now }, OPERATOR, {
    olderThanMonths: 12,
    isDryRun: false,
    ...request,
  })
}

/** Every leaf's place, and the month of its event while that is there. */
async function places(): Promise<{ sequence: number; event: string; isThere: boolean }[]> {
  return database.sql(`SELECT sequence::integer, l.event, EXISTS (SELECT FROM audit_events WHERE id = l.event) AS "isThere"
                       FROM audit_leaves l ORDER BY sequence`)
}

const numbersIn = (ranges: readonly string[]) =>
  ranges.flatMap((range) => {
    const [first, last] = range.split('-').map(Number) as [number, number]
    return Array.from({ length: last - first + 1 }, (_, at) => first + at)
  })

describe('events that are older than a year', () => {
  it('are dropped by whole months, with an event that says which; the log still verifies', async () => {
    // 15 months ago had no partition, so those are in the one for everything else; what is 11 months old too.
    await commit(14, 13, 14, 20, 15, 13, 11)
    const kept = (await vault.tokenize({ contact })).contact!.token!
    await commit(13, 12)
    await settled()
    const before = await places()
    const old = await database.sql<{ id: string }>(`SELECT id FROM audit_events WHERE id < audit_event_id_at($1)`, [
      month(12),
    ])
    expect(old).toHaveLength(7)

    const planned = await drop({ isDryRun: true })
    expect(await places()).toEqual(before)
    const { until, dropped } = await drop()
    expect(until).toBe(month(12).toISOString())
    expect(dropped.map(({ partition, events }) => [partition, events])).toEqual([
      ['audit_events_early', 1],
      [nameOf(14), 2],
      [nameOf(13), 3],
      ['audit_events_other', 1],
    ])
    expect(dropped.map((one) => ({ ...one, event: null }))).toEqual(planned.dropped)
    const tables = await database.sql<{ name: string }>(
      `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit_events'::regclass`,
    )
    const names = dropped.map(({ partition }) => partition)
    expect(tables.map(({ name }) => name).filter((name) => names.includes(name))).toEqual(['audit_events_other'])

    // Exactly what was old is gone, and exactly that is what the events say.
    await settled()
    const after = await places()
    const ids = new Set(old.map(({ id }) => id))
    const gone = after.filter(({ isThere }) => !isThere)
    expect(gone.map(({ event }) => event).sort()).toEqual([...ids].sort())
    const events = await vault.events({ type: 'audit.drop' })
    expect(events.map(({ id }) => id)).toEqual(dropped.map(({ event }) => event))
    const ranges = events.flatMap((event) => event.ranges as string[])
    expect(numbersIn(ranges).sort((a, b) => a - b)).toEqual(gone.map(({ sequence }) => sequence))
    expect(events.map((event) => event.count)).toEqual([1, 2, 3, 1])
    expect(events[0]).toMatchObject({ caller: OPERATOR, until, subject: 'audit_events_early' })

    // The tree is what it was and goes on: each event that is left still has the hash of its leaf.
    const leaves = await database.sql<{ hash: Buffer; body: string | null }>(
      'SELECT hash, body FROM audit_leaves LEFT JOIN audit_events ON id = event ORDER BY sequence',
    )
    const auditor = await vault.staffToken('auditor')
    await settled()
    const { text } = await vault.call('GET', '/v1/audit/checkpoint', { token: auditor })
    const all = await database.sql<{ hash: Buffer }>('SELECT hash FROM audit_leaves ORDER BY sequence')
    const { size, root } = parseCheckpoint(text)
    expect(rootOf(all.slice(0, size).map(({ hash }) => hash))).toEqual(root)
    for (const { hash, body } of leaves) if (body !== null) expect(hashLeaf(Buffer.from(body))).toEqual(hash)
    const verified = await owner.transaction(async (tx) =>
      verifyLog(await openLogOfDatabase(tx), { keys: [], checkpoints: [], receipts: [] }),
    )
    expect(verified.dropped).toBe(7)
    // The events of this test were committed in another order than that of their times.
    expect(new Set(verified.findings.map(({ code }) => code))).toEqual(new Set(['time-runs-back']))

    const [event] = await vault.events({ type: 'record.tokenize' })
    const receipt = await vault.call('GET', `/v1/audit/events/${event!.id}/receipt`, { token: auditor })
    expect(receipt.status, receipt.text).toBe(200)
    const signed = parseCheckpoint(receipt.body.checkpoint)
    const proof = (receipt.body.proof as string[]).map((hash) => Buffer.from(hash, 'base64'))
    expect(includes(signed, receipt.body.index, hashLeaf(Buffer.from(receipt.body.body)), proof)).toBe(true)
    const none = await vault.call('GET', `/v1/audit/events/${gone[0]!.event}/receipt`, { token: auditor })
    expect([404, 410]).toContain(none.status)
    expect((await vault.call('GET', `/v1/tokens/${kept}`, { token: await vault.staffToken('support') })).status).toBe(
      200,
    )

    expect((await drop()).dropped).toEqual([])
  })

  it('stay while they are younger than twelve months, whatever is asked for', async () => {
    await commit(11)
    await settled()
    await expect(drop({ olderThanMonths: 11 })).rejects.toThrow('events are kept for 12 months at least')
    // Empty months go; nothing that holds an event.
    expect((await drop()).dropped.reduce((sum, { events }) => sum + events, 0)).toBe(0)
    expect(await vault.count('audit_events_other')).toBe(1)
  })
})

describe('nothing is dropped', () => {
  async function expectNothingDropped(refusal: RegExp): Promise<void> {
    const before = await database.sql('SELECT id FROM audit_events ORDER BY id')
    await expect(drop()).rejects.toThrow(refusal)
    expect(await database.sql('SELECT id FROM audit_events ORDER BY id')).toEqual(before)
    expect(await vault.events({ type: 'audit.drop' })).toEqual([])
  }

  it('that no checkpoint covers', async () => {
    await commit(20)
    await settled()
    const [row] = await database.sql<{ event: string }>(
      'SELECT event FROM audit_leaves ORDER BY event COLLATE "C" LIMIT 1',
    )
    await database.sql('DELETE FROM audit_leaves WHERE event = $1', [row!.event])
    await expectNothingDropped(/1 events of audit_events_early are not covered by the latest checkpoint/)
  })

  it('that was edited: it is evidence', async () => {
    await commit(20)
    await settled()
    await database.sql(`UPDATE audit_events_early SET body = replace(body, 'success', 'refused')`)
    await expectNothingDropped(/1 events of audit_events_early are not what they were/)
    await database.sql(`UPDATE audit_events_early SET body = replace(body, 'refused', 'success')`)
  })

  it('while somebody reads it, and nobody who writes events waits for that', async () => {
    await commit(20)
    await settled()
    const release = await database.hold('SELECT FROM audit_events')
    const dropping = drop()
    dropping.catch(() => {})
    const startedAt = performance.now()
    await vault.tokenize({ contact })
    expect(performance.now() - startedAt).toBeLessThan(5_000)
    await release()
    expect((await dropping).dropped[0]).toMatchObject({ partition: 'audit_events_early', events: 1 })
  })

  it('by the role that the server runs as', async () => {
    const server = openDatabase({ url: database.serverUrl, maxConnections: 1 })
    const now = () => NOW
    const { newAuditEvent } = vault.strongroom
    const request = { olderThanMonths: 12, isDryRun: false }
    await expect(dropEvents({ database: server, newAuditEvent, now }, OPERATOR, request)).rejects.toThrow(
      'DATABASE_OWNER_URL must name the role that owns the audit log',
    )
    await server.close()
  })
})
