import { createPublicKey, hash, type KeyObject } from 'node:crypto'
import { errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'
import type { Key } from '../../keys/key/key.ts'
import { type KeyToSignDeps, keyToSign } from '../../keys/lifecycle/key-to-sign.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import type { NewId } from '../../values/identifier.ts'
import { Problem } from '../../values/problem.ts'
import type { Caller } from '../policy/caller.ts'
import { foldedId } from '../policy/person.ts'
import { type Purpose, purposes } from '../policy/purpose.ts'
import { isRoleName, ROLE_NAME, type RoleName, type Scope, scopes } from '../policy/roles.ts'
import { hasEnded, isCompactJws, MAX_AHEAD_SECONDS } from '../policy/signed-jwt.ts'
import { MAX_TOKEN_SECONDS } from '../policy/token-life.ts'
import { type Binding, bindingOf, cnfOf, cnfSchema } from './confirmation.ts'

/** Access tokens are RFC 9068 JWTs, ES256, verified by the rules of RFC 8725. */
const ALGORITHM = 'ES256'
const TYPE = 'at+jwt'
/** A client's token; it asks again (RFC 6749 section 4.4 has no refresh token). */
export const CLIENT_TOKEN_SECONDS = 300
/** Enough for a busy vault; above it the oldest entry leaves. */
const MAX_CACHED_TOKENS = 10_000
const MAX_TOKEN_LENGTH = 4096

const claimsSchema = z.object({
  sub: z.string().min(1),
  client_id: z.string().min(1),
  jti: z.string().min(1),
  exp: z.number(),
  iat: z.number(),
  scope: z.string(),
  caller_kind: z.enum(['client', 'staff']),
  role: z.string().regex(ROLE_NAME).optional(),
  purposes: z.array(z.enum(purposes)),
  site: z.string().min(1),
  /** The third party whose client it is. */
  partner: z.string().min(1).optional(),
  /** The checkout session in which a shopper's browser has the token. */
  checkout_session: z.string().min(1).optional(),
  cnf: cnfSchema.optional(),
})

export interface AccessTokens {
  /** Signs a token for the caller. */
  issue(caller: TokenSubject, seconds: number): Promise<string>
  /**
   * Verifies a token and answers with its caller, who has yet to prove that a bound token is theirs. What was verified
   * is remembered until it expires. Revocation is checked elsewhere.
   *
   * @throws {Problem} unauthenticated
   */
  verify(token: string): Promise<Caller>
  /** The public keys, as a JWK Set (RFC 7517). */
  jwks(): { keys: Record<string, unknown>[] }
}

export interface TokenSubject extends Binding {
  id: string
  kind: 'client' | 'staff'
  role?: RoleName | undefined
  scopes: readonly Scope[]
  purposes: readonly Purpose[]
  site: string
  partnerId?: string | undefined
  /** The checkout session that the token is for, and nothing else. */
  session?: string | undefined
}

export interface AccessTokenOptions extends KeyToSignDeps {
  keys: KeyToSignDeps['keys'] & Pick<Keys, 'ring'>
  issuer: string
  now: () => Date
  newId: NewId
  /** In production no token is one for trials. */
  production: boolean
  /** Whether a token may name that role. Default: the built-in ones. */
  isRole?: (name: string) => boolean
}

export function createAccessTokens(options: AccessTokenOptions): AccessTokens {
  const { keys, issuer, now, newId, production, isRole = isRoleName } = options
  const verified = new Map<string, { caller: Caller; expiresAt: number; keyId: string }>()
  const nowSeconds = () => Math.floor(now().getTime() / 1000)

  async function verificationKey(kid: unknown): Promise<Key> {
    const find = () => (typeof kid === 'string' ? keys.ring.find(kid) : undefined)
    let key = find()
    if (key === undefined && typeof kid === 'string' && KEY_ID.test(kid)) {
      await keys.refresh()
      key = find()
    }
    if (key?.purpose !== 'token-signing' || !isTrusted(key)) throw unauthenticated('key')
    return key
  }

  async function verifyAfresh(token: string): Promise<{ caller: Caller; expiresAt: number; keyId: string }> {
    let keyId = ''
    const { payload } = await jwtVerify(
      token,
      async (header) => {
        const key = await verificationKey(header.kid)
        keyId = key.id
        return createPublicKey(key.secret)
      },
      {
        algorithms: [ALGORITHM],
        typ: TYPE,
        issuer,
        audience: issuer,
        requiredClaims: ['iss', 'aud', 'sub', 'client_id', 'iat', 'exp', 'jti'],
        maxTokenAge: MAX_TOKEN_SECONDS,
        clockTolerance: MAX_AHEAD_SECONDS,
        currentDate: now(),
      },
    )
    const claims = claimsSchema.parse(payload)
    if (hasEnded(claims.exp, now())) throw unauthenticated('exp')
    if (claims.exp - claims.iat > MAX_TOKEN_SECONDS) throw unauthenticated('lifetime')
    if (claims.role !== undefined && !isRole(claims.role)) throw unauthenticated('role')
    return { caller: callerOf(claims, production), expiresAt: claims.exp, keyId }
  }

  return {
    async issue(subject, seconds) {
      const key = await keyToSign(options, 'token-signing')
      const issuedAt = nowSeconds()
      return new SignJWT({
        client_id: subject.id,
        scope: subject.scopes.join(' '),
        caller_kind: subject.kind,
        role: subject.role,
        purposes: subject.purposes,
        site: subject.site,
        partner: subject.partnerId,
        checkout_session: subject.session,
        cnf: cnfOf(subject),
      })
        .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: key.id })
        .setIssuer(issuer)
        .setAudience(issuer)
        .setSubject(subject.id)
        .setJti(newId('jti'))
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + seconds)
        .sign(key.secret)
    },

    async verify(token) {
      if (token.length > MAX_TOKEN_LENGTH) throw unauthenticated('form')
      const digest = hash('sha256', token, 'base64')
      const remembered = verified.get(digest)
      if (remembered) {
        const state = keys.ring.find(remembered.keyId)?.state
        if (remembered.expiresAt > nowSeconds() && state !== undefined && state !== 'compromised')
          return remembered.caller
        verified.delete(digest)
      }
      if (!isCompactJws(token, MAX_TOKEN_LENGTH)) throw unauthenticated('form')
      try {
        const fresh = await verifyAfresh(token)
        verified.set(digest, fresh)
        if (verified.size > MAX_CACHED_TOKENS) verified.delete(verified.keys().next().value!)
        return fresh.caller
      } catch (error) {
        throw error instanceof Problem ? error : unauthenticated(ruleOf(error))
      }
    },

    jwks() {
      return {
        keys: keys.ring
          .all('token-signing')
          .filter(isTrusted)
          .map((key) => publicJwk(key.id, key.secret)),
      }
    },
  }
}

/** A signature of a compromised key is worth nothing, here and to all who read the JWK Set. */
function isTrusted(key: Key): boolean {
  return key.state !== 'compromised'
}

const KEY_ID = /^key_[0-9a-hjkmnp-tv-z]{26}$/

/** The rule that a token has failed; `claims` for those of the vault's own claims. */
function ruleOf(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired) return error.claim
  return error instanceof errors.JOSEError ? 'signature' : 'claims'
}

function unauthenticated(rule: string): Problem {
  return new Problem('unauthenticated', {
    challenge: { scheme: 'any', error: 'invalid_token' },
    disbelief: { reason: `the access token fails a rule of the vault: ${rule}` },
  })
}

function callerOf(claims: z.infer<typeof claimsSchema>, production: boolean): Caller {
  const known = new Set<string>(scopes)
  return {
    // A token of an earlier version may have the name as it was typed.
    id: claims.caller_kind === 'staff' ? foldedId(claims.sub) : claims.sub,
    kind: claims.caller_kind,
    role: claims.role,
    scopes: new Set(claims.scope.split(' ').filter((scope): scope is Scope => known.has(scope))),
    purposes: new Set(claims.purposes),
    site: claims.site,
    partnerId: claims.partner,
    session: claims.checkout_session,
    isTrial: claims.caller_kind === 'staff' && claims.cnf === undefined && !production ? true : undefined,
    ...bindingOf(claims.cnf),
  }
}

function publicJwk(kid: string, privateKey: KeyObject): Record<string, unknown> {
  return { ...createPublicKey(privateKey).export({ format: 'jwk' }), kid, alg: ALGORITHM, use: 'sig' }
}
