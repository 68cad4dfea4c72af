import { afterAll, afterEach, beforeAll, describe, it } from 'vitest'
import { createForge, type Forge } from '../support/forged-token.ts'
import { expectRefusal } from '../support/refusal.ts'
import { contact } from '../support/samples.ts'
import { ISSUER, TestVault } from '../support/test-vault.ts'

let vault: TestVault
let forge: Forge
let path: string

beforeAll(async () => {
  vault = await TestVault.start()
  forge = await createForge(vault)
  path = `/v1/tokens/${(await vault.tokenize({ contact })).contact!.token}`
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const read = (token: string) => () => vault.call('GET', path, { token })
const expected = { status: 401, code: 'unauthenticated' } as const

describe('a token for another audience', () => {
  it.each([
    ['another audience', { aud: 'https://shop.example' }],
    ['a list of other audiences', { aud: ['https://shop.example', 'https://carrier.example'] }],
    ['an audience that begins like ours', { aud: `${ISSUER}.evil.example` }],
    ['our audience with a slash', { aud: `${ISSUER}/` }],
    ['our audience in capitals', { aud: ISSUER.toUpperCase() }],
    ['an empty audience', { aud: '' }],
    ['no audience in a list', { aud: [] }],
    ['an audience that is an object', { aud: { [ISSUER]: true } }],
    ['another issuer', { iss: 'https://login.evil.example' }],
    ['our issuer with a slash', { iss: `${ISSUER}/` }],
    ['a list of issuers', { iss: [ISSUER] }],
  ])('is refused: %s', async (_name, changes) => {
    await expectRefusal(vault, read(forge.sign(forge.header(), forge.claims(changes))), expected)
  })
})

describe('a token of another type', () => {
  it.each([
    ['JWT'],
    ['id+jwt'],
    ['logout+jwt'],
    ['dpop+jwt'],
    ['secevent+jwt'],
    ['at+jwt2'],
    [''],
    [null],
    [undefined],
  ])('is refused: %j', async (typ) => {
    await expectRefusal(vault, read(forge.sign(forge.header({ typ }), forge.claims())), expected)
  })

  it('is refused when it is an ID token (OpenID Connect Core section 2)', async () => {
    const claims = forge.claims({ nonce: 'n-0S6_WzA2Mj', auth_time: 1, email: 'staff@example.sg' })
    await expectRefusal(vault, read(forge.sign(forge.header({ typ: 'JWT' }), claims)), {
      ...expected,
      input: 'staff@example.sg',
    })
  })
})

describe('a token of a client', () => {
  it('is refused when there is no such client', async () => {
    const claims = forge.claims({ sub: 'client_unknown', client_id: 'client_unknown', caller_kind: 'client' })
    await expectRefusal(vault, read(forge.sign(forge.header(), claims)), expected)
  })

  it('is refused on the request after the client was revoked', async () => {
    const { id, secret } = await vault.client(['token:read'])
    const token = (await vault.requestToken(id, secret)).body.access_token
    await vault.commands.revokeClient({ id: 'operator:test', kind: 'operator' }, id)
    await expectRefusal(vault, read(token), expected)
  })
})
