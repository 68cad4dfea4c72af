import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { exchangeOnce, rawRequest } from '../support/raw-tls.ts'
import { expectRefusal } from '../support/refusal.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const raw = (method: string, target: string) =>
  rawRequest([`${method} ${target} HTTP/1.1`, 'Host: localhost', `Authorization: Bearer ${token}`, 'Connection: close'])

const TOKEN_PATH = `/v1/tokens/card_${'0'.repeat(26)}`

describe('405 and what is allowed', () => {
  it.each([
    ['PUT', '/v1/tokenize', 'POST'],
    ['DELETE', '/v1/tokenize', 'POST'],
    ['GET', '/v1/tokenize', 'POST'],
    ['GET', '/oauth/token', 'POST'],
    ['GET', `${TOKEN_PATH}/reveal`, 'POST'],
    ['TRACE', '/v1/tokenize', 'POST'],
    ['TRACE', '/healthz', 'GET, HEAD'],
    ['OPTIONS', '/v1/tokenize', 'POST'],
    ['POST', '/healthz', 'GET, HEAD'],
    ['POST', '/v1/audit/events', 'GET, HEAD'],
    ['DELETE', '/v1/audit/events', 'GET, HEAD'],
    ['PUT', TOKEN_PATH, 'GET, HEAD, PATCH, DELETE'],
    ['POST', TOKEN_PATH, 'GET, HEAD, PATCH, DELETE'],
    ['PROPFIND', TOKEN_PATH, 'GET, HEAD, PATCH, DELETE'],
    ['M-SEARCH', '/v1/search', 'POST'],
  ])('%s %s', async (method, path, allow) => {
    const send = () => exchangeOnce(vault, raw(method, path))
    const answer = await expectRefusal(vault, send, { status: 405, code: 'method-not-allowed' })
    expect(answer.headers.allow).toBe(allow)
  })

  it.each(['/', '/nowhere', '/v1/tokens', 'https://localhost/v1/nothing'])(
    'TRACE %s, where nothing is',
    async (path) => {
      const send = () => exchangeOnce(vault, raw('TRACE', path))
      const answer = await expectRefusal(vault, send, { status: 405, code: 'method-not-allowed' })
      expect(answer.headers.allow).toMatch(/GET/)
      expect(answer.headers.allow).not.toMatch(/TRACE/)
    },
  )

  it('HEAD of what only takes a POST', async () => {
    const answer = await vault.call('HEAD', '/v1/tokenize', { token })
    expect(answer.status).toBe(405)
    expect(answer.headers.allow).toBe('POST')
  })

  it('CONNECT to anywhere, and opens no tunnel', async () => {
    const bytes = rawRequest(['CONNECT localhost:5432 HTTP/1.1', 'Host: localhost'], 'tunnelled')
    const expected = { status: 405, code: 'method-not-allowed', leaves: 'framing', input: 'tunnelled' } as const
    const answer = await expectRefusal(vault, () => exchangeOnce(vault, bytes), expected)
    expect(answer.headers.allow).toMatch(/GET/)
    expect(answer.headers.connection).toBe('close')
  })
})

it.each(['BREW', 'get', 'P0ST', 'POSTT'])('answers 400 to the invalid method %s', async (method) => {
  const expected = { status: 400, code: 'malformed-request', leaves: 'framing' } as const
  await expectRefusal(vault, () => exchangeOnce(vault, raw(method, '/v1/tokenize')), expected)
})

it('answers HEAD as GET, without the body', async () => {
  const answer = await vault.call('HEAD', '/healthz')
  expect(answer.status).toBe(200)
  expect(answer.text ?? '').toBe('')
  expect(answer.headers['cache-control']).toBe('no-store')
})
