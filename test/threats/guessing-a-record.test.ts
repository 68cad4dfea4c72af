import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { expectProblem } from '../support/problems.ts'
import { billingAddress, card, contact, person } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * An attacker tries all values that a record may hold: half of a US postal code is shown, and 38 questions gave the
 * rest.
 */
const DAY_MS = 24 * 60 * 60 * 1000

let vault: TestVault
let second: TestVault

beforeAll(async () => {
  vault = await TestVault.start()
  second = await TestVault.start({ sharedDatabase: vault.database })
})
afterEach(async () => {
  vault.clockOffsetMs = 0
  second.clockOffsetMs = 0
  await vault.checkInvariants()
})
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const compare = (bearer: string, token: string, fields: object, on = vault) =>
  on.call('POST', `/v1/tokens/${token}/match`, { token: bearer, body: { fields } })
const wrong = (bearer: string, token: string, at = 0, on = vault) =>
  compare(bearer, token, { postal_code: String(at).padStart(6, '0') }, on)
const address = async () => (await vault.tokenize({ billing_address: billingAddress })).billing_address!.token!
const support = (name: string) => vault.staffToken('support', { name, minutes: 60 })
const alerts = (token: string) =>
  [...vault.logLines, ...second.logLines]
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line.alert === 'record-guessed' && line.token === token)

async function later(ms: number): Promise<void> {
  vault.clockOffsetMs += ms
  second.clockOffsetMs += ms
}

describe('wrong answers about one record', () => {
  it('are five for one caller and day, on all servers; then right and wrong look alike', async () => {
    const [bearer, token] = [await support('Counting'), await address()]
    for (let at = 0; at < 5; at++) {
      expect((await wrong(bearer, token, at, at % 2 ? vault : second)).body).toEqual({ matches: false })
    }
    for (const on of [vault, second]) {
      for (const postal_code of ['000009', person.postalCode]) {
        const refused = await compare(bearer, token, { postal_code }, on)
        expectProblem(refused, 429, 'too-many-requests')
        expect(Number(refused.headers['retry-after'])).toBeGreaterThan(23 * 60 * 60)
      }
    }
    expect((await wrong(bearer, await address())).status).toBe(200)
    expect((await wrong(await support('Another'), token)).status).toBe(200)
    await vi.waitUntil(() => alerts(token).length > 0)
    expect(alerts(token)).toEqual([
      expect.objectContaining({ by: 'caller', caller: 'staff:counting', wrong: 3, limit: 5 }),
    ])
    await later(DAY_MS)
    expect((await wrong(await support('Counting'), token)).status).toBe(200)
  })

  it('are twenty in thirty days for all callers together, and an alert at half of them', async () => {
    const token = await address()
    for (let at = 0; at < 20; at++) {
      const bearer = await support(`Person ${at % 7}`)
      expect((await wrong(bearer, token, at, at % 2 ? vault : second)).body, String(at)).toEqual({ matches: false })
    }
    const refused = await compare(await support('Newcomer'), token, { postal_code: person.postalCode })
    expectProblem(refused, 429, 'too-many-requests')
    await vi.waitUntil(() => alerts(token).some(({ by }) => by === 'record'))
    expect(alerts(token).filter(({ by }) => by === 'record')).toEqual([
      expect.objectContaining({ wrong: 10, limit: 20, role: 'support' }),
    ])
    await later(29 * DAY_MS)
    expectProblem(await wrong(await support('Newcomer'), token), 429, 'too-many-requests')
    await later(1.1 * DAY_MS)
    expect((await wrong(await support('Newcomer'), token)).status).toBe(200)
  })

  it('count on both sides of a comparison of two records', async () => {
    const [bearer, token] = [await support('Comparing'), await address()]
    const elsewhere = { ...billingAddress, line1: '80 Robinson Road' }
    for (let at = 0; at < 5; at++) {
      const other = (await vault.tokenize({ billing_address: elsewhere })).billing_address!.token
      const answer = await vault.call('POST', `/v1/tokens/${other}/match`, { token: bearer, body: { token } })
      expect(answer.body).toEqual({ matches: false })
    }
    expectProblem(await wrong(bearer, token), 429, 'too-many-requests')
  })

  it('are not made by right ones', async () => {
    const [bearer, token] = [await support('Right'), await address()]
    for (let at = 0; at < 30; at++) {
      expect((await compare(bearer, token, { postal_code: person.postalCode })).body).toEqual({ matches: true })
    }
    expect((await wrong(bearer, token)).status).toBe(200)
  })

  it('are not made by what is not there, or is refused', async () => {
    const [bearer, token] = [await support('Refused'), await address()]
    for (let at = 0; at < 10; at++) expect((await compare(bearer, token, { last4: '4242' })).status).toBe(422)
    for (let at = 0; at < 10; at++) {
      const body = { token: `addr_${'0'.repeat(26)}` }
      expect((await vault.call('POST', `/v1/tokens/${token}/match`, { token: bearer, body })).status).toBe(404)
    }
    expect((await wrong(bearer, token)).status).toBe(200)
  })
})

describe('what the masked view shows in full', () => {
  it('may be compared again and again by a caller that sees it, but together with something else it counts', async () => {
    const bearer = await support('Looking')
    const token = (await vault.tokenize({ card, contact })).card!.token!
    const compared = async (fields: object) => (await compare(bearer, token, fields)).status
    for (let at = 0; at < 25; at++) expect(await compared({ last4: '0000' })).toBe(200)
    for (let at = 0; at < 5; at++) expect(await compared({ last4: '4242', name: `Nobody ${at}` })).toBe(200)
    expect(await compared({ last4: '4242', name: person.name })).toBe(429)
    expect(await compared({ last4: '4242' })).toBe(200)
  })

  it('counts for a caller that sees no masked view', async () => {
    const blind = await vault.clientToken(['token:match'])
    const token = (await vault.tokenize({ card })).card!.token!
    for (let at = 0; at < 5; at++) expect((await compare(blind, token, { last4: '0000' })).status).toBe(200)
    expectProblem(await compare(blind, token, { last4: '4242' }), 429, 'too-many-requests')
  })
})

it('the limits are settings', async () => {
  const config = { limits: { wrongMatches: { perCaller: 2, perRecord: 3 } } }
  const strict = await TestVault.start({ sharedDatabase: vault.database, config })
  const token = await address()
  const ask = async (name: string) => (await wrong(await support(name), token, 0, strict)).status
  expect([await ask('One'), await ask('One'), await ask('One')]).toEqual([200, 200, 429])
  expect([await ask('Two'), await ask('Two')]).toEqual([200, 429])
  await strict.stop()
})
