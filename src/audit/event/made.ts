import { NumberRanges } from './number-ranges.ts'

/** What a process says of the numbers of its events. */
export interface NumberReport {
  process: string
  /** Every number up to this one belongs to a stored event, or is listed as skipped or lost in one. */
  settled: number
  /** Numbers that were rolled back, or whose outcome is not known: nothing was released under them. */
  skipped: NumberRanges
  /**
   * Numbers that were committed and not stored as they were made. Nothing was released under them, and an operator must
   * find out why.
   */
  lost: NumberRanges
}

/** What the body of an event says of the process that made it. */
export interface Made extends NumberReport {
  number: number
}

/**
 * The report of a process as it is stored, in `audit_claims`: the last events of a process have no later event that
 * vouches for them.
 */
export interface SignedReport {
  process: string
  /** JSON with sorted members: a `NumberReport`, and `closed` when the process makes no further event. */
  report: string
  /** Over the report, under the key of events, 48 bytes. */
  mac: Buffer
}

const START = '"made":'

/** What an event that the vault made says of itself, cut out of its body. Undefined for one of an earlier version. */
export function madeOf(body: string): Made | undefined {
  // Quotation marks inside a text are escaped, so that these are the members themselves.
  const start = body.indexOf(START)
  // The member holds numbers and ranges of them, and no object.
  const end = body.indexOf('}', start)
  if (start < 0 || end < 0) return undefined
  try {
    return readMade(JSON.parse(body.slice(start + START.length, end + 1)))
  } catch {
    return undefined
  }
}

/** Undefined when it does not say what it must. */
export function readMade(value: unknown): Made | undefined {
  const { number } = (value ?? {}) as Record<string, unknown>
  const report = readEvidence(value)
  if (report === undefined || !Number.isSafeInteger(number)) return undefined
  return { ...report, number: number as number }
}

/** Undefined when it does not say what it must. */
export function readEvidence(value: unknown): NumberReport | undefined {
  const { process, settled, skipped = [], lost = [] } = (value ?? {}) as Record<string, unknown>
  if (typeof process !== 'string' || !Number.isSafeInteger(settled)) return undefined
  const gaps = rangesOf(skipped)
  const gone = rangesOf(lost)
  if (gaps === undefined || gone === undefined) return undefined
  return { process, settled: settled as number, skipped: gaps, lost: gone }
}

function rangesOf(value: unknown): NumberRanges | undefined {
  return Array.isArray(value) ? NumberRanges.parse(value.map(String)) : undefined
}
