import { describe, expect, it } from 'vitest'
import { Problem } from '../../values/problem.ts'
import { problemAnswer, problemDocument, tokenErrorAnswer, toProblem } from './problem-response.ts'

const ISSUER = 'https://vault.example'

describe('the problem document', () => {
  it('has the members of RFC 9457 and ours, and no empty ones', () => {
    expect(problemDocument(new Problem('record-gone'), 'req_1', ISSUER)).toEqual({
      type: 'https://vault.example/problems/record-gone',
      title: 'The record has been erased',
      status: 410,
      code: 'record-gone',
      request_id: 'req_1',
    })
  })

  it('says where the input is wrong', () => {
    const errors = [{ pointer: '#/card/number', detail: 'has a wrong check digit' }]
    expect(
      problemDocument(new Problem('invalid-card-number', { errors, detail: 'see errors' }), 'req_1', ISSUER),
    ).toEqual({
      type: 'https://vault.example/problems/invalid-card-number',
      title: 'The card number is not acceptable',
      status: 422,
      detail: 'see errors',
      code: 'invalid-card-number',
      request_id: 'req_1',
      errors,
    })
  })

  it('holds neither the cause nor a stack', () => {
    const cause = new Error('Key (number)=(4242424242424242) already exists.')
    const text = JSON.stringify(problemDocument(new Problem('internal', { cause }), 'req_1', ISSUER))
    expect(text).not.toMatch(/4242|stack|cause|\.ts/)
  })
})

describe('the answer', () => {
  it('is application/problem+json with the status and the headers of the problem', () => {
    const problem = new Problem('method-not-allowed', { headers: { Allow: 'GET, HEAD' } })
    expect(problemAnswer(problem, 'req_1', ISSUER)).toEqual({
      status: 405,
      body: problemDocument(problem, 'req_1', ISSUER),
      contentType: 'application/problem+json',
      headers: { Allow: 'GET, HEAD' },
      problem,
    })
  })

  it('says when to try again after a 503', () => {
    expect(problemAnswer(new Problem('sealed'), 'req_1', ISSUER).headers).toEqual({ 'Retry-After': '1' })
  })
})

describe('the answer of the token endpoint', () => {
  it('has the error that the problem names, and the members of the problem', () => {
    const problem = new Problem('invalid-token-request', {
      detail: 'a "b" \\ é',
      extensions: { error: 'invalid_scope' },
    })
    expect(tokenErrorAnswer(problem, 'req_1', ISSUER)).toEqual({
      ...problemAnswer(problem, 'req_1', ISSUER),
      contentType: 'application/json',
      body: { ...problemDocument(problem, 'req_1', ISSUER), error: 'invalid_scope', error_description: "a 'b' ' '" },
    })
  })

  it.each([
    ['malformed-json', 'invalid_request'],
    ['too-many-requests', 'temporarily_unavailable'],
    ['busy', 'temporarily_unavailable'],
    ['internal', 'server_error'],
  ] as const)('calls %s %s', (code, error) => {
    expect(tokenErrorAnswer(new Problem(code), 'req_1', ISSUER).body).toMatchObject({ code, error })
  })
})

describe('toProblem', () => {
  it('leaves a Problem as it is', () => {
    const problem = new Problem('busy')
    expect(toProblem(problem)).toBe(problem)
  })

  it('makes a malformed URL of what Express could not decode, without its message', () => {
    const problem = toProblem(new URIError("Failed to decode param '/v1/tokens/4242424242424242%E0%A4%A'"))
    expect(problem).toMatchObject({ code: 'malformed-url', status: 400 })
    expect(problem.cause).toBeUndefined()
  })

  it.each([
    ['an error', new Error('4242424242424242')],
    ['an error that asks to be shown', Object.assign(new Error('4242424242424242'), { expose: true, status: 418 })],
    ['a text', '4242424242424242'],
    ['nothing', undefined],
    ['something that only looks like a Problem', { name: 'Problem', code: 'record-gone', status: 410, title: '4242' }],
  ])('makes an internal problem that says nothing of %s', (_what, thrown) => {
    const problem = toProblem(thrown)
    expect(problem).toMatchObject({ code: 'internal', status: 500, detail: undefined, errors: [], headers: {} })
    expect(problem.cause).toBe(thrown)
    expect(JSON.stringify(problemAnswer(problem, 'req_1', ISSUER).body)).not.toContain('4242')
  })
})
