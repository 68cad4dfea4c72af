import type { Queryable } from '../../database/database.ts'
import { type EventRow, selectWaitingRows } from '../event/event-row-store.ts'
import { hashLeaf } from '../formats/merkle.ts'
import type { EventAuthenticity } from './event-authenticity.ts'

const PAGE_ROWS = 1_000

/** What is known of the events that wait for their place in the log. */
export interface AuthenticWaiting {
  /** The hashes of the vault's own events, as their leaves will be. */
  waiting: Buffer[]
  /** Whether each of them could be authenticated or refused; not where the vault is sealed. */
  isWaitingKnown: boolean
}

export async function authenticateWaiting({
  database,
  authenticity,
}: {
  database: Queryable
  authenticity: EventAuthenticity
}): Promise<AuthenticWaiting> {
  const found: AuthenticWaiting = { waiting: [], isWaitingKnown: true }
  let rows: EventRow[] = []
  let after = -1
  do {
    rows = await selectWaitingRows(database, after, PAGE_ROWS)
    for (const row of rows) {
      const judgement = await authenticity.judge(row, database)
      if (judgement === 'authentic') found.waiting.push(hashLeaf(Buffer.from(row.body)))
      if (judgement === 'unknown') found.isWaitingKnown = false
    }
    after = rows.at(-1)?.position ?? after
  } while (rows.length === PAGE_ROWS)
  return found
}
