import type { EventColumns } from '../event/event-columns.ts'

/** Where a log is read from to verify it: the database of a vault, or an exported file. */
export interface LogSource {
  /** What the vault says about its own log, or the last checkpoint of a file. Null if there is none. */
  head: LogEvidence | null
  /** Whether it comes without the vault, like a file, so that only signatures prove that all of it is the log. */
  isAlone: boolean
  /** How many leaves there are, or one more than the number of the last. */
  end: number
  /** The log in order, in pages. */
  pages(): AsyncIterable<LogPage>
  /** Committed events that have no leaf, in the order of their insertion. */
  waiting?(): AsyncIterable<readonly WaitingEvent[]>
  /** The records that there are now. */
  records?(): AsyncIterable<readonly RecordState[]>
  /** Those records and all that the log says of them, at one moment: events may have come since the log was read. */
  lookAgain?(tokens: readonly string[]): Promise<RecordAgain[]>
}

/** A checkpoint of the log, before anything in it is believed. */
export interface LogEvidence {
  /** Its place, for a person. */
  place: string
  note: string
  /** The columns of the note, which must repeat it. */
  beside?: { size: number; origin?: string; root?: Buffer } | undefined
}

/** A stretch of the log. Every page but the last ends where a tile of 256 leaves does. */
export interface LogPage {
  /** The first leaf of the next page. */
  to: number
  /** In ascending order. */
  leaves: readonly LoggedLeaf[]
  /** The stored hash of a complete subtree of 256^level leaves that ends on this page. */
  subtree(level: number, index: number): Buffer | undefined
  /** Whether those hashes are stored. */
  hasSubtrees: boolean
  /** Whether events were dropped since the page before was read, which may have been there then. */
  isAfterDrop?: boolean
  /** The checkpoint of the vault at the end of the log, if it differs from that at the beginning. */
  head?: LogEvidence | undefined
  /** The checkpoints that were kept of trees larger than where this page begins, up to its end; ascending. */
  checkpoints: readonly LogEvidence[]
}

export interface LoggedLeaf {
  sequence: number
  /** The hash as it is stored; undefined where only events are. */
  hash: Buffer | undefined
  /** The id of its event, where the leaf names one. */
  event: string | undefined
  /** Undefined when the event is not there. */
  stored: StoredEvent | undefined
}

export interface StoredEvent {
  body: string
  /** What is stored beside the body and must repeat it; undefined where nothing is. */
  columns: EventColumns | undefined
}

export interface WaitingEvent extends StoredEvent {
  columns: EventColumns
  /** Whether the log has passed it. */
  isPassed: boolean
}

export interface RecordState {
  token: string
  version: number
  isErased: boolean
  createdAt: Date
}

/** A record, and what the log says of it. */
export interface RecordAgain {
  record: RecordState
  /** In the order of the log. */
  events: readonly StoredEvent[]
}

/** The key of a subtree in a page's map. */
export function subtreeKey(level: number, index: number): string {
  return `${level}/${index}`
}
