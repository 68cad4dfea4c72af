import { randomBytes } from 'node:crypto'
import type { AuditFacts } from '../../src/audit/event/audit-event.ts'
import { createNewAuditEvent } from '../../src/audit/event/new-audit-event.ts'
import { createNewId } from '../../src/values/identifier.ts'
import { forgetMarks } from './forget-marks.ts'
import type { TestDatabase } from './postgres.ts'
import { TestVault } from './test-vault.ts'

/**
 * Leaves a vault in the database as a version without MACs of events has left it: with keys, and with these events waiting for
 * their place in the log, in this order. The next start takes them in.
 */
export async function leaveOldLog(
  database: TestDatabase,
  events: readonly (AuditFacts & { at: Date })[],
): Promise<void> {
  const vault = await TestVault.start({ sharedDatabase: database })
  await forgetMarks(vault)
  await vault.stop()
  await database.sql('DELETE FROM readable.audit_events')
  await database.sql('ALTER SEQUENCE audit_positions RESTART')
  const rows = events.map(({ at, ...facts }) => {
    const now = () => at
    return createNewAuditEvent(now, createNewId(now, randomBytes))(facts)
  })
  await database.sql(
    `INSERT INTO readable.audit_events (id, occurred_at, type, caller, token, site, body)
     SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])`,
    (['id', 'occurredAt', 'type', 'caller', 'token', 'site', 'body'] as const).map((name) =>
      rows.map((row) => row[name]),
    ),
  )
}
