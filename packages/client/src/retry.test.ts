import { describe, expect, it } from 'vitest'
import { VaultProblem, VaultUnreachable } from './errors.ts'
import { pauseBeforeRetry } from './retry.ts'

function problem(status: number, code: string | undefined, retryAfter?: string): VaultProblem {
  const headers = new Headers(retryAfter === undefined ? {} : { 'retry-after': retryAfter })
  return new VaultProblem(status, headers, code === undefined ? {} : { code: code as never })
}

const lost = new VaultUnreachable('connection', 'it broke')

describe('a call is repeated', () => {
  it.each([
    ['no answer', lost],
    ['a time-out', new VaultUnreachable('timeout', 'too late')],
    ['a proxy that gave up', problem(504, undefined)],
  ])('after %s, if it can be', (_what, error) => {
    expect(pauseBeforeRetry(error, 1, true)).toBeGreaterThan(0)
    expect(pauseBeforeRetry(error, 1, false)).toBeUndefined()
  })

  it.each([
    [503, 'busy'],
    [429, 'too-many-requests'],
    [409, 'request-in-flight'],
    [409, 'record-changed'],
  ])('in any case when the vault says when, as with %i %s', (status, code) => {
    for (const isRepeatable of [true, false]) {
      expect(pauseBeforeRetry(problem(status, code, '7'), 1, isRepeatable)).toBeGreaterThanOrEqual(7_000)
    }
  })

  it('at the date that the vault names', () => {
    const date = new Date(Date.now() + 60_000).toUTCString()
    expect(pauseBeforeRetry(problem(503, 'sealed', date), 1, true)).toBeGreaterThan(50_000)
  })

  it('after longer pauses each time, up to a limit, and not at once with others', () => {
    const pauses = [1, 2, 3, 4, 5, 6, 7].map((attempts) => pauseBeforeRetry(lost, attempts, true)!)
    for (const [at, pause] of pauses.entries()) {
      const longest = Math.min(250 * 2 ** at, 4_000)
      expect(pause).toBeGreaterThanOrEqual(longest / 2)
      expect(pause).toBeLessThanOrEqual(longest)
    }
    expect(new Set(Array.from({ length: 20 }, () => pauseBeforeRetry(lost, 3, true))).size).toBeGreaterThan(1)
  })
})

describe('a call is not repeated', () => {
  it.each([
    ['a refusal', problem(422, 'invalid-input')],
    ['a fault of the vault that stays', problem(500, 'record-integrity')],
    ['a certificate that is not trusted', new VaultUnreachable('certificate', 'unknown authority')],
    ['a mistake of the program', new TypeError('not a function')],
  ])('after %s', (_what, error) => {
    expect(pauseBeforeRetry(error, 1, true)).toBeUndefined()
  })
})
