import { Problem } from '../../values/problem.ts'
import type { Answer } from '../route.ts'
import { PROBLEMS_PATH } from './problem-page.ts'

/**
 * The problem document of RFC 9457 section 3, with our `code`, `request_id` and `errors`. Its `type` is a page of the vault.
 *
 * @param issuer the vault's own URL
 */
export function problemDocument(problem: Problem, requestId: string, issuer: string): Record<string, unknown> {
  return {
    type: `${issuer}${PROBLEMS_PATH}/${problem.code}`,
    title: problem.title,
    status: problem.status,
    ...(problem.detail === undefined ? {} : { detail: problem.detail }),
    code: problem.code,
    request_id: requestId,
    ...(problem.errors.length === 0 ? {} : { errors: problem.errors }),
    ...problem.extensions,
  }
}

/** The only place that turns an error into an answer. */
export function problemAnswer(problem: Problem, requestId: string, issuer: string): Answer {
  return {
    status: problem.status,
    body: problemDocument(problem, requestId, issuer),
    contentType: 'application/problem+json',
    headers: problem.headers,
    problem,
  }
}

/**
 * The answer of the token endpoint: client libraries read `error` and `error_description`, and only `application/json`
 * (RFC 6749 section 5.2). It has the members of the problem too.
 */
export function tokenErrorAnswer(problem: Problem, requestId: string, issuer: string): Answer {
  const { error = errorFor(problem.status), ...document } = problemDocument(problem, requestId, issuer)
  const description = problem.detail ?? problem.title
  return {
    ...problemAnswer(problem, requestId, issuer),
    body: { error, error_description: description.replace(NOT_IN_DESCRIPTION, "'"), ...document },
    contentType: 'application/json',
  }
}

const NOT_IN_DESCRIPTION = /[^\x20-\x21\x23-\x5b\x5d-\x7e]/g

/** For faults before the grant is read; those of a 5xx are from RFC 6749 section 4.1.2.1. */
function errorFor(status: number): string {
  if (status === 429 || status === 503) return 'temporarily_unavailable'
  return status >= 500 ? 'server_error' : 'invalid_request'
}

/** Anything that is not a Problem becomes one that says nothing; the error itself goes to the log as its cause. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  // Express could not decode the path (`%E0%A4%A`); its message repeats the path.
  if (error instanceof URIError) return new Problem('malformed-url')
  return new Problem('internal', { cause: error })
}
