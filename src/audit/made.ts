import { NumberRanges } from './number-ranges.ts'

/** What the body of an event says of the process that made it. */
export interface Made {
  process: string
  number: number
  /** Every number below is of a stored event, or among the skipped or lost ones of a stored event. */
  settled: number
  /** Numbers that were rolled back, or whose outcome is not known: nothing left under them. */
  skipped: NumberRanges
  /** Numbers that were committed and not stored as they were made: nothing left under them, and somebody must look why. */
  lost: NumberRanges
}

const START = '"made":'
const END = ',"outcome":'

/** What an event that the vault made says of itself, cut out of its body. Undefined for one of an earlier version. */
export function madeOf(body: string): Made | undefined {
  // Quotation marks inside a text are escaped, so that these are the members themselves.
  const start = body.indexOf(START)
  const end = body.indexOf(END, start)
  if (start < 0 || end < 0) return undefined
  try {
    return readMade(JSON.parse(body.slice(start + START.length, end)))
  } catch {
    return undefined
  }
}

/** Undefined when it does not say what it must. */
export function readMade(value: unknown): Made | undefined {
  const { process, number, settled, skipped = [], lost = [] } = (value ?? {}) as Record<string, unknown>
  if (typeof process !== 'string' || !Number.isSafeInteger(number) || !Number.isSafeInteger(settled)) return undefined
  const gaps = rangesOf(skipped)
  const gone = rangesOf(lost)
  if (gaps === undefined || gone === undefined) return undefined
  return { process, number: number as number, settled: settled as number, skipped: gaps, lost: gone }
}

function rangesOf(value: unknown): NumberRanges | undefined {
  return Array.isArray(value) ? NumberRanges.parse(value.map(String)) : undefined
}
