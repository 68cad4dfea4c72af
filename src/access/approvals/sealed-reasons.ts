import type { ReferencingTables } from '../../keys/sealing/referencing-tables.ts'
import type { SealContext } from '../../keys/sealing/seal-context.ts'
import { sealedTable } from '../../keys/sealing/sealed-table.ts'

/** What a sealed reason is bound to: its event or its approval. */
export function reasonContext(event: string): SealContext {
  return { site: '', kind: 'reason', token: event, part: 'reason', version: 1 }
}

/** What people wrote as the reason of a release or of a request for an approval. */
export const reasonTables: ReferencingTables = {
  sealed: [
    sealedTable('reveal_reasons', {
      parts: { reason: 'display' },
      identity: { event: 'text' },
      context: (row) => reasonContext(row.event as string),
    }),
  ],
  hashed: [],
}
