import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { ASSERTION_TYPE } from '../../src/access/authentication/client-jwt.ts'
import { type CallerKey, createCallerKey, signAssertion } from '../support/caller-keys.ts'
import { TestVault } from '../support/test-vault.ts'
import { expectSameTime, SEPARATED } from '../support/timing.ts'
import { welchT } from '../support/welch.ts'

/** An attacker measures whether a client exists, is about to change its secret, or signs: ASVS 6.3.8. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
/** Many measurements, each with a hash of argon2: longer than other tests on a busy machine. */
const LONG = 120_000
const ROUNDS = 60
const NOBODY = `client_${'0'.repeat(26)}`

let vault: TestVault
let key: CallerKey
const ids: Record<'plain' | 'rotating' | 'revoked' | 'signing', string> = {
  plain: '',
  rotating: '',
  revoked: '',
  signing: '',
}

beforeAll(async () => {
  // Secrets cost what they cost outside tests.
  vault = await TestVault.start({ overrides: { secretCost: undefined } })
  key = await createCallerKey()
  const { commands } = vault
  for (const name of ['plain', 'rotating', 'revoked'] as const) ids[name] = (await vault.client(['tokenize'])).id
  await commands.rotateClientSecret(OPERATOR, ids.rotating, { overlapSeconds: 3600 })
  await commands.revokeClient(OPERATOR, ids.revoked)
  const input = { name: 'signs', scopes: ['tokenize'], site: 'default' } as const
  ids.signing = (await commands.addClientWithKey(OPERATOR, input, { keys: { keys: [key.jwk] } })).id
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const guess = (id: string) => () => vault.requestToken(id, randomUUID())

it.each(['plain', 'rotating', 'revoked', 'signing'] as const)(
  'a wrong secret of a %s client takes as long as one of an unknown client',
  async (which) => {
    await expectSameTime(guess(ids[which]), guess(NOBODY), { status: 401, rounds: ROUNDS })
  },
  LONG,
)

it(
  'an assertion that a client did not sign takes as long as one of an unknown client',
  async () => {
    const thief = await createCallerKey()
    const forged = (id: string) => async () => {
      const client_assertion = await signAssertion(thief, id, new Date())
      const parameters = { grant_type: 'client_credentials', client_assertion_type: ASSERTION_TYPE, client_assertion }
      return vault.call('POST', '/oauth/token', {
        text: new URLSearchParams(parameters).toString(),
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      })
    }
    await expectSameTime(forged(ids.signing), forged(NOBODY), { status: 401, rounds: ROUNDS })
  },
  LONG,
)

it('the test would see one that takes longer', async () => {
  const fast = Array.from({ length: ROUNDS }, (_, at) => 20 + (at % 7))
  expect(
    Math.abs(
      welchT(
        fast,
        fast.map((time) => time + 3),
      ),
    ),
  ).toBeGreaterThan(SEPARATED)
  expect(Math.abs(welchT(fast, [...fast].reverse()))).toBeLessThan(0.001)
})
