import { Problem } from '../../values/problem.ts'
import type { ReleaseOutcome } from './release-store.ts'

/**
 * The record, if there is one to work on. Unknown, malformed and foreign tokens meet the same error.
 *
 * @throws {Problem} record-not-found, record-gone
 */
export function requireLive<Found extends object>(found: Found | 'erased' | undefined): Found {
  if (found === undefined) throw new Problem('record-not-found')
  if (found === 'erased') throw new Problem('record-gone')
  return found
}

/** @throws {Problem} record-not-found, record-gone, consent-missing, record-changed */
export function requireReleased(outcome: ReleaseOutcome): void {
  if (outcome === undefined) throw new Problem('record-not-found')
  if (outcome === 'erased') throw new Problem('record-gone')
  if (outcome === 'consent-missing') throw new Problem('consent-missing')
  if (outcome === 'changed') throw new Problem('record-changed', { retryAfterSeconds: 1 })
}
