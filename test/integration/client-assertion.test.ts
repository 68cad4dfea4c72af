import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { ASSERTION_TYPE } from '../../src/access/authentication/client-jwt.ts'
import { type CallerKey, type Changes, createCallerKey, signAssertion } from '../support/caller-keys.ts'
import { es256, forgeToken, hs256, type Signer, unsigned } from '../support/forge-token.ts'
import { expectProblem, withoutRequestId } from '../support/problems.ts'
import { ISSUER, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

let vault: TestVault
let second: TestVault
let key: CallerKey
let id: string

beforeAll(async () => {
  vault = await TestVault.start()
  second = await TestVault.start({ sharedDatabase: vault.database })
  key = await createCallerKey()
  id = await clientWith(key)
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

async function clientWith(...keys: CallerKey[]): Promise<string> {
  const input = { name: 'signs', scopes: ['tokenize'], site: 'default' } as const
  const set = { keys: keys.map(({ jwk, thumbprint }) => ({ ...jwk, kid: thumbprint })) }
  return (await vault.commands.addClientWithKey(OPERATOR, input, { keys: set })).id
}

const now = () => new Date(Date.now() + vault.clockOffsetMs)
const seconds = () => Math.floor(now().getTime() / 1000)
const assertion = (changes: Changes = {}, by = key, from = id) => signAssertion(by, from, now(), changes)

const publicPem = () => key.publicKey.export({ type: 'spki', format: 'pem' }) as string

const ask = (client_assertion: string, more: Record<string, string> = {}, on = vault) =>
  on.call('POST', '/oauth/token', {
    text: new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: ASSERTION_TYPE,
      client_assertion,
      ...more,
    }).toString(),
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
  })

describe('200', () => {
  it.each(['ES256', 'EdDSA', 'PS256'] as const)('for a client that signs with %s', async (alg) => {
    const own = await createCallerKey(alg)
    const response = await ask(await assertion({}, own, await clientWith(own)))
    expect(response.status, response.text).toBe(200)
    expect(response.body).toMatchObject({ token_type: 'Bearer', scope: 'tokenize' })
  })

  it.each<[string, () => Changes]>([
    ['to the token endpoint', () => ({ claims: { aud: `${ISSUER}/oauth/token` } })],
    ['to the issuer, in a list of one', () => ({ claims: { aud: [ISSUER] } })],
    ['without typ and iat', () => ({ header: { typ: undefined }, claims: { iat: undefined } })],
    ['of the type that names its use', () => ({ header: { typ: 'client-authentication+jwt' } })],
    ['made by a clock that is a minute ahead', () => ({ claims: { iat: seconds() + 60 } })],
    ['good from half a minute ahead on', () => ({ claims: { nbf: seconds() + 30 } })],
    ['made nearly ten minutes ago', () => ({ claims: { iat: seconds() - 590 } })],
  ])('for an assertion %s', async (_what, changes) => {
    expect((await ask(await assertion(changes()))).status).toBe(200)
  })

  it('for a client_id that says the same', async () => {
    expect((await ask(await assertion(), { client_id: id })).status).toBe(200)
  })

  it('and empty parameters of other ways beside it, which count as none (RFC 6749 section 3.2)', async () => {
    expect((await ask(await assertion(), { client_secret: '', client_id: '' })).status).toBe(200)
    const other = await vault.client(['tokenize'])
    const secret = { client_id: other.id, client_secret: other.secret, client_assertion_type: '' }
    expect((await ask('', secret)).status).toBe(200)
  })

  it('for each of several keys, by its id', async () => {
    const other = await createCallerKey()
    const both = await clientWith(key, other)
    for (const by of [key, other]) {
      expect((await ask(await assertion({ header: { kid: by.thumbprint } }, by, both))).status).toBe(200)
    }
  })
})

describe('a kid', () => {
  it.each(['somebody-elses', '', 'x'.repeat(200)])('that is "%s" is no matter where there is one key', async (kid) => {
    expect((await ask(await assertion({ header: { kid } }))).status).toBe(200)
  })

  it('does not let another key pass', async () => {
    const thief = await createCallerKey()
    const forged = await assertion({ signer: thief.privateKey, header: { kid: 'somebody-elses' } })
    expectProblem(await ask(forged), 401, 'invalid-client')
  })

  it('tells which of several keys it is, and none of them when it is unknown', async () => {
    const [own, other] = [await createCallerKey(), await createCallerKey()]
    const from = await clientWith(own, other)
    for (const kid of [other.thumbprint, 'unknown']) {
      expectProblem(await ask(await assertion({ header: { kid } }, own, from)), 401, 'invalid-client')
    }
  })
})

describe('401', () => {
  const NOBODY = `client_${'0'.repeat(26)}`
  it.each<[string, () => Changes]>([
    ['expired', () => ({ claims: { exp: seconds() - 6 } })],
    ['good for longer than five minutes', () => ({ claims: { exp: seconds() + 400 } })],
    ['without an end', () => ({ claims: { exp: undefined } })],
    ['not good yet', () => ({ claims: { nbf: seconds() + 60 } })],
    ['for another audience', () => ({ claims: { aud: 'https://other.example' } })],
    ['for the issuer with something after it', () => ({ claims: { aud: `${ISSUER}/` } })],
    ['for no audience', () => ({ claims: { aud: undefined } })],
    ['for an empty list', () => ({ claims: { aud: [] } })],
    ['for several, us among them', () => ({ claims: { aud: [ISSUER, 'https://other.example'] } })],
    ['for both of our names', () => ({ claims: { aud: [ISSUER, `${ISSUER}/oauth/token`] } })],
    ['for us twice', () => ({ claims: { aud: [ISSUER, ISSUER] } })],
    ['for another endpoint of ours', () => ({ claims: { aud: `${ISSUER}/v1/tokenize` } })],
    ['made by a clock that is further ahead', () => ({ claims: { iat: seconds() + 70 } })],
    ['made more than ten minutes ago', () => ({ claims: { iat: seconds() - 601 } })],
    ['made at no time', () => ({ claims: { iat: 'now' } })],
    ['from another issuer', () => ({ claims: { iss: NOBODY } })],
    ['about another client', () => ({ claims: { sub: NOBODY } })],
    ['without a subject', () => ({ claims: { sub: undefined } })],
    ['without an id', () => ({ claims: { jti: undefined } })],
    ['with an empty id', () => ({ claims: { jti: '' } })],
    ['with an endless id', () => ({ claims: { jti: 'j'.repeat(257) } })],
    ['that is a DPoP proof', () => ({ header: { typ: 'dpop+jwt' } })],
    ['that is an access token', () => ({ header: { typ: 'at+jwt' } })],
  ])('for an assertion %s', async (_what, changes) => {
    expectProblem(await ask(await assertion(changes())), 401, 'invalid-client')
  })

  it('for a signature by another key, even one that the header brings along', async () => {
    const thief = await createCallerKey()
    const header = { jwk: thief.jwk, kid: key.thumbprint }
    expectProblem(await ask(await assertion({ signer: thief.privateKey, header })), 401, 'invalid-client')
  })

  it.each<[string, Record<string, unknown>, () => Signer]>([
    ['alg none', { alg: 'none' }, () => unsigned],
    ['HS256 under the public key', { alg: 'HS256' }, () => hs256(publicPem())],
    ['an extension that is not known', { alg: 'ES256', crit: ['x'], x: 1 }, () => es256(key.privateKey)],
  ])('for %s', async (_what, header, signer) => {
    const claims = { iss: id, sub: id, aud: ISSUER, jti: randomUUID(), exp: seconds() + 60 }
    expectProblem(await ask(forgeToken(header, claims, signer())), 401, 'invalid-client')
    expect((await ask(forgeToken({ alg: 'ES256' }, claims, es256(key.privateKey)))).status).toBe(200)
  })

  it('for RS256 under the key of a client that signs with PS256', async () => {
    const own = await createCallerKey('PS256')
    const from = await clientWith(own)
    expectProblem(await ask(await assertion({ header: { alg: 'RS256' } }, own, from)), 401, 'invalid-client')
  })

  it('for a client_id that says something else', async () => {
    expectProblem(await ask(await assertion(), { client_id: NOBODY }), 401, 'invalid-client')
  })

  it('for another spelling of the same bytes, and for a text that is not an assertion', async () => {
    const good = await assertion()
    for (const text of [`${good}=`, ` ${good}`, good.split('.', 2).join('.'), 'x', `${'a'.repeat(4000)}.a.a`]) {
      expectProblem(await ask(text), 401, 'invalid-client')
    }
  })

  it('for a client that has a secret, and for the secret of a client that signs', async () => {
    const withSecret = await vault.client(['tokenize'])
    expectProblem(await ask(await assertion({}, key, withSecret.id)), 401, 'invalid-client')
    expectProblem(await vault.requestToken(id, 'anything'), 401, 'invalid-client')
  })

  it('for a client that was revoked, and tells it from an unknown one by nothing', async () => {
    const gone = await clientWith(key)
    await vault.commands.revokeClient(OPERATOR, gone)
    const [revoked, unknown] = [await ask(await assertion({}, key, gone)), await ask(await assertion({}, key, NOBODY))]
    expectProblem(revoked, 401, 'invalid-client')
    expect(withoutRequestId(revoked)).toBe(withoutRequestId(unknown))
  })

  it('for keys that were replaced', async () => {
    const next = await createCallerKey()
    const from = await clientWith(key)
    await vault.commands.replaceClientKeys(OPERATOR, from, { keys: [next.jwk] })
    expectProblem(await ask(await assertion({}, key, from)), 401, 'invalid-client')
    expect((await ask(await assertion({}, next, from))).status).toBe(200)
    expect(await vault.events({ type: 'client.replace-keys', subject: from })).toHaveLength(1)
  })
})

describe('400', () => {
  it('for two ways at once, and for another type of assertion', async () => {
    const other = await vault.client(['tokenize'])
    const ways: Record<string, string>[] = [
      { client_id: other.id, client_secret: other.secret },
      { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' },
    ]
    for (const more of ways) {
      const response = await ask(await assertion(), more)
      expectProblem(response, 400, 'invalid-token-request')
      expect(response.body.error).toBe('invalid_request')
    }
  })
})

describe('an assertion counts once', () => {
  it('on whichever server it arrives first', async () => {
    const once = await assertion()
    expect((await ask(once)).status).toBe(200)
    for (const server of [vault, second]) expectProblem(await ask(once, {}, server), 401, 'invalid-client')
  })

  it('when it arrives many times at the same moment on both', async () => {
    const once = await assertion()
    const answers = await Promise.all(Array.from({ length: 12 }, (_, at) => ask(once, {}, at % 2 ? vault : second)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(11).fill(401)])
  })

  it('for its client alone: another may use the same id', async () => {
    const other = await clientWith(key)
    const same = { claims: { jti: 'one-for-both' } }
    expect((await ask(await assertion(same))).status).toBe(200)
    expect((await ask(await assertion(same, key, other))).status).toBe(200)
  })

  it('and is not used up by a sender who cannot sign it', async () => {
    const thief = await createCallerKey()
    const same = { claims: { jti: 'not-burnt' } }
    expectProblem(await ask(await assertion({ ...same, signer: thief.privateKey })), 401, 'invalid-client')
    expect((await ask(await assertion(same))).status).toBe(200)
  })
})
