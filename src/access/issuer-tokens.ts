import { decodeJwt, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { z } from 'zod'
import { Problem } from '../problem.ts'
import { type AccessTokens, MAX_TOKEN_SECONDS } from './access-token.ts'
import type { Caller } from './caller.ts'
import { tokenChallenges } from './challenge.ts'
import { bindingOf, cnfSchema } from './confirmation.ts'
import { createFetchDocument } from './fetch-document.ts'
import { createIssuerKeys, type IssuerKeysOptions } from './issuer-keys.ts'
import { purposes as allPurposes } from './purpose.ts'
import { type Scope, scopes as vaultScopes } from './roles.ts'
import { CLOCK_TOLERANCE_SECONDS, isCompactJws } from './signed-statement.ts'
import type { ClaimMapping, TrustedIssuer } from './trusted-issuers.ts'

const MAX_LENGTH = 8192

const claimsSchema = z.looseObject({
  /** Stands in the audit log: nothing that is not printed, and no white space. */
  sub: z.string().regex(/^[\x21-\x7e]{1,128}$/),
  iat: z.number(),
  exp: z.number(),
  scope: z.string().optional(),
  cnf: cnfSchema.optional(),
})

/** Verifies access tokens; the vault's own, or somebody else's. */
export type TokenVerifier = Pick<AccessTokens, 'verify'>

export interface IssuerTokensOptions {
  issuer: TrustedIssuer
  keys: JWTVerifyGetKey
  now: () => Date
}

/**
 * The access tokens of an identity provider (RFC 9068 section 4, RFC 8725), and the member of staff whom the mapping makes
 * of their claims. A person whom no mapping fits is known, and may do nothing.
 */
export function createIssuerTokens({ issuer, keys, now }: IssuerTokensOptions): TokenVerifier {
  const required = ['iss', 'aud', 'sub', 'iat', 'exp']
  const requiredClaims = issuer.token_type === 'at+jwt' ? [...required, 'client_id', 'jti'] : required
  return {
    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, keys, {
          algorithms: issuer.algorithms,
          typ: issuer.token_type,
          issuer: issuer.issuer,
          audience: issuer.audience,
          requiredClaims,
          maxTokenAge: MAX_TOKEN_SECONDS,
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          currentDate: now(),
        })
        const claims = claimsSchema.parse(payload)
        if (claims.exp - claims.iat > MAX_TOKEN_SECONDS) throw unauthenticated()
        return staffOf(issuer, claims)
      } catch (error) {
        if (error instanceof Problem) throw error
        throw unauthenticated()
      }
    },
  }
}

/** Hands each token to the one who may have signed it: the issuer that it names, or else the vault. */
export function acceptIssuers(
  own: TokenVerifier,
  issuers: readonly TrustedIssuer[],
  { now, onUnreachable }: Pick<IssuerKeysOptions, 'now' | 'onUnreachable'>,
): TokenVerifier {
  if (issuers.length === 0) return own
  const others = new Map(
    issuers.map((issuer) => {
      const fetchDocument = createFetchDocument(issuer.ca)
      const keys = createIssuerKeys({ issuer: issuer.issuer, fetchDocument, now, onUnreachable })
      return [issuer.issuer, createIssuerTokens({ issuer, keys, now })]
    }),
  )
  return { verify: (token) => (others.get(claimedIssuer(token) ?? '') ?? own).verify(token) }
}

/** Nothing of it has been verified. */
function claimedIssuer(token: string): string | undefined {
  if (!isCompactJws(token, MAX_LENGTH)) return undefined
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined
  }
}

function staffOf(issuer: TrustedIssuer, claims: z.output<typeof claimsSchema>): Caller {
  const caller = { id: `staff:${issuer.name}/${claims.sub}`, kind: 'staff' as const, ...bindingOf(claims.cnf) }
  const mapping = issuer.mappings.find((candidate) => fits(candidate, claims))
  if (mapping === undefined) {
    return { ...caller, role: undefined, scopes: new Set(), purposes: new Set(), site: '' }
  }
  const { role, site, purposes } = mapping
  return {
    ...caller,
    role,
    // What the role may do is asked when they are let in: it may have changed since the last request.
    scopes: new Set(namedScopes(claims.scope)),
    scopesFollowRole: true,
    purposes: new Set(purposes ?? allPurposes),
    site,
  }
}

function fits({ claim, value }: ClaimMapping, claims: Record<string, unknown>): boolean {
  let found: unknown = claims
  for (const name of typeof claim === 'string' ? [claim] : claim) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return false
    found = (found as Record<string, unknown>)[name]
  }
  return Array.isArray(found) ? found.includes(value) : found === value
}

/** The scopes that the token names; all there are, if it names none of the vault. */
function namedScopes(scope: string | undefined): readonly Scope[] {
  const named = new Set((scope ?? '').split(' '))
  const known = vaultScopes.filter((one) => named.has(one))
  return known.length > 0 ? known : vaultScopes
}

function unauthenticated(): Problem {
  return new Problem('unauthenticated', { challenges: tokenChallenges('invalid_token') })
}
