import { vi } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { findSchema } from '../../src/schema/accept-schema.ts'
import type { TestVault } from './test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

/** Has servers of one vault serve in spite of what a test has put into its schema, or taken out of it. */
export async function acceptPresentSchema(...servers: readonly [TestVault, ...TestVault[]]): Promise<void> {
  const [vault] = servers
  const database = openDatabase({ url: vault.database.serverUrl, maxConnections: 1 })
  const { hash } = await findSchema(database).finally(() => database.close())
  await vault.commands.acceptSchema(OPERATOR, hash)
  for (const { checkReady } of servers) await vi.waitFor(checkReady, { timeout: 20_000, interval: 100 })
}
