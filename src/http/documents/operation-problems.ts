import { PROBLEM_CODES, type ProblemCode } from '../../values/problem-codes.ts'
import type { Route } from '../route.ts'

/** Any request may meet them, before the route is known or whatever it is. */
const ANY_CALL = [
  'malformed-request',
  'malformed-url',
  'query-not-accepted',
  'request-timeout',
  'headers-too-large',
  'unknown-transfer-coding',
  'unknown-member',
  'internal',
  'shutting-down',
] as const satisfies readonly ProblemCode[]

/** The codes that need not be looked up for a call. */
export const PROBLEMS_OF_ANY_CALL: ReadonlySet<ProblemCode> = new Set(ANY_CALL)

const OF_AUDITED = ['busy', 'audit-unavailable', 'database-unavailable'] as const satisfies readonly ProblemCode[]

/** What keeps the vault from serving. */
const OF_CLOSED = ['sealed', 'schema-changed', 'audit-log-changed'] as const satisfies readonly ProblemCode[]

const OF_CALLERS = [
  'unauthenticated',
  'scope-missing',
  'caller-suspended',
  'contract-ended',
  'too-many-requests',
  'issuer-unavailable',
  'key-expired',
] as const satisfies readonly ProblemCode[]

const OF_BODIES = [
  'malformed-json',
  'body-too-large',
  'unsupported-media-type',
  'invalid-input',
  'sensitive-authentication-data',
  'card-number-in-text',
] as const satisfies readonly ProblemCode[]

const OF_IDEMPOTENT = [
  'invalid-idempotency-key',
  'idempotency-key-reused',
  'request-in-flight',
  'record-gone',
] as const satisfies readonly ProblemCode[]

/** Every code that a call of the route may be answered with, in the order of the registry. */
export function problemsOf<C>(route: Route<C>): ProblemCode[] {
  const codes = new Set<ProblemCode>([
    ...ANY_CALL,
    ...(route.answersAnyHost ? [] : (['wrong-host'] as const)),
    ...(route.audited ? OF_AUDITED : []),
    ...(route.answersSealed ? [] : OF_CLOSED),
    ...(route.answersSealed || route.answersOlder ? [] : (['restored-backup'] as const)),
    ...(route.access === 'public' ? [] : OF_CALLERS),
    ...(route.body ? OF_BODIES : []),
    ...(route.query ? (['invalid-input'] as const) : []),
    ...(route.idempotent ? OF_IDEMPOTENT : []),
    ...(route.problems ?? []),
  ])
  return PROBLEM_CODES.filter((code) => codes.has(code))
}
