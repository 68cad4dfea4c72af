import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createTestCardNumbers } from '../support/test-cards.ts'
import { VaultProcess } from '../support/vault-process.ts'

const ROUNDS = 4
const CLIENTS = 8

/** One request to tokenize, and what its client knows of it. */
interface Attempt {
  key: string
  number: string
  body: { customer: string; card: { number: string; exp_month: number; exp_year: number } }
  /** The token that the vault answered with; undefined when the answer never came. */
  token?: string
}

/** One release that a client received. */
interface Release {
  token: string
  event: string
}

interface Tokenized {
  card: { token: string }
}
interface Revealed {
  token: string
  data: { number: string }
  event: string
}

let vault: VaultProcess
/** In memory, as a client would have it: what was asked, and what was acknowledged. */
const attempts: Attempt[] = []
const releases: Release[] = []

const countAcknowledged = () => attempts.filter(({ token }) => token !== undefined).length

const post = async <Body>(role: 'checkout' | 'billing', path: string, body: unknown, key?: string) =>
  vault.call<Body>('POST', path, {
    token: await vault.token(role),
    body,
    ...(key === undefined ? {} : { headers: { 'Idempotency-Key': key } }),
  })

/** Tokenizes one card after the other, and reveals every third, until the connection breaks. */
async function beClient(name: string, numbers: readonly string[]): Promise<void> {
  for (const [at, number] of numbers.entries()) {
    const customer = `cus_${name}_${at}`
    const attempt: Attempt = {
      key: `key-${name}-${at}`,
      number,
      body: { customer, card: { number, exp_month: 12, exp_year: 2031 } },
    }
    attempts.push(attempt)
    const answer = await post<Tokenized>('checkout', '/v1/tokenize', attempt.body, attempt.key)
    expect(answer.status, answer.text).toBe(201)
    attempt.token = answer.body.card.token
    if (at % 3 !== 0) continue
    const revealed = await post<Revealed>('billing', `/v1/tokens/${attempt.token}/reveal`, {
      purpose: 'process-payment',
    })
    expect(revealed.status, revealed.text).toBe(200)
    releases.push({ token: attempt.token, event: revealed.body.event })
  }
  expect.fail('the client ran out of card numbers before the vault was killed')
}

beforeAll(async () => {
  vault = await VaultProcess.start()
  await Promise.all([vault.token('checkout'), vault.token('billing')])
  const numbers = createTestCardNumbers(ROUNDS * CLIENTS * 500)
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = countAcknowledged()
    const clients = Array.from({ length: CLIENTS }, async (_, at) => {
      const failure = await beClient(`${round}_${at}`, numbers.splice(0, 500)).catch((error: Error) => error)
      // Only a broken connection ends a client; a wrong answer fails the test.
      expect(failure).toMatchObject({ code: expect.stringMatching(/^(ECONNRESET|ECONNREFUSED|EPIPE)$/) })
    })
    // A busy machine may need longer for the first answers than for the rest.
    await vi.waitUntil(() => countAcknowledged() > before + CLIENTS, { timeout: 60_000, interval: 10 })
    await sleep(randomInt(600))
    const { postmasterPid } = vault
    await vault.kill('SIGKILL')
    // In every other round the database dies in the same moment.
    if (round % 2 === 1 && postmasterPid !== undefined) process.kill(postmasterPid, 'SIGKILL')
    await Promise.all(clients)
    expect(countAcknowledged()).toBeGreaterThan(before)
    await vault.start()
  }
})
afterAll(() => vault.remove())

describe(`after ${ROUNDS} kills at random moments, with ${CLIENTS} clients at work`, () => {
  it('there are answers that arrived and answers that never came', () => {
    expect(countAcknowledged()).toBeGreaterThan(CLIENTS * ROUNDS)
    expect(attempts.filter(({ token }) => token === undefined).length).toBeGreaterThan(0)
    expect(releases.length).toBeGreaterThan(0)
  })

  it('every acknowledged token reveals to its card', async () => {
    const acknowledged = attempts.filter(({ token }) => token !== undefined)
    for (let at = 0; at < acknowledged.length; at += 100) {
      const page = acknowledged.slice(at, at + 100)
      const items = page.map(({ token }) => ({ token, fields: ['number'] }))
      const answer = await post<{ results: Revealed[] }>('billing', '/v1/reveal', { purpose: 'process-payment', items })
      expect(answer.body.results.map(({ token, data }) => [token, data?.number])).toEqual(
        page.map(({ token, number }) => [token, number]),
      )
    }
  })

  it('every unacknowledged key replays to exactly one record', async () => {
    for (const { key, body, number } of attempts.filter(({ token }) => token === undefined)) {
      const first = await post<Tokenized>('checkout', '/v1/tokenize', body, key)
      expect(first.status, first.text).toBe(201)
      const second = await post<Tokenized>('checkout', '/v1/tokenize', body, key)
      expect(second.headers['idempotent-replayed']).toBe('true')
      expect(second.body).toEqual(first.body)
      const found = await post<{ results: { token: string }[] }>('billing', '/v1/search', {
        by: 'customer',
        value: body.customer,
      })
      expect(found.body.results.map(({ token }) => token)).toEqual([first.body.card.token])
      const revealed = await post<Revealed>('billing', `/v1/tokens/${first.body.card.token}/reveal`, {
        purpose: 'process-payment',
      })
      expect(revealed.body.data.number).toBe(number)
    }
  })

  it('an acknowledged key replays to the token that was acknowledged', async () => {
    for (const { key, body, token } of attempts.filter(({ token }) => token !== undefined).slice(-50)) {
      const replay = await post<Tokenized>('checkout', '/v1/tokenize', body, key)
      expect(replay.headers['idempotent-replayed']).toBe('true')
      expect(replay.body.card.token).toBe(token)
    }
  })

  it('every release is in the audit log, and every record', async () => {
    const audit = async (type: string) =>
      (await vault.cli(['audit', 'list', '--type', type, '--limit', '10000', '--json'])).json<
        { id: string; token: string; outcome: string }[]
      >()
    const reveals = new Map((await audit('record.reveal')).map((event) => [event.id, event.token]))
    for (const { event, token } of releases) expect(reveals.get(event)).toBe(token)
    const stored = new Set((await audit('record.tokenize')).map(({ token }) => token))
    for (const { token } of attempts) if (token !== undefined) expect(stored).toContain(token)
  })
})
