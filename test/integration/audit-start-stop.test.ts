import { expect, it } from 'vitest'
import { createDatabaseWithKeys } from '../support/postgres.ts'
import { TestVault } from '../support/test-vault.ts'

it('the start and the stop of the log are events, the last ones in the log; a server that does not keep it has none', async () => {
  const database = await createDatabaseWithKeys()
  const log = () =>
    database.sql<{ type: string; caller: string }>(
      `SELECT type, caller FROM readable.audit_leaves JOIN readable.audit_events ON id = event
       WHERE type IN ('audit.start', 'audit.stop') ORDER BY sequence`,
    )
  try {
    for (const round of [1, 2]) {
      const keeper = await TestVault.start({ sharedDatabase: database, config: { keepsLog: true } })
      const other = await TestVault.start({ sharedDatabase: database })
      await other.stop()
      await keeper.stop()
      const both = [
        { type: 'audit.start', caller: 'strongroom' },
        { type: 'audit.stop', caller: 'strongroom' },
      ]
      expect(await log()).toEqual(Array.from({ length: round }, () => both).flat())
    }
    const left =
      'SELECT FROM readable.audit_events e WHERE NOT EXISTS (SELECT FROM readable.audit_leaves WHERE event = e.id)'
    expect(await database.sql(left)).toEqual([])
  } finally {
    await database.drop()
  }
})
