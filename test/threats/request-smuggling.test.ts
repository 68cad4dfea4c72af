import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { exchange, exchangeOnce, rawRequest } from '../support/raw-tls.ts'
import { expectProblemAnswer, expectRefusal } from '../support/refusal.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

/** What an attacker would like to pass for a request of its own. */
const SMUGGLED = rawRequest(['GET /healthz HTTP/1.1', 'Host: localhost'])

const POST = ['POST /v1/tokenize HTTP/1.1', 'Host: localhost', 'Content-Type: application/json']
const CHUNKED = `0\r\n\r\n${SMUGGLED}`

const attacks: [name: string, bytes: string][] = [
  [
    'Content-Length and Transfer-Encoding',
    rawRequest([...POST, 'Content-Length: 6', 'Transfer-Encoding: chunked'], CHUNKED),
  ],
  [
    'Transfer-Encoding and Content-Length',
    rawRequest([...POST, 'Transfer-Encoding: chunked', 'Content-Length: 6'], CHUNKED),
  ],
  ['two different Content-Lengths', rawRequest([...POST, 'Content-Length: 0', 'Content-Length: 30'], SMUGGLED)],
  ['two equal Content-Lengths', rawRequest([...POST, 'Content-Length: 0', 'Content-Length: 0'], SMUGGLED)],
  ['a list of Content-Lengths', rawRequest([...POST, 'Content-Length: 0, 30'], SMUGGLED)],
  ['Content-Length with a plus', rawRequest([...POST, 'Content-Length: +2'], `{}${SMUGGLED}`)],
  ['Content-Length with a minus', rawRequest([...POST, 'Content-Length: -2'], SMUGGLED)],
  ['Content-Length in hexadecimal', rawRequest([...POST, 'Content-Length: 0x2'], `{}${SMUGGLED}`)],
  ['an enormous Content-Length', rawRequest([...POST, 'Content-Length: 99999999999999999999'], SMUGGLED)],
  ['a coding after chunked', rawRequest([...POST, 'Transfer-Encoding: chunked, identity'], CHUNKED)],
  ['Transfer-Encoding in another disguise', rawRequest([...POST, 'Transfer-Encoding:\u000bchunked'], CHUNKED)],
  ['a space before the colon', rawRequest([...POST, 'Content-Length : 30'], SMUGGLED)],
  ['a folded header', rawRequest([...POST, 'X-Folded: a\r\n Content-Length: 30'], SMUGGLED)],
  ['a header without a colon', rawRequest([...POST, 'Content-Length 30'], SMUGGLED)],
  ['bare line feeds', `${POST.join('\n')}\nContent-Length: 0\n\n${SMUGGLED}`],
  ['a bare carriage return in a header', rawRequest([...POST, 'X-Bare: a\rContent-Length: 30'], SMUGGLED)],
  ['a NUL in a header', rawRequest([...POST, 'X-Nul: a\u0000b'], SMUGGLED)],
  ['a line before the request line', `X-Early: 1\r\n${rawRequest([...POST, 'Content-Length: 0'], SMUGGLED)}`],
  ['an unknown version', rawRequest(['GET /healthz HTTP/9.9', 'Host: localhost'], SMUGGLED)],
]

describe('400, and the connection ends', () => {
  it.each(attacks)('refuses %s and never reads what follows as a request', async (_name, bytes) => {
    const send = async () => {
      const { answers } = await exchange(vault, bytes)
      expect(answers.length).toBe(1)
      return answers[0]!
    }
    const answer = await expectRefusal(vault, send, { status: 400, code: 'malformed-request', leaves: 'framing' })
    expect(answer.headers.connection).toBe('close')
  })
})

describe('400 after good headers', () => {
  const chunked = () => rawRequest([...POST, `Authorization: Bearer ${token}`, 'Transfer-Encoding: chunked'])

  it.each([
    ['a chunk size with a plus', '+0\r\n\r\n'],
    ['a chunk size that is not a number', 'zz\r\n\r\n'],
    ['a chunk that is longer than it says', '2\r\n{}}\r\n0\r\n\r\n'],
    ['a bare line feed after a chunk size', '2\n{}\r\n0\r\n\r\n'],
  ])('refuses %s, and records each time that the caller was refused', async (_name, body) => {
    const refused = { type: 'request.refuse', outcome: 'refused', code: 'malformed-request', route: '/v1/tokenize' }
    // The connection ends while the vault asks whether the client is live: which of the two is first differs.
    for (let time = 0; time < 8; time++) {
      const before = (await vault.events()).length
      const { answers } = await exchange(vault, chunked() + body + SMUGGLED)
      expect(answers.length).toBe(1)
      expectProblemAnswer(answers[0]!, { status: 400, code: 'malformed-request' })
      await vi.waitFor(async () => expect((await vault.events()).slice(before)).toMatchObject([refused]))
    }
    expect(await vault.count('records')).toBe(0)
  })
})

describe('501, and the connection ends', () => {
  it.each([
    ['xchunked'],
    ['gzip'],
    ['identity'],
    ['gzip, chunked'],
    ['deflate,chunked'],
    ['chunked;q=1'],
    ['gzip\r\nTransfer-Encoding: chunked'],
  ])('refuses Transfer-Encoding: %s (RFC 9112 section 6.1)', async (coding) => {
    const { answers } = await exchange(vault, rawRequest([...POST, `Transfer-Encoding: ${coding}`], CHUNKED))
    expect(answers.length).toBe(1)
    expectProblemAnswer(answers[0]!, { status: 501, code: 'unknown-transfer-coding' })
    expect(answers[0]!.headers.connection).toBe('close')
  })

  it('does so after another request, which is answered first', async () => {
    const { answers } = await exchange(vault, SMUGGLED + rawRequest([...POST, 'Transfer-Encoding: gzip'], CHUNKED))
    expect(answers.map(({ status }) => status)).toEqual([200, 501])
  })
})

describe('400 for a version of HTTP that it does not speak, and the connection ends', () => {
  it.each(['HTTP/2.0', 'HTTP/0.9'])('%s', async (version) => {
    const { answers } = await exchange(vault, rawRequest([`GET /healthz ${version}`, 'Host: localhost'], SMUGGLED))
    expect(answers.length).toBe(1)
    expectProblemAnswer(answers[0]!, { status: 400, code: 'malformed-request' })
    expect(answers[0]!.headers.connection).toBe('close')
  })

  it('the preface of HTTP/2', async () => {
    const { answers } = await exchange(vault, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    expect(answers.map(({ status }) => status)).toEqual([400])
  })

  it('chunked in HTTP/1.0, which has no chunks (RFC 9112 section 6.1)', async () => {
    const old = ['POST /v1/tokenize HTTP/1.0', 'Host: localhost', 'Content-Type: application/json']
    const { answers } = await exchange(vault, rawRequest([...old, 'Transfer-Encoding: chunked'], CHUNKED))
    expect(answers.length).toBe(1)
    expectProblemAnswer(answers[0]!, { status: 400, code: 'malformed-request' })
  })
})

it('answers a good request before a malformed one that follows it', async () => {
  const { answers } = await exchange(vault, `${SMUGGLED}GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n`)
  expect(answers.map(({ status }) => status)).toEqual([200, 400])
})

it('takes chunked in any letter case', async () => {
  const { answers } = await exchange(
    vault,
    rawRequest([...POST, 'Transfer-Encoding: Chunked', 'Connection: close'], '0\r\n\r\n'),
  )
  expect(answers.map(({ status }) => status)).toEqual([401])
})

it('does not let the platform answer for it when an expectation is unknown', async () => {
  const headers = ['Host: localhost', 'Expect: a-miracle', 'Connection: close']
  const answer = await exchangeOnce(vault, rawRequest(['GET /healthz HTTP/1.1', ...headers]))
  expect(answer.headers['cache-control']).toBe('no-store')
  expect(answer.status).toBe(200)
})

it('takes the same requests when their framing is right, one after the other', async () => {
  const last = rawRequest(['GET /healthz HTTP/1.1', 'Host: localhost', 'Connection: close'])
  const { answers } = await exchange(vault, SMUGGLED + last)
  expect(answers.map(({ status }) => status)).toEqual([200, 200])
})

it('does not upgrade to another protocol', async () => {
  const upgrade = ['Connection: close, Upgrade', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__']
  const { answers } = await exchange(vault, rawRequest(['GET /healthz HTTP/1.1', 'Host: localhost', ...upgrade]))
  expect(answers.map(({ status }) => status)).toEqual([200])
})
