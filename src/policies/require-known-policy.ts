import { Problem } from '../values/problem.ts'
import type { PolicySet } from './policy.ts'

/**
 * Refuses a version that a shopper cannot have been shown. Before the first one is published any name will do. A set that was changed
 * outside the vault names no version, and keeps nothing from being stored: it releases nothing.
 *
 * @throws {Problem} unknown-policy-version
 */
export function requireKnownPolicy({ published }: PolicySet, version: string | undefined): void {
  if (version === undefined || published.length === 0) return
  if (published.some((policy) => policy.version === version)) return
  const detail = 'is not a published version'
  throw new Problem('unknown-policy-version', { errors: [{ pointer: '#/policy_version', detail }] })
}
