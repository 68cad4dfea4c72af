import { publishPolicy, purposesWithout } from './policies.ts'
import { contact } from './samples.ts'
import type { TestVault } from './test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

/** One request for each code about what a shopper was told and has agreed to, and what is kept all the same. */
export function policyProblems(vault: () => TestVault) {
  /** Stores under a version that leaves a purpose out. It is not adopted, so records without a version do not go by it. */
  async function store(policy_version: string) {
    await publishPolicy(vault(), { version: 'narrow', purposes: purposesWithout('enforce-rights') })
    const token = await vault().clientToken(['tokenize'])
    return vault().call('POST', '/v1/tokenize', { token, body: { contact, policy_version } })
  }
  async function reveal(role: string, purpose: string) {
    const stored = (await store('narrow')).body.contact.token
    const token = await vault().staffToken(role, { name: `Policy ${role}` })
    return vault().call('POST', `/v1/tokens/${stored}/reveal`, { token, body: { purpose } })
  }
  return {
    'purpose-not-notified': () => reveal('fraud', 'enforce-rights'),
    'consent-missing': () => reveal('marketing', 'marketing'),
    'policy-not-found': () => vault().call('GET', '/v1/privacy-policy/unknown'),
    'unknown-policy-version': () => store('unknown'),
    async 'erasure-postponed'() {
      const token = (await store('narrow')).body.contact.token
      const reviewAt = new Date(Date.now() + 86_400_000)
      await vault().commands.addHold(OPERATOR, { token, purpose: undefined, reason: 'Case 7', reviewAt })
      const officer = await vault().staffToken('privacy-officer')
      return vault().call('DELETE', `/v1/tokens/${token}`, { token: officer })
    },
  }
}
