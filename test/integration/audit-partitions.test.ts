import { afterAll, beforeAll, expect, it } from 'vitest'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start()
})
afterAll(() => vault.stop())

const partitions = async () =>
  (
    await vault.database.sql<{ name: string }>(
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit_events'::regclass ORDER BY 1",
    )
  ).map(({ name }) => name)

it('a server makes the partitions of the months to come, without a right to anything else of the schema', async () => {
  const before = await partitions()
  const ahead = before.filter((name) => /^audit_events_\d{4}_\d{2}$/.test(name))
  expect(ahead).toHaveLength(3)
  // As after a long stop: the last two months were never prepared.
  for (const name of ahead.slice(1)) await vault.database.sql(`DROP TABLE ${name}`)
  const server = await TestVault.start({ sharedDatabase: vault.database, config: { keepsLog: true } })
  await server.stop()
  expect(await partitions()).toEqual(before)
  expect(server.logLines.join('')).not.toContain('background task failed')
})
