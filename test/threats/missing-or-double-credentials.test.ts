import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { exchangeOnce, rawRequest } from '../support/raw-tls.ts'
import { expectRefusal } from '../support/refusal.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let path: string
let token: string

beforeAll(async () => {
  vault = await TestVault.start()
  path = `/v1/tokens/${(await vault.tokenize({ contact })).contact!.token}`
  token = await vault.staffToken('support')
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const get =
  (target: string, ...headers: string[]) =>
  () =>
    exchangeOnce(vault, rawRequest([`GET ${target} HTTP/1.1`, 'Host: localhost', ...headers, 'Connection: close']))

describe('401', () => {
  it.each([
    ['no header', () => []],
    ['an empty header', () => ['Authorization:']],
    ['no scheme', () => [`Authorization: ${token}`]],
    ['no token', () => ['Authorization: Bearer']],
    ['another scheme', () => [`Authorization: Basic ${Buffer.from(`x:${token}`).toString('base64')}`]],
    ['a scheme that only begins like ours', () => [`Authorization: BearerX ${token}`]],
    ['DPoP', () => [`Authorization: DPoP ${token}`]],
    ['a parameter', () => [`Authorization: Bearer token="${token}"`]],
    ['two tokens in one header', () => [`Authorization: Bearer ${token}, Bearer ${token}`]],
    ['a cookie', () => [`Cookie: access_token=${token}`]],
    ['a header of another name', () => [`X-Access-Token: ${token}`, `Proxy-Authorization: Bearer ${token}`]],
  ])('answers %s and says what is wanted', async (_name, headers) => {
    const expected = { status: 401, code: 'unauthenticated', input: token.slice(-40) } as const
    const answer = await expectRefusal(vault, get(path, ...headers()), expected)
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer/)
  })

  it('answers a token in the body like none', async () => {
    const send = () => vault.call('POST', `${path}/reveal`, { body: { access_token: token, purpose: 'communicate' } })
    await expectRefusal(vault, send, { status: 401, code: 'unauthenticated', input: token.slice(-40) })
  })
})

describe('400', () => {
  it('answers two Authorization headers, also equal ones', async () => {
    const header = () => `Authorization: Bearer ${token}`
    const expected = { status: 400, code: 'malformed-request', leaves: 'metric', input: token.slice(-40) } as const
    await expectRefusal(vault, get(path, header(), header()), expected)
    await expectRefusal(vault, get(path, header(), 'authorization: Basic eDp5'), expected)
  })

  it.each(['access_token', 'ACCESS_TOKEN', 'bearer', 'authorization', 'jwt', 'api_key', 'client_secret', 't', 'token'])(
    'answers a token in the query as %s, with a good header or without',
    async (name) => {
      const target = `${path}?${name}=${token}`
      const expected = { status: 400, code: 'query-not-accepted', input: token.slice(-40) } as const
      await expectRefusal(vault, get(target), expected)
      await expectRefusal(vault, get(target, `Authorization: Bearer ${token}`), expected)
    },
  )
})

describe('the token endpoint', () => {
  const request =
    (form: string, headers: Record<string, string> = {}) =>
    () =>
      vault.call('POST', '/oauth/token', {
        text: form,
        headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
      })
  const basic = (text: string) => ({ Authorization: `Basic ${Buffer.from(text).toString('base64')}` })
  const GRANT = 'grant_type=client_credentials'

  it.each([
    ['no credentials', GRANT, {}],
    ['an id alone', `${GRANT}&client_id=x`, {}],
    ['an unknown id', `${GRANT}&client_id=x&client_secret=hidden-secret`, {}],
    ['an unknown id in the header', GRANT, basic('x:hidden-secret')],
    ['no colon', GRANT, basic('hidden-secret')],
    ['an empty id', GRANT, basic(':hidden-secret')],
    ['no base64', GRANT, { Authorization: 'Basic !!!' }],
    ['a bearer token', GRANT, { Authorization: 'Bearer hidden-secret' }],
  ])('answers 401 to %s', async (_name, form, headers) => {
    const expected = { status: 401, code: 'invalid-client', input: 'hidden-secret' } as const
    const answer = await expectRefusal(vault, request(form, headers), expected)
    expect(answer.headers['www-authenticate']).toMatch(/^Basic/)
  })

  it('answers 401 to the id of a client with another secret, an empty one or one too long', async () => {
    const { id, secret } = await vault.client(['tokenize'])
    for (const wrong of ['', secret.slice(1), `${secret}x`, 'x'.repeat(10_000)]) {
      const send = request(GRANT, basic(`${id}:${wrong}`))
      await expectRefusal(vault, send, { status: 401, code: 'invalid-client', input: wrong || [] })
    }
  })

  it.each([
    ['credentials in both places', `${GRANT}&client_id=x&client_secret=hidden`, basic('x:hidden')],
    ['another grant', 'grant_type=password&username=x&password=hidden', basic('x:hidden')],
    ['a parameter twice', `${GRANT}&client_id=x&client_id=y&client_secret=hidden`, {}],
    ['an empty grant', 'grant_type=', basic('x:hidden')],
  ])('answers 400 or 422 to %s', async (_name, form, headers) => {
    const answer = await request(form, headers)()
    expect([400, 422]).toContain(answer.status)
    expect(answer.text).not.toContain('hidden')
  })

  it('refuses a scope that the client does not have', async () => {
    const { id, secret } = await vault.client(['tokenize'])
    const send = request(`${GRANT}&scope=tokenize+card:reveal`, basic(`${id}:${secret}`))
    await expectRefusal(vault, send, { status: 400, code: 'invalid-token-request' })
  })
})
