import { createBatch } from '../database/batch.ts'
import type { Database } from '../database/database.ts'
import { type ApprovalUse, releaseApproved } from './reveal/release-approved.ts'
import { type Release, type ReleaseOutcome, releaseRecords } from './reveal/release-store.ts'
import { type LookedUp, type LookUp, lookUpRecords } from './search/look-up-store.ts'
import { commitMatches, type Match } from './search/search-store.ts'
import { insertManyRecords, type NewRecords } from './tokenize/tokenize-store.ts'

/** The statements of the hot paths, each shared by the requests that arrive together. */
export interface RecordBatches {
  insert: (write: NewRecords) => Promise<undefined>
  release: (release: Release) => Promise<ReleaseOutcome[]>
  /** One record under an approval: it has a commit of its own, with the use of the approval. */
  releaseApproved: (release: Release, use: ApprovalUse) => Promise<ReleaseOutcome>
  commitMatch: (match: Match) => Promise<boolean>
}

const ownerOf = ({ owner = '' }: { owner?: string }) => owner

/** Eight of the largest batches of one caller may wait, and as many of all others. */
const MAX_WAITING_RECORDS = 64 * 1024

/** A request waits for at most two statements. A request that comes alone does not wait. */
const PACE_MS = 2

/** @param requireRelease throws when nothing may be released now */
export function createRecordBatches(database: Database, requireRelease: () => void = () => {}): RecordBatches {
  return {
    insert: createBatch({
      run: (writes: readonly NewRecords[]) => insertManyRecords(database, writes),
      weigh: ({ records, events = [] }) => Math.max(1, records.length + events.length),
      ownerOf,
      paceMs: PACE_MS,
      maxWaitingRows: MAX_WAITING_RECORDS,
    }),
    release: createBatch({
      run: async (releases: readonly Release[], isAlone) => {
        requireRelease()
        return releaseRecords(database, releases, isAlone)
      },
      weigh: ({ records }) => records.length,
      ownerOf,
      paceMs: PACE_MS,
    }),
    async releaseApproved(release, use) {
      requireRelease()
      return releaseApproved(database, release, use)
    },
    commitMatch: createBatch({
      run: async (matches: readonly Match[], isAlone) => {
        requireRelease()
        return commitMatches(database, matches, isAlone)
      },
      weigh: ({ events }) => events.length,
      ownerOf,
      paceMs: PACE_MS,
    }),
  }
}

/** Looks up what a request wants to open. Nothing of it may leave until its release has committed. */
export type LookUpRecords = (lookUp: LookUp) => Promise<LookedUp[]>

/** Requests that arrive together share the statement. */
export function createLookUp(database: Database): LookUpRecords {
  return createBatch({
    run: (lookUps: readonly LookUp[]) => lookUpRecords(database, lookUps),
    weigh: ({ tokens }) => tokens.length,
    ownerOf,
    paceMs: PACE_MS,
  })
}
