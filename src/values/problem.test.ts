import { describe, expect, it } from 'vitest'
import { Problem, problemCodes } from './problem.ts'

describe('the registry of codes', () => {
  it('names every code once', () => {
    const codes = problemCodes.map(({ code }) => code)
    expect(new Set(codes).size).toBe(codes.length)
    expect(codes.length).toBeGreaterThan(30)
  })

  it.each(problemCodes)('$code is kebab-case, with an error status and a title', ({ code, status, title }) => {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/)
    expect(Number.isInteger(status) && status >= 400 && status <= 599).toBe(true)
    expect(title).toMatch(/^[A-Z].{5,}[^.]$/)
  })
})

describe('a Problem', () => {
  it.each(problemCodes)('of $code carries the status and the title of its code', ({ code, status, title }) => {
    expect(new Problem(code)).toMatchObject({ name: 'Problem', message: code, code, status, title, errors: [] })
  })

  it.each(problemCodes)('of $code says when to try again exactly if it is a 503', ({ code, status }) => {
    expect(new Problem(code).headers['Retry-After']).toBe(status === 503 ? '1' : undefined)
  })

  it('says when to try again as it was told, beside its other headers', () => {
    const problem = new Problem('too-many-requests', { retryAfterSeconds: 17, headers: { 'X-Other': 'kept' } })
    expect(problem.headers).toEqual({ 'X-Other': 'kept', 'Retry-After': '17' })
    expect(new Problem('sealed', { retryAfterSeconds: 30 }).headers).toEqual({ 'Retry-After': '30' })
  })

  it('keeps its cause apart from what it says', () => {
    const cause = new Error('4242424242424242')
    const problem = new Problem('internal', { cause })
    expect(problem.cause).toBe(cause)
    expect(JSON.stringify({ ...problem, cause: undefined, message: problem.message })).not.toContain('4242')
    expect('cause' in new Problem('internal')).toBe(false)
  })
})
