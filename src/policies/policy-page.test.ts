import { expect, it } from 'vitest'
import { shippedPolicy } from '../../test/support/policies.ts'
import type { PublishedPolicy } from './policy.ts'
import { policyPage } from './policy-page.ts'

it('is made once for everyone who asks, each with a nonce of its own', () => {
  let renderings = 0
  const policy: PublishedPolicy = {
    ...shippedPolicy,
    ...{ sha256: 'aa', publishedAt: new Date(0), settlement_days: 120 },
    get text() {
      renderings++
      return 'What we *promise*.'
    },
  }
  const [one, other] = [policyPage(policy, [policy], 'one'), policyPage(policy, [policy], 'other')]
  expect(renderings).toBe(1)
  expect(one).toContain('What we <em>promise</em>.')
  expect(other).toBe(one.replace('nonce="one"', 'nonce="other"'))
})
