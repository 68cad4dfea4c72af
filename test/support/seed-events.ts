import { randomBytes } from 'node:crypto'
import { vi } from 'vitest'
import type { AuditFacts } from '../../src/audit/event/audit-event.ts'
import { insertEvents } from '../../src/audit/event/audit-store.ts'
import { inBook } from '../../src/audit/event/event-book.ts'
import { createNewAuditEvent } from '../../src/audit/event/new-audit-event.ts'
import { openDatabase } from '../../src/database/database.ts'
import { createNewId } from '../../src/values/identifier.ts'
import type { TestVault } from './test-vault.ts'

/** Writes events of those times as a server does. @returns their ids */
export async function seedEvents(vault: TestVault, events: readonly (AuditFacts & { at: Date })[]): Promise<string[]> {
  const database = openDatabase({ url: vault.database.serverUrl, maxConnections: 1 })
  try {
    const made = events.map(({ at, ...facts }) => {
      const now = () => at
      return inBook(vault.book, createNewAuditEvent(now, createNewId(now, randomBytes)))(facts)
    })
    for (let at = 0; at < made.length; at += 1_000) await insertEvents(database, made.slice(at, at + 1_000))
    return made.map(({ id }) => id)
  } finally {
    await database.close()
  }
}

/** Waits until every event that was committed so far has its place in the log. */
export async function waitUntilLogged(vault: TestVault): Promise<void> {
  const committed = (await vault.database.sql<{ id: string }>('SELECT id FROM readable.audit_events')).map(
    ({ id }) => id,
  )
  const left = async () => {
    const rows = await vault.database.sql('SELECT FROM readable.audit_leaves WHERE event = ANY ($1)', [committed])
    return committed.length - rows.length
  }
  await vi.waitUntil(async () => (await left()) === 0, { timeout: 20_000, interval: 50 })
}
