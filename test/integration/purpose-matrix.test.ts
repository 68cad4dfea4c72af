import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { type Purpose, purposes } from '../../src/access/policy/purpose.ts'
import type { Policy } from '../../src/policies/policy.ts'
import { adoptPolicy, publishPolicy, shippedPolicy } from '../support/policies.ts'
import { roleFile } from '../support/role-files.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * Purpose × consent × version of the policy, with and without an adopted version. Each cell is asked of the running vault, and what
 * it must answer is written out here a second time.
 */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
/** These need a consent whatever a policy says. */
const ALWAYS_CONSENTED: readonly Purpose[] = ['marketing', 'other-consented']

/** Which purposes each version notifies, and for which of them it asks for consent. */
const versions: Record<string, { notified: readonly Purpose[]; consented: readonly Purpose[] }> = {
  all: { notified: purposes, consented: ALWAYS_CONSENTED },
  even: { notified: purposes.filter((_, at) => at % 2 === 0), consented: ALWAYS_CONSENTED },
  odd: { notified: purposes.filter((_, at) => at % 2 === 1), consented: ALWAYS_CONSENTED },
  strict: { notified: purposes, consented: purposes },
}
const shownVersions = [...Object.keys(versions), 'unpublished', undefined]
const consentSets: Record<string, readonly Purpose[]> = {
  none: [],
  all: purposes,
  first: purposes.slice(0, 4),
  rest: purposes.slice(4),
}

// Hundreds of calls, one after the other.
vi.setConfig({ testTimeout: 120_000 })

let vault: TestVault
let walker: string
const records: { shown: string | undefined; consents: readonly Purpose[]; token: string }[] = []

beforeAll(async () => {
  vault = await TestVault.start({ config: { limits: { openApprovals: 1_000 } } })
  const grants = [{ kind: 'contact', fields: ['email'], purposes }] as const
  await vault.commands.applyRoles(OPERATOR, roleFile({ support: { scopes: ['contact:reveal'], grants, changes: [] } }))
  walker = await vault.staffToken('support')
  // Stored before the first version is published: after that an unknown one is refused.
  for (const shown of shownVersions) {
    for (const consents of Object.values(consentSets)) {
      const { contact: stored } = await vault.tokenize({ contact, policy_version: shown, consents: [...consents] })
      records.push({ shown, consents, token: stored!.token! })
    }
  }
  for (const [version, says] of Object.entries(versions))
    await publishPolicy(vault, { version, purposes: policyOf(says) })
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

function policyOf({ notified, consented }: { notified: readonly Purpose[]; consented: readonly Purpose[] }) {
  return Object.fromEntries(
    notified.map((purpose) => {
      const consent = consented.includes(purpose) ? true : undefined
      const of = shippedPolicy.purposes[purpose]!
      return [purpose, { ...of, consent, data: ['contact'], retention_days: { contact: 30 } }]
    }),
  ) as Policy['purposes']
}

/** What a record counts as, and undefined where no version decides. */
function expected(purpose: Purpose, shown: string | undefined, consents: readonly Purpose[], adopted?: string) {
  const version = shown !== undefined && versions[shown] ? shown : adopted
  const { notified, consented } =
    version === undefined ? { notified: purposes, consented: ALWAYS_CONSENTED } : versions[version]!
  if (!notified.includes(purpose)) return [403, 'purpose-not-notified']
  if (consented.includes(purpose) && !consents.includes(purpose)) return [403, 'consent-missing']
  // The law needs a second person too, who is asked for no record that may not leave.
  return purpose === 'legal-compliance' ? [403, 'approval-required'] : [200, undefined]
}

it.each([undefined, 'strict', 'odd'])('every cell, with the adopted version %s', async (adopted) => {
  if (adopted !== undefined) await adoptPolicy(vault, adopted)
  let cells = 0
  for (const { shown, consents, token } of records) {
    for (const purpose of purposes) {
      const body = { purpose, reason: 'A question', ticket: 'CASE-1', authority: 'A court' }
      const { status, body: answer } = await vault.call('POST', `/v1/tokens/${token}/reveal`, {
        token: walker,
        body: purpose === 'legal-compliance' ? body : { purpose },
      })
      const cell = `${purpose} of a record under ${shown} with ${consents.join(' ') || 'no consent'}`
      expect([status, answer.code], cell).toEqual(expected(purpose, shown, consents, adopted))
      cells++
    }
  }
  expect(cells).toBe(shownVersions.length * Object.keys(consentSets).length * purposes.length)
})
