import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { STATEMENT_ALGORITHMS } from '../../src/access/policy/signed-jwt.ts'
import { expectProblem } from '../support/problems.ts'
import { ISSUER, TestVault } from '../support/test-vault.ts'

let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start()
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

interface Challenge {
  scheme: string
  parameters: Record<string, string>
}

/** RFC 9110 section 11.6.1, as far as quoted strings go. */
function challengesOf(header: string): Challenge[] {
  const found: Challenge[] = []
  for (const [, scheme, name, value] of header.matchAll(/(?:(\w+) )?([\w-]+)="([^"]*)"(?:, |$)/g)) {
    if (scheme !== undefined) found.push({ scheme, parameters: {} })
    found.at(-1)!.parameters[name!] = value!
  }
  return found
}

const ours = { realm: 'strongroom', resource_metadata: `${ISSUER}/.well-known/oauth-protected-resource` }
const algs = STATEMENT_ALGORITHMS.join(' ')
const tokens = [
  ['card', 'card:reveal'],
  ['addr', 'address:reveal'],
  ['cont', 'contact:reveal'],
] as const
const reveal = (prefix: string, token?: string) =>
  vault.call('POST', `/v1/tokens/${prefix}_${'0'.repeat(26)}/reveal`, { token, body: { purpose: 'process-payment' } })

describe('a challenge names both kinds of token, each with parameters', () => {
  it('where none is sent', async () => {
    const answer = await vault.call('GET', '/v1/audit/events')
    expectProblem(answer, 401, 'unauthenticated')
    expect(challengesOf(answer.headers['www-authenticate']!)).toEqual([
      { scheme: 'Bearer', parameters: { scope: 'audit:read audit:read-all', ...ours } },
      { scheme: 'DPoP', parameters: { scope: 'audit:read audit:read-all', algs, ...ours } },
    ])
  })

  it('where it is not valid (RFC 6750 section 3.1)', async () => {
    const answer = await vault.call('GET', '/v1/audit/events', { token: 'no.real.token' })
    const parameters = { error: 'invalid_token', scope: 'audit:read audit:read-all', ...ours }
    expect(challengesOf(answer.headers['www-authenticate']!)).toEqual([
      { scheme: 'Bearer', parameters },
      { scheme: 'DPoP', parameters: { ...parameters, algs } },
    ])
  })
})

describe('a challenge names the scope of the kind that the token is of', () => {
  it.each(tokens)('%s, without an access token', async (prefix, scope) => {
    const answer = await reveal(prefix)
    const scopes = challengesOf(answer.headers['www-authenticate']!).map(({ parameters }) => parameters.scope)
    expect(scopes).toEqual([scope, scope])
  })

  it.each(tokens)('%s, with too little scope', async (prefix, scope) => {
    const without = await vault.staffToken('auditor')
    const others = tokens.map(([, one]) => one).filter((one) => one !== scope)
    const client = await vault.client(others)
    const partly = (await vault.requestToken(client.id, client.secret)).body.access_token
    for (const token of [without, partly]) {
      const answer = await reveal(prefix, token)
      expectProblem(answer, 403, 'scope-missing')
      expect(challengesOf(answer.headers['www-authenticate']!)).toEqual([
        { scheme: 'Bearer', parameters: { error: 'insufficient_scope', scope, ...ours } },
        { scheme: 'DPoP', parameters: { error: 'insufficient_scope', scope, algs, ...ours } },
      ])
    }
  })

  it('all of them where the body names the tokens, or the path names none', async () => {
    const all = 'card:reveal address:reveal contact:reveal'
    for (const answer of [await vault.call('POST', '/v1/reveal', { body: {} }), await reveal('none')]) {
      expect(challengesOf(answer.headers['www-authenticate']!)[0]!.parameters.scope).toBe(all)
    }
  })
})

describe('the documents that a challenge leads to', () => {
  const get = (name: string) => vault.call('GET', `/.well-known/${name}`)

  it('say the same of the server, at every address', async () => {
    const [server, openId] = [await get('oauth-authorization-server'), await get('openid-configuration')]
    expect(openId.status).toBe(200)
    expect(openId.headers['content-type']).toBe('application/json')
    expect(openId.body).toMatchObject(server.body)
    expect(Object.keys(openId.body).filter((name) => !(name in server.body))).toEqual([
      'subject_types_supported',
      'id_token_signing_alg_values_supported',
    ])
  })

  it('say where the resource takes its tokens from (RFC 9728)', async () => {
    const [server, resource] = [await get('oauth-authorization-server'), await get('oauth-protected-resource')]
    expect(resource.status).toBe(200)
    expect(resource.body).toEqual({
      resource: ISSUER,
      resource_name: 'Strongroom',
      resource_documentation: `${ISSUER}/docs`,
      authorization_servers: [server.body.issuer],
      scopes_supported: server.body.scopes_supported,
      bearer_methods_supported: ['header'],
      dpop_signing_alg_values_supported: server.body.dpop_signing_alg_values_supported,
    })
  })
})
