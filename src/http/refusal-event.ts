import type { Problem } from '../values/problem.ts'
import type { ProblemCode } from '../values/problem-codes.ts'

/** What is known of a request that was refused. */
interface Refused {
  /** Whether it came to a route whose refusals are events. */
  audited: boolean
  /** Codes that are not events at that route. */
  silentRefusals?: readonly ProblemCode[] | undefined
  caller?: unknown
}

/** The facts that are read only when the request is refused. */
interface Known<Asked> extends Refused {
  asked?: () => Asked
  claimedClient?: () => string | undefined
}

/** Refused for the URL, before any route: it cannot be decoded, or holds what no URL may hold. */
const MALFORMED = new Set<ProblemCode>(['malformed-url', 'query-not-accepted'])
/** For unknown callers this would only fill the log, because the Internet asks for paths that do not exist. */
const ASTRAY = new Set<ProblemCode>(['not-found', 'method-not-allowed'])
/** The log cannot be written. Such answers are counted, and `audit.gap` says how many. */
const WITHOUT_LOG = new Set<ProblemCode>(['database-unavailable', 'audit-unavailable'])

/** Whether to look for a token in a request that reached no route. */
export function mayComeFromCaller({ code }: Problem, { audited }: Refused): boolean {
  return !audited && (MALFORMED.has(code) || ASTRAY.has(code))
}

/**
 * Whether a refusal is an event: one at an audited route, a malformed URL, a known caller on a wrong path, and a
 * failure of the vault.
 */
export function leavesEvent({ code, kind }: Problem, { audited, silentRefusals, caller }: Refused): boolean {
  if (WITHOUT_LOG.has(code) || silentRefusals?.includes(code)) return false
  if (audited) return true
  // A health check that answers 503 has worked.
  if (kind !== 'refused') return kind !== 'unavailable'
  return MALFORMED.has(code) || (ASTRAY.has(code) && caller !== undefined)
}

/**
 * Whether the answer stays as it is if its event cannot be written, because it says nothing about a record or a caller.
 * Every other refusal is answered only once its event has committed.
 */
function isAnsweredAnyway({ code, kind }: Problem, { audited }: Refused): boolean {
  return !audited || (kind !== 'refused' && code !== 'record-integrity')
}

/** The facts for the event of a refusal. Late facts are read now. */
export function refusalOf<Asked, T extends Known<Asked>>(problem: Problem, trace: T) {
  const [asked, claimedClient] = [trace.asked?.(), trace.claimedClient?.()]
  return { ...trace, problem, asked, claimedClient, isAnsweredAnyway: isAnsweredAnyway(problem, trace) }
}
