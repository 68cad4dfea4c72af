import type { ProblemCode } from '../values/problem-codes.ts'
import type { Source } from './source/source.ts'

/** These are not malformed: a connection that was opened ahead and never used, and a method that is not served. */
const WELL_FORMED = new Set<ProblemCode>(['request-timeout', 'method-not-allowed'])

/** Counts a request that the parser could not read, in the metrics and in an event of the minute. */
export function createFramingErrors(
  metrics: { framingError(code: ProblemCode): void },
  strangers: { addMalformed(source: string): void },
): (code: ProblemCode, source: Source) => void {
  return (code, { network }) => {
    metrics.framingError(code)
    if (!WELL_FORMED.has(code)) strangers.addMalformed(network)
  }
}
