import { readFileSync } from 'node:fs'
import pg from 'pg'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import { requestHttps } from '../support/https-client.ts'
import { type Answer, exchange, rawRequest } from '../support/raw-tls.ts'
import { cards } from '../support/samples.ts'
import { VaultProcess } from '../support/vault-process.ts'

/** More in flight than the vault takes of one caller, each with further requests that wait in their connection. */
const CONNECTIONS = 600
const PIPELINED = 16
const OVERLOAD_MS = 4_000
const SAMPLE = 200

const BODY = JSON.stringify({ card: { number: cards.visa, exp_month: 12, exp_year: 2031 } })

let vault: VaultProcess
let database: pg.Client
let pipelined: string

beforeAll(async () => {
  vault = await VaultProcess.prepare()
  // One process, so that its memory is the whole vault's.
  await vault.start({ STRONGROOM_WORKERS: '1' })
  const { urls } = await openEmbeddedDatabase({ dataDir: vault.dataDir, role: 'command', log: () => {} })
  database = new pg.Client({ connectionString: urls.superuser })
  await database.connect()
  const token = await vault.token('checkout')
  const request = (connection: string) =>
    rawRequest(
      [
        'POST /v1/tokenize HTTP/1.1',
        `Host: localhost:${vault.port}`,
        `Authorization: Bearer ${token}`,
        'Content-Type: application/json',
        `Content-Length: ${BODY.length}`,
        `Connection: ${connection}`,
      ],
      BODY,
    )
  pipelined = request('keep-alive').repeat(PIPELINED - 1) + request('close')
})
afterAll(async () => {
  await database.end()
  await vault.remove()
})

function residentKiB(): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${vault.pid}/status`, 'utf8'))![1])
}

/** What came of an overload: the answers by status, the tokens that were acknowledged, the most memory it took. */
interface Outcome {
  statuses: Map<number, number>
  tokens: string[]
  peakKiB: number
}

/**
 * Keeps many connections busy, each with as many requests at once as HTTP/1.1 lets a client send ahead. At the start the
 * database pauses until the caller has all that it may have under way, as at a checkpoint on a slow disk.
 */
async function overload(milliseconds: number): Promise<Outcome> {
  const outcome: Outcome = { statuses: new Map(), tokens: [], peakKiB: 0 }
  const refusedBefore = await problems('busy')
  const startedAt = performance.now()
  const beClient = async () => {
    do {
      const { answers } = await exchange(vault, pipelined, { timeoutMs: 60_000 })
      expect(answers).toHaveLength(PIPELINED)
      for (const answer of answers) note(outcome, answer)
    } while (performance.now() - startedAt < milliseconds)
  }
  await database.query('BEGIN; LOCK TABLE records IN EXCLUSIVE MODE')
  const clients = Promise.all(Array.from({ length: CONNECTIONS }, beClient))
  try {
    await vi.waitUntil(async () => (await problems('busy')) > refusedBefore, { timeout: 30_000, interval: 100 })
  } finally {
    await database.query('ROLLBACK')
  }
  await clients
  return outcome
}

function note(outcome: Outcome, { status, headers, text }: Answer): void {
  outcome.statuses.set(status, (outcome.statuses.get(status) ?? 0) + 1)
  outcome.peakKiB = Math.max(outcome.peakKiB, residentKiB())
  if (status === 201) outcome.tokens.push(JSON.parse(text).card.token)
  if (status === 503) expect([JSON.parse(text).code, headers['retry-after']]).toEqual(['busy', '1'])
}

/** How many problems of that code the vault has counted. An answer that waits for others is not sent, but counted. */
async function problems(code: string): Promise<number> {
  const request = { port: vault.operatorPort, ca: vault.ca, method: 'GET', path: '/metrics' } as const
  const { text } = await requestHttps(request)
  return Number(new RegExp(`^strongroom_problems_total\\{code="${code}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
}

it('far more than it can do: 201 or 503 and nothing else, flat memory, recovery at once, nothing acknowledged is lost', async () => {
  // The first time memory grows to what full queues take; from then on it stays.
  const first = await overload(0)
  const second = await overload(OVERLOAD_MS)
  for (const { statuses } of [first, second]) expect([...statuses.keys()].sort()).toEqual([201, 503])
  expect(second.peakKiB).toBeLessThan(first.peakKiB * 1.5)

  const token = await vault.token('checkout')
  const isWell = async () => {
    const askedAt = performance.now()
    const answer = await vault.call('POST', '/v1/tokenize', { token, body: BODY })
    expect(answer.status).toBe(201)
    expect(performance.now() - askedAt).toBeLessThan(250)
  }
  await vi.waitFor(isWell, { timeout: 3000, interval: 50 })
  expect(residentKiB()).toBeLessThan(first.peakKiB * 1.5)

  const { tokens } = second
  expect(new Set(tokens).size).toBe(tokens.length)
  const sample = Array.from({ length: SAMPLE }, (_, at) => tokens[Math.floor((at * tokens.length) / SAMPLE)]!)
  const billing = await vault.token('billing')
  for (const page of [sample.slice(0, SAMPLE / 2), sample.slice(SAMPLE / 2)]) {
    const body = { purpose: 'process-payment', items: page.map((token) => ({ token, fields: ['number'] })) }
    const answer = await vault.call<{ results: { token: string; data: { number: string } }[] }>('POST', '/v1/reveal', {
      token: billing,
      body,
    })
    const expected = page.map((token) => ({ token, number: cards.visa }))
    expect(answer.body.results.map(({ token, data }) => ({ token, number: data?.number }))).toEqual(expected)
  }
})
