import { describe, expect, it } from 'vitest'
import { Problem, toProblem } from './problem.ts'
import { PROBLEM_CODES, titleOf } from './problem-codes.ts'

it.each(PROBLEM_CODES)('%s has a title to which a sentence can be added', (code) => {
  expect(titleOf(code)).toMatch(/^[A-Z].{5,}[^.]$/)
})

describe('a Problem', () => {
  it('keeps its cause apart from what it says', () => {
    const cause = new Error('4242424242424242')
    const problem = new Problem('internal', { cause })
    expect(problem.cause).toBe(cause)
    expect(JSON.stringify({ ...problem, cause: undefined, message: problem.message })).not.toContain('4242')
    expect('cause' in new Problem('internal')).toBe(false)
  })
})

describe('toProblem', () => {
  it('leaves a Problem as it is', () => {
    const problem = new Problem('busy')
    expect(toProblem(problem)).toBe(problem)
  })

  it.each([
    ['an error', new Error('4242424242424242')],
    ['an error that asks to be shown', Object.assign(new Error('4242424242424242'), { expose: true, status: 418 })],
    ['a text', '4242424242424242'],
    ['nothing', undefined],
    ['something that only looks like a Problem', { name: 'Problem', code: 'record-gone', detail: '4242' }],
  ])('makes an internal problem that says nothing of %s', (_what, thrown) => {
    const problem = toProblem(thrown)
    expect(problem).toMatchObject({ code: 'internal', detail: undefined, errors: [] })
    expect(problem.cause).toBe(thrown)
    expect(JSON.stringify({ ...problem, cause: undefined, message: problem.message })).not.toContain('4242')
  })
})
