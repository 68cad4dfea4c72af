import { randomBytes } from 'node:crypto'
import type { AuditFacts } from '../../src/audit/event/audit-event.ts'
import { insertEvents } from '../../src/audit/event/audit-store.ts'
import { createKeylessBook, inBook } from '../../src/audit/event/event-book.ts'
import { createNewAuditEvent } from '../../src/audit/event/new-audit-event.ts'
import { createNewId } from '../../src/values/identifier.ts'
import type { TestDatabase } from './postgres.ts'
import { TestVault } from './test-vault.ts'
import { openTestKeys } from './vault-keys.ts'

/**
 * Leaves a vault in the database that has existed for long: with keys, and with these events of then waiting for their place in
 * the log, in this order. The next start that keeps the log puts them there.
 */
export async function leaveOldLog(
  database: TestDatabase,
  events: readonly (AuditFacts & { at: Date })[],
): Promise<void> {
  const vault = await TestVault.start({ sharedDatabase: database })
  await vault.stop()
  await database.sql('DELETE FROM audit_events; DELETE FROM audit_claims; ALTER SEQUENCE audit_positions RESTART')
  const { database: opened, book, close } = await openTestKeys(database)
  try {
    const made = events.map(({ at, ...facts }) => {
      const now = () => at
      return inBook(book, createNewAuditEvent(now, createNewId(now, randomBytes)))(facts)
    })
    for (let at = 0; at < made.length; at += 1_000) await insertEvents(opened, made.slice(at, at + 1_000))
  } finally {
    await close()
  }
}

/** Leaves the event of a command that failed then, without keys. */
export async function failWithoutKeys(database: TestDatabase, at: Date): Promise<string> {
  const { database: opened, close } = await openTestKeys(database)
  try {
    const now = () => at
    const newId = createNewId(now, randomBytes)
    const newAuditEvent = inBook(createKeylessBook(newId('proc')), createNewAuditEvent(now, newId))
    const caller = { id: 'operator:test', kind: 'operator' } as const
    const event = newAuditEvent({
      type: 'request.refuse',
      outcome: 'failed',
      caller,
      route: 'roles apply',
      code: 'wrong-usage',
    })
    await insertEvents(opened, [event])
    return event.id
  } finally {
    await close()
  }
}
