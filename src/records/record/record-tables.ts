import { hashedColumn } from '../../keys/sealing/hashed-column.ts'
import type { ReferencingTables } from '../../keys/sealing/referencing-tables.ts'
import { type Row, sealedTable } from '../../keys/sealing/sealed-table.ts'
import { keptPartContext, type OpenRecord, partContext, type RecordPart } from './record.ts'
import { termPartitions } from './term-partitions-store.ts'

/** The sealed values of records, and the hashes that they are found by. */
export const recordTables: ReferencingTables = {
  sealed: [
    sealedTable('records', {
      parts: { display: 'display', secret: 'secret' },
      holdsRecords: true,
      identity: { token: 'uuid' },
      // A correction that was made in the meantime must not be overwritten.
      unchanged: { version: 'integer' },
      described: ['kind', 'site', 'policy', 'consents', 'created_at', 'updated_at'],
      context: (row, part) => partContext(openRecordOf(row), part as RecordPart),
    }),
    sealedTable('record_versions', {
      parts: { display: 'display', secret: 'secret' },
      identity: { token: 'uuid', version: 'integer' },
      described: ['kind', 'site', 'replaced_at'],
      context: (row, part) => keptPartContext(placeOf(row), part as RecordPart, row.replaced_at as Date),
    }),
  ],
  hashed: [hashedColumn('search_terms', { table: 'search_terms', key: 'key', partitions: termPartitions })],
}

type Place = Pick<OpenRecord, 'token' | 'kind' | 'site' | 'version'>

function placeOf({ token, kind, site, version }: Row): Place {
  return { token, kind, site, version } as Place
}

function openRecordOf(row: Row): OpenRecord {
  return {
    ...placeOf(row),
    consents: row.consents as string[],
    policyVersion: (row.policy_version as string | null) ?? undefined,
    createdAt: row.created_at as Date,
    updatedAt: row.updated_at as Date,
  }
}
