import { describe, expect, it } from 'vitest'
import { Problem } from '../../values/problem.ts'
import { RequestProblem } from '../request-problem.ts'
import { problemAnswer, problemDocument, tokenErrorAnswer } from './problem-document.ts'

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

  it('names the request for approval that waits', () => {
    const problem = new Problem('approval-required', { approval: 'appr_1' })
    expect(problemDocument(problem, 'req_1', ISSUER)).toMatchObject({ status: 403, approval: 'appr_1' })
  })

  it('holds neither the cause nor a stack', () => {
    const cause = new Error('Key (number)=(4242424242424242) already exists.')
    const text = JSON.stringify(problemDocument(new Problem('internal', { cause }), 'req_1', ISSUER))
    expect(text).not.toMatch(/4242|stack|cause|\.ts/)
  })
})

describe('the answer', () => {
  it('is application/problem+json with the status and the headers of the problem', () => {
    const problem = new RequestProblem('method-not-allowed', { Allow: 'GET, HEAD' })
    expect(problemAnswer(problem, 'req_1', ISSUER)).toEqual({
      status: 405,
      body: problemDocument(problem, 'req_1', ISSUER),
      contentType: 'application/problem+json',
      headers: { Allow: 'GET, HEAD' },
      problem,
    })
  })

  it.each([
    [new Problem('sealed'), { 'Retry-After': '1' }],
    [new Problem('sealed', { retryAfterSeconds: 30 }), { 'Retry-After': '30' }],
    [new Problem('too-many-requests', { retryAfterSeconds: 17 }), { 'Retry-After': '17' }],
    [new Problem('internal'), {}],
  ])('says when to try again, and with what: $0.code', (problem, headers) => {
    expect(problemAnswer(problem, 'req_1', ISSUER).headers).toEqual(headers)
  })
})

describe('the answer of the token endpoint', () => {
  it('has the error that the problem names, and the members of the problem', () => {
    const problem = new Problem('invalid-token-request', {
      detail: 'a "b" \\ é',
      oauthError: 'invalid_scope',
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
