import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { exchangeOnce, rawRequest } from '../support/raw-tls.ts'
import { expectRefusal } from '../support/refusal.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start()
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const get = (target: string, ...headers: string[]) =>
  rawRequest([`GET ${target} HTTP/1.1`, ...headers, 'Connection: close'])

describe('421', () => {
  it.each([
    'evil.example',
    'evil.example:8443',
    'localhost.evil.example',
    'evil.example#localhost',
    'localhost@evil.example',
    '10.0.0.1',
    '[2001:db8::1]',
    '127.0.0.1.evil.example',
  ])('refuses the Host %s', async (host) => {
    const send = () => exchangeOnce(vault, get('/docs', `Host: ${host}`))
    await expectRefusal(vault, send, { status: 421, code: 'wrong-host', leaves: 'metric', input: host })
  })

  it('refuses a server name in the handshake that it has no certificate for', async () => {
    const send = () => exchangeOnce(vault, get('/healthz', 'Host: localhost'), { servername: 'evil.example' })
    await expectRefusal(vault, send, { status: 421, code: 'wrong-host', leaves: 'metric', input: 'evil.example' })
  })

  it('does not believe a proxy header over Host', async () => {
    const send = () =>
      exchangeOnce(
        vault,
        get('/docs', 'Host: evil.example', 'X-Forwarded-Host: localhost', 'Forwarded: host=localhost'),
      )
    await expectRefusal(vault, send, { status: 421, code: 'wrong-host', leaves: 'metric' })
  })

  it('goes by the target, not by Host, when the target is absolute (RFC 9112 section 3.2.2)', async () => {
    const send = () => exchangeOnce(vault, get('https://evil.example/healthz', 'Host: localhost'))
    await expectRefusal(vault, send, { status: 421, code: 'wrong-host', leaves: 'metric', input: 'evil.example' })
  })
})

describe('400', () => {
  it('refuses a request without a Host', async () => {
    const send = () => exchangeOnce(vault, get('/healthz'))
    await expectRefusal(vault, send, { status: 400, code: 'malformed-request', leaves: 'metric' })
  })

  it.each([
    ['of another scheme', 'http://localhost/healthz'],
    ['of a scheme in capitals', 'HTTP://localhost/healthz'],
    ['of a scheme without hosts', 'ftp://localhost/healthz'],
    ['with a name', 'https://admin@localhost/healthz'],
    ['with a name and a password', 'https://admin:secret@localhost/healthz'],
    ['with an empty name', 'https://@localhost/healthz'],
    ['with a port that does not exist', 'https://localhost:65536/healthz'],
  ])('refuses an absolute target %s', async (_what, target) => {
    const send = () => exchangeOnce(vault, get(target, 'Host: localhost'))
    await expectRefusal(vault, send, { status: 400, code: 'malformed-request', leaves: 'metric', input: 'admin' })
  })

  it.each(['localhost:65536', 'localhost:99999', '[::1]:70000', 'localhost:184467440737095516160443'])(
    'refuses the port in the Host %s, which does not exist',
    async (host) => {
      const send = () => exchangeOnce(vault, get('/healthz', `Host: ${host}`))
      await expectRefusal(vault, send, { status: 400, code: 'malformed-request', leaves: 'metric' })
    },
  )

  it('refuses such a port also when the target is absolute', async () => {
    const send = () => exchangeOnce(vault, get('https://localhost/healthz', 'Host: localhost:65536'))
    await expectRefusal(vault, send, { status: 400, code: 'malformed-request', leaves: 'metric' })
  })

  it('refuses two Hosts', async () => {
    const send = () => exchangeOnce(vault, get('/healthz', 'Host: localhost', 'Host: evil.example'))
    await expectRefusal(vault, send, {
      status: 400,
      code: 'malformed-request',
      leaves: 'metric',
      input: 'evil.example',
    })
  })
})

describe('200', () => {
  it.each(['https://localhost/healthz', 'HTTPS://localhost:8443/healthz', 'https://127.0.0.1:65535/healthz?'])(
    'answers the absolute target %s',
    async (target) => {
      expect((await exchangeOnce(vault, get(target, 'Host: localhost'))).status).toBe(200)
    },
  )

  it.each(['localhost', 'LOCALHOST', 'localhost:65535', 'localhost:', 'localhost:8443', '127.0.0.1', '[::1]:8443'])(
    'answers for the Host %s',
    async (host) => {
      expect((await exchangeOnce(vault, get('/docs', `Host: ${host}`))).status).toBe(200)
    },
  )

  it('answers a client that sends no server name', async () => {
    expect((await exchangeOnce(vault, get('/healthz', 'Host: 127.0.0.1'), { servername: '' })).status).toBe(200)
  })

  it.each(['10.0.0.1', '[2001:db8::1]:8443', 'evil.example', ''])(
    'says how it is to a health check that names the Host "%s"',
    async (host) => {
      for (const path of ['/healthz', '/readyz', '/healthz?']) {
        const answer = await exchangeOnce(vault, get(path, `Host: ${host}`), { servername: '' })
        expect(answer.status, path).toBe(200)
      }
    },
  )

  it('says it in HTTP/1.0 too, which has no Host, and nothing else', async () => {
    const ask = (path: string) =>
      exchangeOnce(vault, rawRequest([`GET ${path} HTTP/1.0`, 'Connection: close']), { servername: '' })
    expect((await ask('/healthz')).status).toBe(200)
    expect((await ask('/docs')).status).toBe(400)
  })
})
