import { afterEach, beforeEach, expect, inject, it, vi } from 'vitest'
import type { LogSource } from '../../src/audit/verification/log-source.ts'
import { type LogVerification, verifyLog } from '../../src/audit/verification/verify-log.ts'
import { openLogOfDatabase } from '../../src/audit/verification/verify-store.ts'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { leaveOldLog } from '../support/old-log.ts'
import { createDatabaseWithKeys, type TestDatabase, withDatabase } from '../support/postgres.ts'
import { contact } from '../support/samples.ts'
import { seedEvents, waitUntilLogged } from '../support/seed-events.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
/** A tile a page, so that old events, and younger ones, are on several of them. */
const PAGES = { pageTiles: 1 }
const OLD = 900

let database: TestDatabase
let owner: Database
let vault: TestVault
let officer: string
/** Records from before the verification. */
let records: string[]

/** So many months ago, in the middle. */
const ago = (months: number) => {
  const now = new Date()
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - months, 15))
}

beforeEach(async () => {
  database = await createDatabaseWithKeys()
  owner = openDatabase({ url: withDatabase(inject('cluster').superuserUrl, database.name), maxConnections: 4 })
  // The first partition ends long ago, so that the old months lie in the one for everything else.
  await database.sql(`DO $$ BEGIN
    ALTER TABLE audit_events DETACH PARTITION audit_events_early;
    EXECUTE format('ALTER TABLE audit_events ATTACH PARTITION audit_events_early FOR VALUES FROM (MINVALUE) TO (%L)',
      audit_event_id_at(date_trunc('month', now()) - interval '16 months'));
    END $$`)
  const facts = { type: 'audit.read', outcome: 'success', count: 1 } as const
  await leaveOldLog(
    database,
    Array.from({ length: OLD }, (_, at) => ({ at: new Date(ago(at < OLD / 2 ? 20 : 14).getTime() + at), ...facts })),
  )
  vault = await TestVault.start({ sharedDatabase: database, config: { keepsLog: true } })
  officer = await vault.staffToken('privacy-officer')
  const parts = await Promise.all(Array.from({ length: 4 }, () => vault.tokenize({ contact })))
  records = parts.map((part) => part.contact!.token!)
  await seedEvents(
    vault,
    Array.from({ length: 600 }, () => ({ at: new Date(), ...facts })),
  )
  await waitUntilLogged(vault)
})
afterEach(async () => {
  await vault.stop()
  await owner.close()
  await database.drop()
})

/** Verifies the log while something happens after the page of that number. */
async function verifyWhile(happens: () => Promise<unknown>, behind = 0): Promise<LogVerification> {
  const source: LogSource = await openLogOfDatabase(owner, PAGES)
  const pages = async function* () {
    let number = 0
    for await (const page of source.pages()) {
      yield page
      if (number++ === behind) await happens()
    }
  }
  return verifyLog({ ...source, pages }, { keys: [], checkpoints: [], receipts: [] })
}
const codes = ({ findings }: LogVerification) => findings.map(({ code, detail }) => `${code}: ${detail}`)
const drop = () => vault.commands.dropEvents(owner, OPERATOR, { olderThanMonths: 12, isDryRun: false })
const erase = async (token: string) =>
  expect((await vault.call('DELETE', `/v1/tokens/${token}`, { token: officer })).status).toBe(204)
async function correct(token: string): Promise<void> {
  const answer = await vault.call('PATCH', `/v1/tokens/${token}`, {
    token: await vault.staffToken('support'),
    body: { purpose: 'provide-goods', phone: '+49 30 901820' },
  })
  expect(answer.status, answer.text).toBe(200)
}

it('finds no fault with what retention drops during the verification', async () => {
  const verified = await verifyWhile(drop)
  expect(codes(verified)).toEqual([])
  // The first pages were read while their events were there.
  expect(verified.dropped).toBeGreaterThan(0)
  expect(verified.dropped).toBeLessThan(OLD)
  expect(verified.minimum_index).toBeGreaterThan(0)
  const after = await verifyWhile(async () => {})
  expect(codes(after)).toEqual([])
  expect(after.dropped).toBe(OLD)
})

it('finds no fault with records that are stored, corrected and erased in the meantime', async () => {
  const [first, second] = records
  const verified = await verifyWhile(async () => {
    await erase(first!)
    await correct(second!)
    await vault.tokenize({ contact })
    await waitUntilLogged(vault)
  })
  expect(codes(verified)).toEqual([])
  expect(verified.records).toBe(5)
})

it('finds no fault with records that change when the log has been read', async () => {
  const [first, second] = records
  const source = await openLogOfDatabase(owner, PAGES)
  const waiting = async function* () {
    yield* source.waiting!()
    await erase(first!)
    await correct(second!)
    await vault.tokenize({ contact })
  }
  const verified = await verifyLog({ ...source, waiting }, { keys: [], checkpoints: [], receipts: [] })
  expect(codes(verified)).toEqual([])
})

it('finds what is removed in the meantime, also at the beginning of a page', async () => {
  const remove = `DELETE FROM audit_events WHERE id IN (SELECT event FROM audit_leaves WHERE sequence BETWEEN 1024 AND 1100)`
  const verified = await verifyWhile(() => database.sql(remove))
  expect(codes(verified)).toEqual([expect.stringMatching(/^removed: the events of the leaves 1024 to 1100/)])
})

it('finds what is removed beside a drop', async () => {
  const verified = await verifyWhile(async () => {
    await drop()
    await database.sql(
      `DELETE FROM audit_events WHERE id IN (SELECT event FROM audit_leaves WHERE sequence BETWEEN 1000 AND 1020)`,
    )
  })
  expect(codes(verified)).toEqual([expect.stringMatching(/^removed: the events of the leaves 1000 to 1020/)])
})

it('finds a record that is changed without an event', async () => {
  const change = `UPDATE readable.records SET version = version + 1 WHERE token = '${records[0]}'`
  const verified = await verifyWhile(() => database.sql(change))
  expect(codes(verified)).toEqual([expect.stringMatching(/^incomplete-history: the record is at version 2/)])
})

it('holds no snapshot from one page to the next', async () => {
  const held = async () => {
    const [row] = await database.sql(
      `SELECT count(*)::integer AS count FROM pg_stat_activity
       WHERE datname = current_database() AND backend_xmin IS NOT NULL AND state = 'idle in transaction'`,
    )
    expect(row).toEqual({ count: 0 })
  }
  await verifyWhile(() => vi.waitFor(held), 1)
})
