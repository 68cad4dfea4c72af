/** What can be wrong with what the vault holds; none is ever renamed. */
const recordFindingCodes = [
  'not-opened',
  'key-missing',
  'term-changed',
  'term-missing',
  'term-stray',
  'version-missing',
  'version-stray',
  'answer-stray',
  'reason-stray',
  'record-missing',
  'log-differs',
  'log-forged',
] as const

type RecordFindingCode = (typeof recordFindingCodes)[number]

/** One thing that is wrong, in plain words, and where. It holds no value of a record. */
export interface RecordFinding {
  code: RecordFindingCode
  detail: string
  token?: string | undefined
  /** The event or approval that a reason belongs to. */
  event?: string | undefined
}

/** What was found in some rows of a table, in the order of its primary key. */
export interface CheckedPage {
  /** How many rows were looked at. */
  rows: number
  /** Where the next page begins; undefined after the last one. */
  next: readonly unknown[] | undefined
  findings: RecordFinding[]
  /** How many values are not bound to their row yet: an earlier version has made them, and no rotation has moved them. */
  unbound: number
}

/** One table, and how a page of it is checked. */
export interface Walk {
  table: string
  check(after: readonly unknown[] | undefined): Promise<CheckedPage>
}
