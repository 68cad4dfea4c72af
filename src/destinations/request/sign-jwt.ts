import { hash, type KeyObject } from 'node:crypto'
import { CompactSign } from 'jose'
import type { ClaimValue, Jwt, JwtAlgorithm, RequestFact } from '../signer.ts'
import { UnusableSecret } from '../unusable-secret.ts'
import { privateKeyOf, sharedKeyOf, textOf } from './signing-key.ts'
import type { SignDeps, Signed, UnsignedRequest } from './unsigned-request.ts'

const DEFAULT_SECONDS = 120

/** A JWT (RFC 7519) whose claims say what the destination asks for, the digest of the body among it. */
export async function signJwt(deps: SignDeps, signer: Jwt, request: UnsignedRequest): Promise<Signed> {
  const { secretOf } = deps
  const { header = 'Authorization', prefix = 'Bearer ', protected: further = {}, claims } = signer
  const { key, keyid, algorithm } = await keyFor(deps, signer)
  const factOf = factsOf(deps, request, signer.expires_seconds ?? DEFAULT_SECONDS)
  const payload = Object.entries(claims).map(([name, value]) => [name, claimOf(value, secretOf, factOf)])
  const members = Object.entries(further).map(([name, value]) => [name, textOf(secretOf, value)])
  const jwt = await new CompactSign(Buffer.from(JSON.stringify(Object.fromEntries(payload)), 'utf8'))
    .setProtectedHeader({ typ: 'JWT', ...Object.fromEntries(members), alg: algorithm, kid: keyid })
    .sign(key)
    .catch(() => {
      throw new UnusableSecret(`the key of the JWT does not fit ${algorithm}.`)
    })
  return { headers: [[header, `${prefix}${jwt}`]] }
}

async function keyFor(
  { secretOf, messageKey }: SignDeps,
  signer: Jwt,
): Promise<{ key: KeyObject; keyid: string; algorithm: JwtAlgorithm }> {
  if ('key' in signer) return { ...(await messageKey()), algorithm: 'EdDSA' }
  const { secret, algorithm = 'RS256', key_encoding } = signer
  const value = secretOf(secret)
  const key = algorithm.startsWith('HS') ? sharedKeyOf(secret, value, key_encoding) : privateKeyOf(secret, value)
  return { key, keyid: textOf(secretOf, signer.key_id), algorithm }
}

function claimOf(
  value: ClaimValue,
  secretOf: SignDeps['secretOf'],
  factOf: (fact: RequestFact) => string | number,
): string | number | boolean {
  if (typeof value !== 'object') return value
  return '$secret' in value ? secretOf(value.$secret) : factOf(value.$request)
}

function factsOf({ now, newId }: SignDeps, request: UnsignedRequest, seconds: number) {
  const { method, origin, path, body } = request
  const issuedAt = Math.floor(now().getTime() / 1000)
  return (fact: RequestFact): string | number => {
    switch (fact) {
      case 'method':
        return method
      case 'lowercase-method':
        return method.toLowerCase()
      case 'host':
        return new URL(origin).host
      case 'path':
        return path
      case 'url':
        return `${origin}${path}`
      case 'body-sha256-base64':
        return hash('sha256', body, 'base64')
      case 'body-sha256-base64url':
        return hash('sha256', body, 'base64url')
      case 'body-sha256-hex':
        return hash('sha256', body, 'hex')
      case 'issued-at':
        return issuedAt
      case 'expires-at':
        return issuedAt + seconds
      case 'id':
        return newId('jwt')
    }
  }
}
