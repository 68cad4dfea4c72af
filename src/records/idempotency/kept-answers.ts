import { hashedColumn } from '../../keys/sealing/hashed-column.ts'
import type { ReferencingTables } from '../../keys/sealing/referencing-tables.ts'
import { digestFacts } from '../../keys/sealing/row-facts.ts'
import type { SealContext } from '../../keys/sealing/seal-context.ts'
import { sealedTable } from '../../keys/sealing/sealed-table.ts'

/** The facts of a kept answer: which request it is the answer to, under which index key, and until when. */
export function answerFacts(answer: { requestHash: Buffer; indexKeyId: string; expiresAt: Date }): string {
  const { requestHash, indexKeyId, expiresAt } = answer
  return digestFacts(['answer', requestHash.toString('hex'), indexKeyId, Number(expiresAt)])
}

/** What a kept answer is bound to. The row's key is the hash, which names caller and key. */
export function answerContext(row: { keyHash: Buffer } & Parameters<typeof answerFacts>[0]): SealContext {
  const token = row.keyHash.toString('hex')
  return { site: '', kind: 'idempotency', token, part: 'response', version: 1, facts: answerFacts(row) }
}

/** A kept answer is sealed, and is found by a hash under an index key: it needs that key until it expires. */
export const answerTables: ReferencingTables = {
  sealed: [
    sealedTable('idempotency_keys', {
      parts: { response: 'display' },
      identity: { key_hash: 'bytea' },
      described: ['request_hash', 'index_key', 'expires_at'],
      context: (row) =>
        answerContext({
          keyHash: row.key_hash as Buffer,
          requestHash: row.request_hash as Buffer,
          indexKeyId: row.index_key_id as string,
          expiresAt: row.expires_at as Date,
        }),
    }),
  ],
  hashed: [
    hashedColumn('idempotency_keys.key_hash', {
      table: 'idempotency_keys',
      key: 'index_key',
      expiry: {
        column: 'expires_at',
        sentence:
          'These are answers kept for Idempotency-Keys, which expire 24 hours after they were given, and those of checkout sessions 24 hours after the session.',
      },
    }),
  ],
}
