import { createBatch } from '../database/batch.ts'
import type { Database } from '../database/database.ts'
import { type FoundRecord, findRecords, type RecordLookup } from './record-store.ts'
import { commitReleases, type Release } from './release-store.ts'
import type { Token } from './token.ts'
import { insertRecords, type NewRecords } from './tokenize-store.ts'

/** The statements of the hot paths, each shared by the requests that arrive together. */
export interface RecordBatches {
  insert: (write: NewRecords) => Promise<undefined>
  find: (lookup: RecordLookup) => Promise<Map<Token, FoundRecord>>
  release: (release: Release) => Promise<boolean>
}

export function createRecordBatches(database: Database): RecordBatches {
  return {
    insert: createBatch({
      run: (writes: readonly NewRecords[]) => insertRecords(database, writes),
      weigh: ({ records, events = [] }) => Math.max(1, records.length + events.length),
    }),
    find: createBatch({
      run: (lookups: readonly RecordLookup[]) => findRecords(database, lookups),
      weigh: ({ tokens }) => tokens.length,
    }),
    release: createBatch({
      run: (releases: readonly Release[]) => commitReleases(database, releases),
      weigh: ({ events }) => events.length,
    }),
  }
}
