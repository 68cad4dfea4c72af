import { randomUUID } from 'node:crypto'
import type { Response } from 'supertest'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { ASSERTION_TYPE } from '../../src/access/client-assertion.ts'
import { type CallerKey, createCallerKey, signAssertion } from '../support/caller-keys.ts'
import { TestVault } from '../support/test-vault.ts'
import { welchT } from '../support/welch.ts'

/** Somebody measures whether a client exists, is about to change its secret, or signs: ASVS 6.3.8. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const ROUNDS = 60
/** Of tries under load: what is really slower is slower each time. */
const TRIES = 3
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
  vault = await TestVault.start()
  key = await createCallerKey()
  const { commands } = vault.strongroom
  for (const name of ['plain', 'rotating', 'revoked'] as const) ids[name] = (await vault.client(['tokenize'])).id
  await commands.rotateClientSecret(OPERATOR, ids.rotating, { overlapSeconds: 3600 })
  await commands.revokeClient(OPERATOR, ids.revoked)
  const input = { name: 'signs', scopes: ['tokenize'], site: 'default' } as const
  ids.signing = (await commands.addClientWithKey(OPERATOR, input, { keys: { keys: [key.jwk] } })).id
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

/** The two take turns, so that whatever slows the machine down slows both. */
async function separation(one: () => Promise<Response>, other: () => Promise<Response>): Promise<number> {
  const times: [number[], number[]] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    for (const [at, request] of (round % 2 ? [one, other] : [other, one]).entries()) {
      const startedAt = performance.now()
      expect((await request()).status).toBe(401)
      times[round % 2 ? at : 1 - at]!.push(performance.now() - startedAt)
    }
  }
  return Math.abs(welchT(...times))
}

async function expectNoSeparation(one: () => Promise<Response>, other: () => Promise<Response>): Promise<void> {
  const found: number[] = []
  while (found.length < TRIES && (found.at(-1) ?? Number.POSITIVE_INFINITY) >= 4.5) {
    found.push(await separation(one, other))
  }
  expect(found.at(-1), found.join(' ')).toBeLessThan(4.5)
}

const guess = (id: string) => () => vault.requestToken(id, randomUUID())

it.each(['plain', 'rotating', 'revoked', 'signing'] as const)(
  'a wrong secret of a %s client takes as long as one of nobody',
  async (which) => {
    await expectNoSeparation(guess(ids[which]), guess(NOBODY))
  },
)

it('an assertion that a client did not sign takes as long as one of nobody', async () => {
  const thief = await createCallerKey()
  const forged = (id: string) => async () => {
    const client_assertion = await signAssertion(thief, id, new Date())
    const parameters = { grant_type: 'client_credentials', client_assertion_type: ASSERTION_TYPE, client_assertion }
    return vault.call('POST', '/oauth/token', {
      text: new URLSearchParams(parameters).toString(),
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    })
  }
  await expectNoSeparation(forged(ids.signing), forged(NOBODY))
})

it('the test would see one that takes longer', async () => {
  const fast = Array.from({ length: ROUNDS }, (_, at) => 20 + (at % 7))
  expect(
    Math.abs(
      welchT(
        fast,
        fast.map((time) => time + 3),
      ),
    ),
  ).toBeGreaterThan(4.5)
  expect(Math.abs(welchT(fast, [...fast].reverse()))).toBeLessThan(0.001)
})
