import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { expectProblem } from '../support/problems.ts'
import { card, checkout, contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * A token's prefix says the kind of its record, which decides what a caller may do. The bytes after it are not enough.
 */
let vault: TestVault
let tokens: Record<string, string>

beforeAll(async () => {
  vault = await TestVault.start()
  const stored = await vault.tokenize({ ...checkout, card, contact })
  tokens = { card: stored.card!.token!, addr: stored.billing_address!.token!, cont: stored.contact!.token! }
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const pairs = ['card', 'addr', 'cont'].flatMap((own) =>
  ['card', 'addr', 'cont'].filter((other) => other !== own).map((other) => [own, other] as const),
)
const behind = (own: string, other: string) => tokens[own]!.replace(own, other)

it.each(pairs)('the bytes of a %s after %s_ are no token of a record', async (own, other) => {
  const token = behind(own, other)
  const legal = await vault.staffToken('legal')
  const officer = await vault.staffToken('privacy-officer')
  const support = await vault.staffToken('support')
  const reveal = { purpose: 'enforce-rights' }
  const answers = [
    await vault.call('GET', `/v1/tokens/${token}`, { token: legal }),
    await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: legal, body: reveal }),
    await vault.call('POST', `/v1/tokens/${token}/match`, { token: support, body: { token: tokens[other] } }),
    await vault.call('DELETE', `/v1/tokens/${token}`, { token: officer }),
  ]
  if (other !== 'card') {
    const body = other === 'cont' ? { name: 'A New Name' } : { line1: '1 New Road' }
    answers.push(await vault.call('PATCH', `/v1/tokens/${token}`, { token: support, body }))
  }
  for (const answer of answers) expectProblem(answer, 404, 'record-not-found')
})

it('and the records are there as before, under their own tokens', async () => {
  const legal = await vault.staffToken('legal')
  for (const token of Object.values(tokens)) {
    const answer = await vault.call('GET', `/v1/tokens/${token}`, { token: legal })
    expect(answer.body).toMatchObject({ token, version: 1 })
  }
})

it('nor are those of a record that was erased', async () => {
  const { token } = (await vault.tokenize({ contact })).contact!
  const officer = await vault.staffToken('privacy-officer')
  const legal = await vault.staffToken('legal')
  expect((await vault.call('DELETE', `/v1/tokens/${token}`, { token: officer })).status).toBe(204)
  expectProblem(await vault.call('GET', `/v1/tokens/${token}`, { token: legal }), 410, 'record-gone')
  const other = token!.replace('cont', 'addr')
  expectProblem(await vault.call('GET', `/v1/tokens/${other}`, { token: legal }), 404, 'record-not-found')
})
