import { expect, vi } from 'vitest'
import type { TestDatabase } from './postgres.ts'

/** Disables a person as a command without keys leaves it, and waits for a server to take that into the ledger of access. */
export async function expectTakenIn(database: TestDatabase): Promise<void> {
  const entries = "SELECT state FROM access_ledger WHERE subject = 'disabled staff:taken-in'"
  expect(await database.sql(entries)).toEqual([])
  await database.sql("INSERT INTO disabled_staff (id, disabled_at) VALUES ('staff:Taken-in', now())")
  await vi.waitFor(async () => expect(await database.sql(entries)).toEqual([{ state: 'refused' }]), {
    timeout: 20_000,
    interval: 50,
  })
}
