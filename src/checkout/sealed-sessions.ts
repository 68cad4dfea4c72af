import type { ReferencingTables } from '../keys/sealing/referencing-tables.ts'
import { digestFacts } from '../keys/sealing/row-facts.ts'
import type { SealContext } from '../keys/sealing/seal-context.ts'
import { sealedTable } from '../keys/sealing/sealed-table.ts'

/** What the facts of a session are bound to: a row cannot be moved to another id, and its time cannot be extended. */
export function sessionContext({ id, expiresAt }: { id: string; expiresAt: Date }): SealContext {
  const facts = digestFacts(['checkout-session', Number(expiresAt)])
  return { site: '', kind: 'checkout-session', token: id, part: 'facts', version: 1, facts }
}

/** What checkout sessions are for. */
export const sessionTables: ReferencingTables = {
  sealed: [
    sealedTable('checkout_sessions', {
      parts: { facts: 'display' },
      identity: { id: 'text' },
      described: ['expires_at'],
      context: (row) => sessionContext({ id: row.id as string, expiresAt: row.expires_at as Date }),
    }),
  ],
  hashed: [],
}
