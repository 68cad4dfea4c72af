import { type KeyObject, randomUUID, sign } from 'node:crypto'
import { ISSUER, type TestVault } from './test-vault.ts'
import { readVaultKeys } from './vault-keys.ts'

export type Json = Record<string, unknown>

/** Writes tokens by hand: what no library would sign can be signed here, with the vault's own key. */
export interface Forge {
  /** The id of the key that the vault signs with. */
  kid: string
  key: KeyObject
  /** The id of a key of the vault for another purpose. */
  dataKeyId: string
  header(changes?: Json): Json
  /** What the vault itself would say of a member of the legal staff; `undefined` leaves a claim out. */
  claims(changes?: Json): Json
  sign(header: Json, claims: Json, key?: KeyObject): string
}

export async function createForge(vault: TestVault): Promise<Forge> {
  const ring = await readVaultKeys(vault)
  const { id: kid, secret: key } = ring.active('token-signing')
  return {
    kid,
    key,
    dataKeyId: ring.active('display').id,
    header: (changes = {}) => ({ alg: 'ES256', typ: 'at+jwt', kid, ...changes }),
    claims: (changes = {}) => {
      const now = Math.floor((Date.now() + vault.clockOffsetMs) / 1000)
      return {
        iss: ISSUER,
        aud: ISSUER,
        sub: 'staff:forger',
        client_id: 'staff:forger',
        jti: randomUUID(),
        iat: now,
        exp: now + 300,
        scope: 'token:read contact:reveal',
        caller_kind: 'staff',
        role: 'legal',
        purposes: ['enforce-rights'],
        site: 'default',
        ...changes,
      }
    },
    sign: (header, claims, by = key) => {
      const input = `${encode(header)}.${encode(claims)}`
      return `${input}.${es256(input, by).toString('base64url')}`
    },
  }
}

export function encode(json: Json): string {
  return Buffer.from(JSON.stringify(json)).toString('base64url')
}

/** RFC 7518 section 3.4: the two numbers one after the other. */
export function es256(input: string, key: KeyObject): Buffer {
  return sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
}
