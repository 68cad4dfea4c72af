import type { TestVault } from './test-vault.ts'

/** An event, and where it is in the order in which events were written. */
export interface PlacedEvent {
  position: number
  id: string
  type: string
  outcome: string
  request_id?: string
}

/** The events that name a record, in their order. */
export async function placedEvents(vault: TestVault, token: string): Promise<PlacedEvent[]> {
  const rows = await vault.database.sql<{ position: string; body: string }>(
    'SELECT position, body FROM readable.audit_events WHERE body ~ $1 ORDER BY position',
    [token],
  )
  return rows.map(({ position, body }) => ({ ...JSON.parse(body), position: Number(position) }))
}
