import { createHash, generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto'
import { type JWTHeaderParameters, SignJWT } from 'jose'
import { type PublicJwk, publicJwkOf, thumbprintOf } from '../../src/access/policy/public-jwk.ts'
import { ISSUER } from './test-vault.ts'

export type Alg = 'ES256' | 'EdDSA' | 'PS256'

/** A key pair of a caller, who alone holds the private half. */
export interface CallerKey {
  alg: Alg
  privateKey: KeyObject
  publicKey: KeyObject
  jwk: PublicJwk
  thumbprint: string
}

export async function createCallerKey(alg: Alg = 'ES256'): Promise<CallerKey> {
  const { privateKey, publicKey } = pair(alg)
  const jwk = publicJwkOf(publicKey)!
  return { alg, privateKey, publicKey, jwk, thumbprint: await thumbprintOf(jwk) }
}

function pair(alg: Alg) {
  if (alg === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519')
  return generateKeyPairSync('rsa', { modulusLength: 2048 })
}

export interface Changes {
  header?: Record<string, unknown>
  /** `undefined` leaves a claim out. */
  claims?: Record<string, unknown>
  /** Another key than the named one. */
  signer?: KeyObject
}

/** A client assertion (RFC 7523) as it should be, but for the changes. */
export function signAssertion(key: CallerKey, clientId: string, at: Date, changes: Changes = {}): Promise<string> {
  const now = Math.floor(at.getTime() / 1000)
  const claims = { iss: clientId, sub: clientId, aud: ISSUER, jti: randomUUID(), iat: now, exp: now + 60 }
  return signed(key, { alg: key.alg, typ: 'JWT' }, claims, changes)
}

/** What a DPoP proof is for. */
export interface Purpose {
  method: string
  url: string
  accessToken?: string
}

/** A DPoP proof (RFC 9449 section 4.2) as it should be, but for the changes. */
export function signProof(key: CallerKey, purpose: Purpose, at: Date, changes: Changes = {}): Promise<string> {
  const { method, url, accessToken } = purpose
  const ath = accessToken && createHash('sha256').update(accessToken).digest('base64url')
  const claims = { jti: randomUUID(), htm: method, htu: url, iat: Math.floor(at.getTime() / 1000), ath }
  return signed(key, { alg: key.alg, typ: 'dpop+jwt', jwk: key.jwk }, claims, changes)
}

function signed(key: CallerKey, header: object, claims: object, changes: Changes): Promise<string> {
  return new SignJWT({ ...claims, ...changes.claims })
    .setProtectedHeader({ ...header, ...changes.header } as JWTHeaderParameters)
    .sign(changes.signer ?? key.privateKey)
}
