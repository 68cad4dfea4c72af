import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { checkoutFullOf, freeTextFields } from '../support/free-text.ts'
import { exchangeOnce, rawRequest } from '../support/raw-tls.ts'
import { storeAndReveal } from '../support/reveal.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const FORGED = '{"level":"info","request_id":"req_forged","status":200,"msg":"request"}'

/** The log lines that `work` leaves; each must be one line, and JSON. */
async function linesOf(work: () => Promise<unknown>): Promise<Record<string, unknown>[]> {
  const before = vault.logLines.length
  await work()
  return vault.logLines.slice(before).map((line) => {
    expect(line).toMatch(/^[^\r\n]+\n$/)
    return JSON.parse(line) as Record<string, unknown>
  })
}

describe('in the body', () => {
  it.each(['a\nb', 'a\r\nb', 'a\r\n\r\n{"x": 1}', '\na', 'a\n', 'a\u2028b\u2029c'])(
    'keeps %j in every field of every kind',
    async (value) => {
      const revealed = await storeAndReveal(vault, checkoutFullOf(value))
      expect(freeTextFields.map(({ part, field }) => revealed[part]![field])).toEqual(freeTextFields.map(() => value))
    },
  )

  it('writes one log line for a request that would like to write two', async () => {
    const body = { shipping_address: { line1: `1 Raffles Place\r\n${FORGED}`, country: 'SG' } }
    const lines = await linesOf(() => vault.call('POST', '/v1/tokenize', { token, body }))
    expect(lines.map(({ status }) => status)).toEqual([201])
    expect(vault.logLines.join('')).not.toContain('req_forged')
  })
})

describe('elsewhere', () => {
  it.each([
    ['User-Agent', `curl\\r\\n${FORGED}`],
    ['User-Agent', 'curl%0d%0aSet-Cookie:%20forged=1'],
    ['User-Agent', 'curl\t\u0085\u2028forged'],
    ['Request-Id', 'req_forged'],
    ['X-Request-Id', 'req_forged'],
    ['Idempotency-Key', `k ${FORGED}`],
  ])('writes one log line for any %s, and repeats none of it', async (name, value) => {
    const bytes = Buffer.from(
      rawRequest(['GET /healthz HTTP/1.1', 'Host: localhost', `${name}: ${value}`, 'Connection: close']),
      'utf8',
    )
    let seen = ''
    const lines = await linesOf(async () => {
      const answer = await exchangeOnce(vault, bytes)
      expect(answer.status).toBe(200)
      seen = JSON.stringify(answer)
    })
    expect(lines.length).toBe(1)
    expect(seen + vault.logLines.join('')).not.toMatch(/forged/)
  })

  it.each(['/%0d%0aSet-Cookie:forged=1', '/v1/tokens/x%0d%0aforged', '/healthz?a=%0aforged'])(
    'answers %s with none of it in its headers or its log line',
    async (path) => {
      const lines = await linesOf(async () => {
        const answer = await vault.call('GET', path)
        expect(answer.status).toBeGreaterThanOrEqual(400)
        expect(JSON.stringify(answer.headers)).not.toMatch(/forged/)
      })
      expect(lines.length).toBe(1)
      expect(JSON.stringify(lines)).not.toMatch(/forged/)
    },
  )
})
