import { createBatch } from '../database/batch.ts'
import type { Database } from '../database/database.ts'
import { type Release, type ReleaseOutcome, releaseRecords } from './release-store.ts'
import { commitFindings, type Finding } from './search-store.ts'
import { insertRecords, type NewRecords } from './tokenize-store.ts'

/** The statements of the hot paths, each shared by the requests that arrive together. */
export interface RecordBatches {
  insert: (write: NewRecords) => Promise<undefined>
  release: (release: Release) => Promise<ReleaseOutcome[]>
  commitFinding: (finding: Finding) => Promise<boolean>
}

export function createRecordBatches(database: Database): RecordBatches {
  return {
    insert: createBatch({
      run: (writes: readonly NewRecords[]) => insertRecords(database, writes),
      weigh: ({ records, events = [] }) => Math.max(1, records.length + events.length),
    }),
    release: createBatch({
      run: (releases: readonly Release[]) => releaseRecords(database, releases),
      weigh: ({ records }) => records.length,
    }),
    commitFinding: createBatch({
      run: (findings: readonly Finding[]) => commitFindings(database, findings),
      weigh: ({ events }) => events.length,
    }),
  }
}
