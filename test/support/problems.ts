import type { Response } from 'supertest'
import { expect } from 'vitest'
import type { ProblemCode } from '../../src/values/problem-codes.ts'

/** The answer is the problem document of that code, in the form that every problem has (RFC 9457). */
export function expectProblem(response: Response, status: number, code: ProblemCode): void {
  expect({ status: response.status, code: response.body.code }, response.text).toEqual({ status, code })
  expect(response.headers['content-type']).toBe(problemTypeOf(response.body))
  expect(response.headers['cache-control']).toBe('no-store')
  expect(response.headers['request-id']).toBe(response.body.request_id)
  expect(response.body).toMatchObject({ status, title: expect.any(String), type: expect.stringMatching(/^https:\/\//) })
  if (status === 503) expect(Number(response.headers['retry-after'])).toBeGreaterThan(0)
}

/** The token endpoint's errors have the media type of RFC 6749 section 5.2, and `error` beside the members of a problem. */
export function problemTypeOf(document: Record<string, unknown>): string {
  return document.error === undefined ? 'application/problem+json' : 'application/json'
}

export function pointersOf(response: Response): string[] {
  return (response.body.errors ?? []).map((error: { pointer: string }) => error.pointer)
}

/** The body of a problem without what differs from one request to the next. */
export function withoutRequestId(response: Response): string {
  return response.text.replaceAll(response.body.request_id, 'req')
}
