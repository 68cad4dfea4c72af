import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createForge, encode, es256, type Forge, type Json } from '../support/forged-token.ts'
import { expectRefusal } from '../support/refusal.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

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

it('accepts what the vault itself would have signed, so that each of these fails for its own reason', async () => {
  expect((await read(forge.sign(forge.header(), forge.claims()))()).status).toBe(200)
})

describe('no signature', () => {
  it.each(['none', 'None', 'NONE', 'nOnE', ''])('is not accepted as the algorithm %j', async (alg) => {
    const input = `${encode(forge.header({ alg }))}.${encode(forge.claims())}`
    for (const signature of ['', es256(input, forge.key).toString('base64url'), 'A'.repeat(86)]) {
      await expectRefusal(vault, read(`${input}.${signature}`), { ...expected, input: input.slice(-40) })
    }
  })

  it('is not accepted from a token whose signature was cut off', async () => {
    const token = forge.sign(forge.header(), forge.claims())
    await expectRefusal(vault, read(token.slice(0, token.lastIndexOf('.'))), expected)
    await expectRefusal(vault, read(token.slice(0, token.lastIndexOf('.') + 1)), expected)
  })
})

describe('the public key as a secret', () => {
  const publicForms: [string, (key: KeyObject) => string | Buffer][] = [
    ['PEM', (key) => key.export({ format: 'pem', type: 'spki' })],
    ['PEM without its last line break', (key) => String(key.export({ format: 'pem', type: 'spki' })).trim()],
    ['DER', (key) => key.export({ format: 'der', type: 'spki' })],
    ['JWK', (key) => JSON.stringify(key.export({ format: 'jwk' }))],
  ]

  it.each(publicForms)('is not accepted as %s', async (_name, form) => {
    const secret = form(createPublicKey(forge.key))
    for (const [alg, hash] of [
      ['HS256', 'sha256'],
      ['HS512', 'sha512'],
    ] as const) {
      const input = `${encode(forge.header({ alg }))}.${encode(forge.claims())}`
      await expectRefusal(
        vault,
        read(`${input}.${createHmac(hash, secret).update(input).digest('base64url')}`),
        expected,
      )
    }
  })
})

describe('another algorithm', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const ed25519 = generateKeyPairSync('ed25519').privateKey
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
  const signers: Record<string, (input: Buffer) => Buffer> = {
    RS256: (input) => sign('sha256', input, rsa),
    EdDSA: (input) => sign(null, input, ed25519),
    ES384: (input) => sign('sha384', input, { key: p384, dsaEncoding: 'ieee-p1363' }),
    ES512: (input) => sign('sha512', input, { key: forge.key, dsaEncoding: 'ieee-p1363' }),
  }

  it.each(Object.keys(signers))('is not accepted: %s', async (alg) => {
    for (const named of [alg, 'ES256']) {
      const input = `${encode(forge.header({ alg: named }))}.${encode(forge.claims())}`
      const token = `${input}.${signers[alg]!(Buffer.from(input)).toString('base64url')}`
      await expectRefusal(vault, read(token), expected)
    }
  })

  it.each([['es256'], [['ES256']], [null], [undefined], [256]])('is not accepted: %j', async (alg) => {
    await expectRefusal(vault, read(forge.sign(forge.header({ alg }), forge.claims())), expected)
  })
})

describe('a key of the forger', () => {
  const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...own.publicKey.export({ format: 'jwk' }), kid: 'own', alg: 'ES256' }

  it('is not accepted under the name of a key of the vault', async () => {
    await expectRefusal(vault, read(forge.sign(forge.header(), forge.claims(), own.privateKey)), expected)
  })

  it('is not accepted from the header, and never fetched from where the header says', async () => {
    let fetched = 0
    const server = createServer((_request, response) => {
      fetched++
      response.end(JSON.stringify({ keys: [jwk] }))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
    const headers: Json[] = [
      { jwk },
      { jwk, kid: undefined },
      { jku: url, kid: 'own' },
      { x5u: url },
      { x5c: [own.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')] },
      { kid: url },
    ]
    try {
      for (const header of headers) {
        const token = forge.sign(forge.header(header), forge.claims(), own.privateKey)
        await expectRefusal(vault, read(token), expected)
      }
      expect(fetched).toBe(0)
    } finally {
      await new Promise((resolve) => server.close(resolve))
    }
  })
})

describe('the name of the key', () => {
  it.each([
    '../../../../dev/null',
    '/proc/self/environ',
    "' UNION SELECT secret_hash FROM clients --",
    `key_${'0'.repeat(26)}`,
    '__proto__',
    'constructor',
    '',
    7,
    null,
    undefined,
    ['a'],
    { toString: 'a' },
  ])('is not accepted as %j', async (kid) => {
    await expectRefusal(vault, read(forge.sign(forge.header({ kid }), forge.claims())), expected)
  })

  it('is not accepted if it names a key of another purpose', async () => {
    const header = forge.header({ kid: forge.dataKeyId })
    await expectRefusal(vault, read(forge.sign(header, forge.claims())), { ...expected, input: forge.dataKeyId })
  })
})

it.each([
  ['an unknown one', ['x-unknown'], { 'x-unknown': true }],
  ['one that we do not speak', ['b64'], { b64: false }],
  ['a claim', ['exp'], { exp: 1 }],
  ['none', [], {}],
  ['no list', 'exp', {}],
])('refuses critical headers (RFC 7515 section 4.1.11): %s', async (_name, crit, header) => {
  await expectRefusal(vault, read(forge.sign(forge.header({ crit, ...header }), forge.claims())), expected)
})

it('refuses claims or a header that were changed after signing, and the signature of another token', async () => {
  const [header, claims, signature] = forge.sign(forge.header(), forge.claims()).split('.')
  const other = forge.sign(forge.header(), forge.claims({ role: 'support' })).split('.')
  const forgeries = [
    `${header}.${encode(forge.claims({ site: 'other' }))}.${signature}`,
    `${encode(forge.header({ extra: 1 }))}.${claims}.${signature}`,
    `${header}.${other[1]}.${signature}`,
    `${header}.${claims}.${other[2]}`,
    `${header}.${claims}.${Buffer.alloc(64).toString('base64url')}`,
  ]
  for (const token of forgeries) await expectRefusal(vault, read(token), expected)
})
