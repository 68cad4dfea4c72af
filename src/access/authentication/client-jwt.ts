import {
  createLocalJWKSet,
  decodeJwt,
  errors,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWSHeaderParameters,
  jwtVerify,
} from 'jose'
import { z } from 'zod'
import { Problem } from '../../values/problem.ts'
import type { Client } from '../ledger/client-store.ts'
import {
  CLOCK_TOLERANCE_SECONDS,
  hasEnded,
  isCompactJws,
  MAX_AHEAD_SECONDS,
  MAX_JTI_LENGTH,
  STATEMENT_ALGORITHMS,
  secondsOf,
} from '../policy/signed-jwt.ts'
import { type RememberJti, rememberedJti } from '../tokens/replay-cache.ts'
import type { ClientFault } from './token-request-problem.ts'

/** `private_key_jwt`: RFC 7523 sections 2.2 and 3, OpenID Connect Core section 9. */
export const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** An assertion is made for one request, so it needs no longer life. */
const MAX_SECONDS = 300
const MAX_LENGTH = 4096
/** An assertion that says it was made further ahead comes from a wrong clock. */
const MAX_IAT_AHEAD_SECONDS = 60
/** An older assertion was not made for this request, even if it has not expired. */
const MAX_AGE_SECONDS = 600

const claimsSchema = z.object({
  // An assertion has one audience. With several, each of them could use it against the others.
  aud: z.union([z.string(), z.tuple([z.string()])]),
  iat: z.number().optional(),
  exp: z.number(),
  jti: z.string().min(1).max(MAX_JTI_LENGTH),
})

export interface ClientAssertionDeps {
  /** An assertion is addressed to exactly one of these: the issuer, and the token endpoint. */
  assertionAudience: string[]
  rememberJti: RememberJti
  now: () => Date
}

/** The client that an assertion names. Nothing of it has been verified. */
export function claimedClient(assertion: string): string | undefined {
  if (!isCompactJws(assertion, MAX_LENGTH)) return undefined
  try {
    const { sub } = decodeJwt(assertion)
    return typeof sub === 'string' && sub.isWellFormed() ? sub : undefined
  } catch {
    return undefined
  }
}

/**
 * What is wrong with the assertion; undefined when the client signed it, for us, for now and for the first time (RFC 7523
 * section 3). An assertion of an unknown client costs what one of a known client does.
 *
 * @throws {Problem} database-unavailable, busy
 */
export async function findAssertionFault(
  deps: ClientAssertionDeps,
  client: Client | undefined,
  assertion: string,
): Promise<ClientFault | undefined> {
  if (!isCompactJws(assertion, MAX_LENGTH)) return 'malformed-credentials'
  const id = client?.id ?? claimedClient(assertion)
  try {
    const { payload, protectedHeader } = await jwtVerify(assertion, keyFinder(client), {
      algorithms: STATEMENT_ALGORITHMS,
      issuer: id ?? '',
      subject: id ?? '',
      audience: deps.assertionAudience,
      requiredClaims: ['iss', 'sub', 'aud', 'exp', 'jti'],
      clockTolerance: MAX_AHEAD_SECONDS,
      currentDate: deps.now(),
    })
    const { exp, iat, jti } = claimsSchema.parse(payload)
    // Another kind of statement under the same key is refused (RFC 8725 section 3.11).
    const isOfType = protectedHeader.typ === undefined || TYPES.has(protectedHeader.typ.toLowerCase())
    const nowSeconds = secondsOf(deps.now())
    const isShort = exp <= nowSeconds + MAX_SECONDS + CLOCK_TOLERANCE_SECONDS
    const isRecent =
      iat === undefined || (iat <= nowSeconds + MAX_IAT_AHEAD_SECONDS && iat >= nowSeconds - MAX_AGE_SECONDS)
    if (client?.keys == null) return 'wrong-method'
    if (hasEnded(exp, deps.now())) return 'expired'
    if (!isOfType || !isShort || !isRecent) return 'wrong-claims'
    const used = rememberedJti('client-assertion', client.id, jti, exp + CLOCK_TOLERANCE_SECONDS)
    return (await deps.rememberJti(used)) ? undefined : 'replayed'
  } catch (error) {
    if (error instanceof Problem) throw error
    if (client !== undefined && client.keys === null) return 'wrong-method'
    if (error instanceof errors.JWTExpired) return 'expired'
    return error instanceof errors.JWTClaimValidationFailed || error instanceof z.ZodError
      ? 'wrong-claims'
      : 'wrong-key'
  }
}

/**
 * Finds the key that an assertion names by its `kid`. A client with one key needs no `kid`, and every library makes its
 * own, so any is accepted. A `kid` that fits none of several keys costs a verification all the same, because the time
 * would reveal which ids are known.
 */
function keyFinder(client: Client | undefined) {
  const nobody = createLocalJWKSet(NOBODY)
  const keys = client?.keys?.keys ?? []
  const own = createLocalJWKSet({ keys } as JSONWebKeySet)
  return async ({ kid, ...header }: JWSHeaderParameters, token: FlattenedJWSInput) => {
    const isNamed = keys.length > 1 && kid !== undefined
    const found = await own(isNamed ? { ...header, kid } : header, token).catch(() => undefined)
    return found ?? nobody(header, token)
  }
}

const TYPES = new Set(['jwt', 'client-authentication+jwt'])

/** Keys that sign nothing, one of each type: an unknown client takes the time of a verification that fails. */
const NOBODY: JSONWebKeySet = {
  keys: [
    {
      kty: 'EC',
      crv: 'P-256',
      // The generator of the curve (FIPS 186-5): a valid point, whose private key would be 1.
      x: Buffer.from('6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296', 'hex').toString('base64url'),
      y: Buffer.from('4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5', 'hex').toString('base64url'),
    },
    { kty: 'OKP', crv: 'Ed25519', x: Buffer.alloc(32, 0x01).toString('base64url') },
    { kty: 'RSA', n: Buffer.alloc(256, 0xff).toString('base64url'), e: 'AQAB' },
  ],
}
