import { describe, expect, it } from 'vitest'
import { sampleDestination } from '../../../test/support/sample-destination.ts'
import { Problem } from '../../values/problem.ts'
import { describeRequest } from './describe-request.ts'

describe('a dry run', () => {
  const masked = {
    card: { brand: 'visa', last4: '4242', exp_month: 5, exp_year: 2031 },
    billing_address: { country: 'SG' },
  }
  const to = sampleDestination(
    {
      exp: { $card: 'expiry' },
      cvc: { $card: 'security_code', optional: true },
      zip: { $address: 'postal_code', of: 'billing' },
      amount: { $in: 'amount', type: 'integer' },
      merchant: { $secret: 'merchant' },
      email: { $contact: 'email', optional: true },
    },
    {
      path: '/v1/{id}',
      headers: { 'X-M': { $secret: 'merchant' } },
      sign: [
        { with: 'bearer', secret: 'key' },
        { with: 'hmac', secret: 'key', algorithm: 'sha256', header: 'X-Signature', encoding: 'hex', prefix: 'sha256=' },
      ],
    },
  )

  it('shows the request with values masked and secrets named, and signs nothing', () => {
    const sent = { input: { amount: 1000, id: 'p1' }, headers: {}, hasCode: true }
    expect(describeRequest(to, masked, sent)).toEqual({
      method: 'POST',
      url: 'https://api.example.com/v1/p1',
      headers: {
        'Content-Type': 'application/json',
        'X-M': 'secret:merchant',
        Authorization: 'Bearer secret:key',
        'X-Signature': 'sha256=(made when it is sent)',
      },
      body: { number: '•••• 4242', exp: '••', cvc: '••', zip: '••', amount: 1000, merchant: 'secret:merchant' },
    })
  })

  it('finds what is wrong with the request', () => {
    const sent = { input: { id: 'p1' }, headers: {} }
    expect(() => describeRequest(to, masked, sent)).toThrow(Problem)
    expect(() => describeRequest(to, {}, { ...sent, input: { amount: 1, id: 'p1' } })).toThrow(Problem)
  })

  it('shows a form as its pairs', () => {
    const form = sampleDestination({ a: { b: [{ $card: 'exp_month' }] } }, { encoding: 'form' })
    expect(describeRequest(form, masked, { input: {}, headers: {} }).body).toEqual({
      number: '•••• 4242',
      'a[b][0]': '••',
    })
  })
})
