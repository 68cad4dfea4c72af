import type { Problem } from '../../values/problem.ts'
import { titleOf } from '../../values/problem-codes.ts'
import { RequestProblem } from '../request-problem.ts'
import type { Answer } from '../route.ts'
import { PROBLEMS_PATH } from './problem-page.ts'
import { PROBLEM_STATUSES } from './problem-statuses.ts'

/**
 * The problem document of RFC 9457 section 3, with our `code`, `request_id` and `errors`. Its `type` is a page of the vault.
 *
 * @param issuer the vault's own URL
 */
export function problemDocument(problem: Problem, requestId: string, issuer: string): Record<string, unknown> {
  const { code, detail, errors, approval } = problem
  return {
    type: `${issuer}${PROBLEMS_PATH}/${code}`,
    title: titleOf(code),
    status: statusOf(problem),
    ...(detail === undefined ? {} : { detail }),
    code,
    request_id: requestId,
    ...(errors.length === 0 ? {} : { errors }),
    ...(approval === undefined ? {} : { approval }),
  }
}

/** The only place that turns a Problem into an answer. */
export function problemAnswer(problem: Problem, requestId: string, issuer: string): Answer {
  return {
    status: statusOf(problem),
    body: problemDocument(problem, requestId, issuer),
    contentType: 'application/problem+json',
    headers: problemHeaders(problem),
    problem,
  }
}

export function statusOf({ code }: Problem): number {
  return PROBLEM_STATUSES[code]
}

/** When to ask a vault again that cannot serve, if the problem does not say. */
const RETRY_AFTER_SECONDS = 1

/** All headers but the challenges, which depend on the route: `challengeHeaders` has those. */
export function problemHeaders(problem: Problem): Record<string, string> {
  const { retryAfterSeconds = problem.kind === 'unavailable' ? RETRY_AFTER_SECONDS : undefined } = problem
  return {
    ...(problem instanceof RequestProblem ? problem.headers : {}),
    ...(retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) }),
  }
}

/**
 * The answer of the token endpoint: client libraries read `error` and `error_description`, and only `application/json`
 * (RFC 6749 section 5.2). It has the members of the problem too.
 */
export function tokenErrorAnswer(problem: Problem, requestId: string, issuer: string): Answer {
  const { oauthError: error = errorFor(statusOf(problem)), detail, code } = problem
  const description = detail ?? titleOf(code)
  return {
    ...problemAnswer(problem, requestId, issuer),
    body: {
      error,
      error_description: description.replace(NOT_IN_DESCRIPTION, "'"),
      ...problemDocument(problem, requestId, issuer),
    },
    contentType: 'application/json',
  }
}

const NOT_IN_DESCRIPTION = /[^\x20-\x21\x23-\x5b\x5d-\x7e]/g

/** For faults before the grant is read; those of a 5xx are from RFC 6749 section 4.1.2.1. */
function errorFor(status: number): string {
  if (status === 429 || status === 503) return 'temporarily_unavailable'
  return status >= 500 ? 'server_error' : 'invalid_request'
}
