import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, inject, it, vi } from 'vitest'
import { createNewAuditEvent } from '../../src/audit/audit-event.ts'
import { insertEvents } from '../../src/audit/audit-store.ts'
import type { LogDelivery } from '../../src/audit/delivery/deliver-log.ts'
import { dropEvents } from '../../src/audit/drop-events.ts'
import { inBook } from '../../src/audit/event-book.ts'
import { openLogOfFile } from '../../src/audit/verification/log-file.ts'
import { verifyLog } from '../../src/audit/verification/verify-log.ts'
import { openLogOfDatabase } from '../../src/audit/verification/verify-store.ts'
import { formatPage, logFormats } from '../../src/cli/log-formats.ts'
import { openDatabase } from '../../src/database/database.ts'
import { createNewId } from '../../src/identifier.ts'
import { createTestDatabase } from '../support/postgres.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

it('a log verifies after old events were dropped, and tells them from those that somebody removed', async () => {
  const database = await createTestDatabase()
  const superuser = Object.assign(new URL(inject('cluster').superuserUrl), { pathname: `/${database.name}` })
  const owner = openDatabase({ url: superuser.href, maxConnections: 2 })
  // A log of two years: nothing but looks at a record, one a day.
  const start = Date.now() - 730 * DAY_MS
  const writer = await TestVault.start({ sharedDatabase: database })
  const events = Array.from({ length: 729 }, (_, day) => {
    const at = new Date(start + day * DAY_MS)
    const newAuditEvent = inBook(
      writer.strongroom.book,
      createNewAuditEvent(
        () => at,
        createNewId(() => at, randomBytes),
      ),
    )
    return newAuditEvent({ type: 'audit.read', outcome: 'success', site: 'default' })
  })
  await insertEvents(owner, events)
  await writer.stop()
  // The months of the past have no partitions of their own: they are in that for everything else.
  await database.sql(`DO $$ BEGIN
    ALTER TABLE audit_events DETACH PARTITION audit_events_early;
    INSERT INTO audit_events SELECT * FROM audit_events_early;
    DROP TABLE audit_events_early; END $$`)
  const vault = await TestVault.start({ sharedDatabase: database, config: { keepsLog: true } })
  const settled = () =>
    vi.waitUntil(
      async () =>
        (
          await database.sql(
            'SELECT FROM audit_events e WHERE NOT EXISTS (SELECT FROM audit_leaves WHERE event = e.id)',
          )
        ).length === 0,
      { timeout: 10_000, interval: 50 },
    )
  const verified = () =>
    owner.transaction(async (tx) => {
      const given = { keys: [], checkpoints: [], receipts: [] }
      return verifyLog(await openLogOfDatabase(tx), given)
    })
  const file = path.join(await mkdtemp(path.join(tmpdir(), 'strongroom-drop-')), 'log.jsonl')
  try {
    await vault.tokenize({ contact })
    await settled()
    expect((await verified()).findings).toEqual([])
    const now = () => new Date()
    const { newAuditEvent } = vault.strongroom
    const request = { olderThanMonths: 12, isDryRun: false }
    const { dropped } = await dropEvents({ database: owner, newAuditEvent, now }, OPERATOR, request)
    const count = dropped.reduce((sum, one) => sum + one.events, 0)
    expect(count).toBeGreaterThan(300)
    await vault.tokenize({ contact })
    await settled()
    expect(await verified()).toMatchObject({ findings: [], dropped: count })

    // An export of the log holds the hashes of what is gone, so that it verifies too.
    const lines: string[] = []
    const deliver = async (...[entries, _, gone]: Parameters<LogDelivery['deliver']>) => {
      lines.push(formatPage(logFormats.jsonl, entries, gone))
    }
    const whole = { what: 'export', filter: {}, from: 0, follow: false, signal: new AbortController().signal } as const
    const [head] = await database.sql<{ note: string }>('SELECT note FROM audit_head')
    await vault.strongroom.commands.deliverLog(OPERATOR, { ...whole, deliver })
    await writeFile(file, lines.join(''))
    const against = { keys: [], checkpoints: [{ place: 'head', note: head!.note }], receipts: [] }
    expect(await verifyLog(await openLogOfFile(file), against)).toMatchObject({ findings: [], dropped: count })
    await writeFile(file, lines.join('').replace(/^.*\n/, ''))
    expect((await verifyLog(await openLogOfFile(file), against)).findings).not.toEqual([])

    const [victim] = await database.sql<{ id: string; sequence: number }>(
      'SELECT id, sequence::integer FROM audit_events JOIN audit_leaves ON event = id ORDER BY sequence LIMIT 1',
    )
    await database.sql('DELETE FROM audit_events WHERE id = $1', [victim!.id])
    expect((await verified()).findings).toMatchObject([{ code: 'removed', sequence: victim!.sequence }])
  } finally {
    await rm(path.dirname(file), { recursive: true })
    await vault.stop()
    await owner.close()
    await database.drop()
  }
})
