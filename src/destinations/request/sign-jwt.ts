import { hash } from 'node:crypto'
import { type CompactJWSHeaderParameters, CompactSign } from 'jose'
import type { ClaimValue, Jwt, JwtAlgorithm, RequestFact } from '../signer.ts'
import type { SignDeps, Signed, UnsignedRequest } from './sign-request.ts'
import { privateKeyOf, sharedKeyOf, textOf, UnusableSecret } from './signing-key.ts'

const DEFAULT_SECONDS = 120

/** A JWT (RFC 7519) whose claims say what the destination asks for, the digest of the body among it. */
export async function signJwt(deps: SignDeps, signer: Jwt, request: UnsignedRequest): Promise<Signed> {
  const { secretOf } = deps
  const { header = 'Authorization', prefix = 'Bearer ', protected: further = {}, claims } = signer
  const factOf = factsOf(deps, request, signer.expires_seconds ?? DEFAULT_SECONDS)
  const said = Object.entries(claims).map(([name, value]) => [name, claimOf(value, secretOf, factOf)])
  const payload = Buffer.from(JSON.stringify(Object.fromEntries(said)), 'utf8')
  const members = Object.entries(further).map(([name, value]) => [name, textOf(secretOf, value)])
  const protectedFor = (alg: JwtAlgorithm, kid: string) => ({ typ: 'JWT', ...Object.fromEntries(members), alg, kid })
  const jwt =
    'key' in signer
      ? await signByVault(deps, payload, (kid) => protectedFor('EdDSA', kid))
      : await signBySecret(secretOf, signer, payload, protectedFor)
  return { headers: [[header, `${prefix}${jwt}`]] }
}

/** RFC 7515 section 5.1: the key stays where it is, so the compact form is made here. */
async function signByVault(
  { signMessage }: SignDeps,
  payload: Buffer,
  protectedFor: (kid: string) => object,
): Promise<string> {
  let input = ''
  const { signature } = await signMessage((kid) => {
    const header = Buffer.from(JSON.stringify(protectedFor(kid)), 'utf8').toString('base64url')
    input = `${header}.${payload.toString('base64url')}`
    return Buffer.from(input, 'ascii')
  })
  return `${input}.${signature.toString('base64url')}`
}

/** @throws {UnusableSecret} */
async function signBySecret(
  secretOf: SignDeps['secretOf'],
  signer: Extract<Jwt, { secret: string }>,
  payload: Buffer,
  protectedFor: (alg: JwtAlgorithm, kid: string) => CompactJWSHeaderParameters,
): Promise<string> {
  const { secret, algorithm = 'RS256', key_encoding, key_id } = signer
  const value = secretOf(secret)
  const key = algorithm.startsWith('HS') ? sharedKeyOf(secret, value, key_encoding) : privateKeyOf(secret, value)
  try {
    const header = protectedFor(algorithm, textOf(secretOf, key_id))
    return await new CompactSign(payload).setProtectedHeader(header).sign(key)
  } catch {
    throw new UnusableSecret(`the secret ${secret} is not a key for ${algorithm}.`)
  }
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
