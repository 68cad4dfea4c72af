import type { TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { exchange, rawRequest } from '../support/raw-tls.ts'
import { expectProblemAnswer } from '../support/refusal.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

/** Sends the start at once and then a byte now and then, without end. */
function drip(start: string, next: string) {
  return (socket: TLSSocket) => {
    socket.write(start)
    const timer = setInterval(() => socket.write(next), 300)
    socket.once('close', () => clearInterval(timer))
  }
}

describe.concurrent('408, and the connection ends', () => {
  it('refuses headers that do not arrive within 5 seconds', async () => {
    const start = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: '
    const { answers, milliseconds } = await exchange(vault, drip(start, 'a'))
    expect(answers.length).toBe(1)
    expectProblemAnswer(answers[0]!, { status: 408, code: 'request-timeout' })
    expect(answers[0]!.headers.connection).toBe('close')
    expect(milliseconds).toBeGreaterThan(4_500)
    expect(milliseconds).toBeLessThan(8_000)
  })

  it('refuses a connection on which no request starts', async () => {
    const { answers, milliseconds } = await exchange(vault, () => {})
    expect(answers.map(({ status }) => status)).toEqual([408])
    expect(milliseconds).toBeLessThan(8_000)
  })

  it('refuses a body that does not arrive within 15 seconds, and stores nothing', async () => {
    const headers = [`Authorization: Bearer ${token}`, 'Content-Type: application/json', 'Content-Length: 900']
    const start = rawRequest(['POST /v1/tokenize HTTP/1.1', 'Host: localhost', ...headers], '{"customer":"')
    const { answers, milliseconds } = await exchange(vault, drip(start, 'a'), { timeoutMs: 19_000 })
    expect(answers.length).toBe(1)
    expectProblemAnswer(answers[0]!, { status: 408, code: 'request-timeout' })
    expect(milliseconds).toBeGreaterThan(14_500)
    expect(milliseconds).toBeLessThan(18_000)
    expect(await vault.count('records')).toBe(0)
  })

  it('gives no more time to a body that it has refused already', async () => {
    const headers = [`Authorization: Bearer ${token}`, 'Content-Type: text/plain', 'Content-Length: 900000']
    const start = rawRequest(['POST /v1/tokenize HTTP/1.1', 'Host: localhost', ...headers])
    const { answers, milliseconds } = await exchange(vault, drip(start, 'a'), { timeoutMs: 19_000 })
    expect(answers[0]?.status).toBe(415)
    expect(milliseconds).toBeLessThan(18_000)
  })

  it('serves all others in the meantime', async () => {
    for (let at = 0; at < 20; at++) expect((await vault.call('GET', '/healthz')).status).toBe(200)
  })
})

it('counted each of them', async () => {
  const { body } = await vault.metrics.text()
  expect(body).toMatch(/^strongroom_problems_total\{code="request-timeout"\} [34]$/m)
})
