import { decodeJwt, decodeProtectedHeader } from 'jose'
import { z } from 'zod'
import { hasEnded, isCompactJws, MAX_AHEAD_SECONDS, secondsOf } from '../policy/signed-jwt.ts'
import { cnfSchema } from '../tokens/confirmation.ts'
import { type Claims, hasValue } from './claim-mapping.ts'
import type { TrustedIssuer } from './trusted-issuers.ts'

/** A token with the 200 groups that Entra ID puts into one fits, and with a DPoP proof still into a request's headers. */
const MAX_LENGTH = 12 * 1024

/** A token as it is written; nothing of it has been verified. */
export interface WrittenToken {
  header: Claims
  claims: Claims
}

/** One rule that a token must keep, what it demands, and whether the token keeps it. Nothing in it is from the token. */
export interface Ruling {
  rule: string
  passed: boolean
  /** A sentence without its full stop, made of the issuers file alone. */
  demand: string
}

interface Rule {
  rule: string
  demand: (issuer: TrustedIssuer) => string
  holds: (token: WrittenToken, issuer: TrustedIssuer, now: Date) => boolean
}

/** RFC 9068 section 4, RFC 8725, and what the issuers file says; without the signature. */
const RULES: readonly Rule[] = [
  {
    rule: 'iss',
    demand: ({ issuer }) => `iss is ${issuer}`,
    holds: ({ claims }, { issuer }) => claims.iss === issuer,
  },
  {
    rule: 'alg',
    demand: ({ algorithms }) => `the header's alg is ${oneOf(algorithms)}`,
    holds: ({ header }, { algorithms }) => (algorithms as readonly unknown[]).includes(header.alg),
  },
  {
    rule: 'typ',
    demand: ({ token_type, typ_may_be_absent }) =>
      `the header's typ is ${token_type}${typ_may_be_absent ? ' or absent' : ''}`,
    holds: ({ header: { typ } }, { token_type, typ_may_be_absent }) =>
      typ === undefined ? typ_may_be_absent : mediaTypeOf(typ) === mediaTypeOf(token_type),
  },
  {
    rule: 'aud',
    demand: ({ audience, audience_claim }) => `the claim ${audience_claim} names ${oneOf([audience].flat())}`,
    holds: ({ claims }, { audience, audience_claim }) => {
      const named = [claims[audience_claim]].flat()
      return named.every((one) => typeof one === 'string') && [audience].flat().some((one) => named.includes(one))
    },
  },
  {
    rule: 'claims',
    demand: () => 'sub, iat and exp are there, in a token of the type at+jwt client_id and jti too',
    holds: ({ header, claims }) => requiredBy(header).every((name) => Object.hasOwn(claims, name)),
  },
  {
    rule: 'required_claims',
    demand: ({ required_claims }) =>
      `${Object.keys(required_claims).join(', ') || 'no further claim'} must be what required_claims says`,
    holds: ({ claims }, { required_claims }) =>
      Object.entries(required_claims).every(
        ([name, value]) => Object.hasOwn(claims, name) && hasValue(claims[name], value),
      ),
  },
  {
    rule: 'exp',
    demand: () => 'exp has not passed',
    holds: ({ claims: { exp } }, _issuer, now) => typeof exp === 'number' && !hasEnded(exp, now),
  },
  {
    rule: 'nbf',
    demand: () => `nbf, if there is one, is at most ${MAX_AHEAD_SECONDS} s ahead`,
    holds: ({ claims: { nbf } }, _issuer, now) => nbf === undefined || isNotAhead(nbf, now),
  },
  {
    rule: 'iat',
    demand: () => `iat is at most ${MAX_AHEAD_SECONDS} s ahead`,
    holds: ({ claims: { iat } }, _issuer, now) => isNotAhead(iat, now),
  },
  {
    rule: 'lifetime',
    demand: ({ max_token_seconds }) => `exp is at most ${max_token_seconds} s after iat (max_token_seconds)`,
    holds: ({ claims: { iat, exp } }, { max_token_seconds }) =>
      typeof iat === 'number' && typeof exp === 'number' && exp - iat <= max_token_seconds,
  },
  {
    rule: 'sub',
    demand: () => 'sub has 1 to 255 printed ASCII characters without a space',
    // The audit log contains it. OpenID Connect Core section 2 allows 255.
    holds: ({ claims: { sub } }) => typeof sub === 'string' && /^[\x21-\x7e]{1,255}$/.test(sub),
  },
  {
    rule: 'scope',
    demand: () => 'scope and scp, where they are there, are a text or a list of texts',
    holds: ({ claims: { scope, scp } }) => scopeClaim.safeParse(scope).success && scopeClaim.safeParse(scp).success,
  },
  {
    rule: 'cnf',
    demand: () => 'cnf, if there is one, is one jkt or one x5t#S256',
    holds: ({ claims: { cnf } }) => cnf === undefined || cnfSchema.safeParse(cnf).success,
  },
]

/** @returns undefined for a text that is not a JWT in compact form, or one with an extension that must be understood */
export function readToken(token: string): WrittenToken | undefined {
  if (!isCompactJws(token, MAX_LENGTH)) return undefined
  try {
    const header = { ...decodeProtectedHeader(token) }
    return header.crit === undefined ? { header, claims: decodeJwt(token) } : undefined
  } catch {
    return undefined
  }
}

/** What every rule but that of the signature says of a token of the issuer, in the order of the rules. */
export function judgeToken(issuer: TrustedIssuer, token: WrittenToken, now: Date): Ruling[] {
  return RULES.map(({ rule, demand, holds }) => ({
    rule,
    passed: holds(token, issuer, now),
    demand: demand(issuer),
  }))
}

const scopeClaim = z.union([z.string(), z.array(z.string())]).optional()

/** RFC 9068 section 2.2; a token of another type need not follow it. */
function requiredBy({ typ }: Claims): readonly string[] {
  const always = ['sub', 'iat', 'exp']
  return mediaTypeOf(typ) === mediaTypeOf('at+jwt') ? [...always, 'client_id', 'jti'] : always
}

/** RFC 7515 section 4.1.9: `application/` may be left out, and upper and lower case are the same. */
function mediaTypeOf(typ: unknown): string | undefined {
  if (typeof typ !== 'string') return undefined
  const lower = typ.toLowerCase()
  return lower.includes('/') ? lower : `application/${lower}`
}

function isNotAhead(time: unknown, now: Date): boolean {
  return typeof time === 'number' && time <= secondsOf(now) + MAX_AHEAD_SECONDS
}

function oneOf(names: readonly string[]): string {
  return names.length === 1 ? names[0]! : `one of ${names.join(', ')}`
}
