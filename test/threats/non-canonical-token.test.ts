import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { exchangeOnce, rawRequest } from '../support/raw-tls.ts'
import { expectRefusal } from '../support/refusal.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let path: string
let live: string
let revoked: string

beforeAll(async () => {
  vault = await TestVault.start()
  path = `/v1/tokens/${(await vault.tokenize({ contact })).contact!.token}`
  live = await vault.clientToken(['token:read'])
  const { id, secret } = await vault.client(['token:read'])
  revoked = (await vault.requestToken(id, secret)).body.access_token
  expect((await vault.call('GET', path, { token: revoked })).status).toBe(200)
  await vault.commands.revokeClient({ id: 'operator:test', kind: 'operator' }, id)
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const expected = { status: 401, code: 'unauthenticated' } as const

const send = (token: string) => () =>
  exchangeOnce(
    vault,
    rawRequest([`GET ${path} HTTP/1.1`, 'Host: localhost', `Authorization: Bearer ${token}`, 'Connection: close']),
  )

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** 86 characters hold 4 bits more than 64 bytes do: another last character decodes to the same signature. */
function withSpareBits(token: string): string {
  const other = ALPHABET[ALPHABET.indexOf(token.at(-1)!) ^ 1]!
  const copy = token.slice(0, -1) + other
  expect(Buffer.from(copy.split('.')[2]!, 'base64url')).toEqual(Buffer.from(token.split('.')[2]!, 'base64url'))
  return copy
}

/** The order of P-256. (r, s) and (r, n - s) are both signatures of one text: no encoding trick, and still a copy. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

function withMirroredSignature(token: string): string {
  const [header, claims, signature] = token.split('.')
  const bytes = Buffer.from(signature!, 'base64url')
  const s = ORDER - BigInt(`0x${bytes.subarray(32).toString('hex')}`)
  const mirrored = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')])
  return `${header}.${claims}.${mirrored.toString('base64url')}`
}

const copies: [string, (token: string) => string][] = [
  ['padded', (token) => `${token}==`],
  ['padded in its header', (token) => token.replace('.', '=.')],
  ['with spare bits', withSpareBits],
  ['with a space at its end', (token) => `${token} `.replace(/ $/, '%20')],
  ['with a dot at its end', (token) => `${token}.`],
  ['with a fourth part', (token) => `${token}.AAAA`],
  ['with white space inside', (token) => token.replace('.', ' .')],
  ['with a tab inside', (token) => token.replace('.', '\t.')],
  ['percent-encoded', (token) => token.replace('.', '%2E')],
  ['in quotes', (token) => `"${token}"`],
  ['twice', (token) => `${token},${token}`],
  ['with a non-ASCII character', (token) => `${token}\u00e9`],
]

it('accepts the live token itself', async () => {
  expect((await send(live)()).status).toBe(200)
})

describe.each(copies)('a copy %s', (_name, copy) => {
  it('of a revoked token is refused', async () => {
    await expectRefusal(vault, send(copy(revoked)), expected)
  })

  it('of a live token is refused too', async () => {
    await expectRefusal(vault, send(copy(live)), { ...expected, input: live.slice(0, 40) })
  })
})

it('refuses the revoked token, and a copy with the other signature that fits it', async () => {
  await expectRefusal(vault, send(revoked), expected)
  await expectRefusal(vault, send(withMirroredSignature(revoked)), expected)
})

it('refuses the other base64 alphabet', async () => {
  const usesBoth = await findToken(/[-_]/)
  await expectRefusal(vault, send(usesBoth.replaceAll('-', '+').replaceAll('_', '/')), expected)
})

async function findToken(pattern: RegExp): Promise<string> {
  for (let at = 0; at < 50; at++) {
    const token = await vault.staffToken('support')
    if (pattern.test(token)) return token
  }
  throw new Error('no token of that form')
}
