import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { exchange, rawRequest } from '../support/raw-tls.ts'
import { expectRefusal } from '../support/refusal.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start()
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const LARGE = 'q'.repeat(20 * 1024)
const get = (target: string, ...headers: string[]) =>
  rawRequest([`GET ${target} HTTP/1.1`, 'Host: localhost', ...headers, 'Connection: close'])

describe('431, and the connection ends', () => {
  it.each([
    ['one header of 20 kB', get('/healthz', `X-Large: ${LARGE}`)],
    ['a header name of 20 kB', get('/healthz', `${LARGE}: x`)],
    ['a token of 20 kB', get('/v1/tokens/x', `Authorization: Bearer ${LARGE}`)],
    ['20 kB in many headers', get('/healthz', ...Array.from({ length: 80 }, (_, at) => `X-${at}: ${'q'.repeat(256)}`))],
    ['a path of 20 kB', get(`/${LARGE}`)],
  ])('refuses %s', async (_name, bytes) => {
    const send = async () => {
      const { answers } = await exchange(vault, bytes)
      expect(answers.length).toBe(1)
      return answers[0]!
    }
    const expected = { status: 431, code: 'headers-too-large', leaves: 'framing', input: 'q'.repeat(64) } as const
    const answer = await expectRefusal(vault, send, expected)
    expect(answer.headers.connection).toBe('close')
  })
})

it('takes headers of 8 kB', async () => {
  const { answers } = await exchange(vault, get('/healthz', `X-Large: ${LARGE.slice(0, 8 * 1024)}`))
  expect(answers.map(({ status }) => status)).toEqual([200])
})
