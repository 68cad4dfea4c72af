import { createPublicKey, hash, type JsonWebKey } from 'node:crypto'
import { jwtVerify } from 'jose'
import { z } from 'zod'
import type { RememberedJti } from '../policy/presumption.ts'
import { parsePublicJwk, thumbprintOf } from '../policy/public-jwk.ts'
import {
  CLOCK_TOLERANCE_SECONDS,
  hasEnded,
  isCompactJws,
  MAX_AHEAD_SECONDS,
  MAX_JTI_LENGTH,
  STATEMENT_ALGORITHMS,
} from '../policy/signed-jwt.ts'
import type { ProofKey, ProofKeys } from './proof-keys.ts'
import { rememberedJti } from './replay-cache.ts'

/** DPoP, RFC 9449: a proof that the caller holds the private key that its token is bound to. */

/** A proof is made for one request; one that took longer than this on its way was kept (section 11.1). */
export const MAX_PROOF_SECONDS = 60
const MAX_LENGTH = 4096

const claimsSchema = z.object({
  jti: z.string().min(1).max(MAX_JTI_LENGTH),
  htm: z.string(),
  htu: z.string(),
  iat: z.number(),
  exp: z.number().optional(),
  ath: z.string().optional(),
})

export interface DpopProofDeps {
  proofKeys: ProofKeys
  now: () => Date
}

/** A proof in which everything is right. Whether it came before, only the database can say. */
export interface VerifiedProof {
  /** Of its key (RFC 7638). */
  thumbprint: string
  /** What must be remembered before the proof counts. */
  jti: RememberedJti
}

/** The request that a proof must be for. */
export interface ProvenRequest {
  proof: string | undefined
  method: string
  urls: () => readonly string[]
}

/**
 * Checks a proof by RFC 9449 section 4.3; undefined when any of the checks fails. Each proof counts once, on whichever server it
 * arrives first: the caller of this function remembers its `jti`.
 *
 * @param expected the access token that the proof must name, and the thumbprint that the token is bound to; none of them
 *   at the token endpoint
 */
export async function verifyDpopProof(
  deps: DpopProofDeps,
  request: ProvenRequest,
  expected?: { accessToken: string; thumbprint: string | undefined },
): Promise<VerifiedProof | undefined> {
  const { proof } = request
  if (proof === undefined || !isCompactJws(proof, MAX_LENGTH)) return undefined
  try {
    const header = proof.slice(0, proof.indexOf('.'))
    let key = expected?.thumbprint === undefined ? undefined : deps.proofKeys.find(expected.thumbprint, header)
    const { payload } = await jwtVerify(
      proof,
      async ({ jwk }) => {
        key ??= await readKey(jwk)
        return key.publicKey
      },
      {
        algorithms: STATEMENT_ALGORITHMS,
        typ: 'dpop+jwt',
        maxTokenAge: MAX_PROOF_SECONDS,
        clockTolerance: MAX_AHEAD_SECONDS,
        currentDate: deps.now(),
      },
    )
    if (key === undefined) return undefined
    const { thumbprint } = key
    const { jti, htm, htu, iat, exp, ath } = claimsSchema.parse(payload)
    const endsAt = iat + MAX_PROOF_SECONDS
    if (hasEnded(exp, deps.now()) || hasEnded(endsAt, deps.now())) return undefined
    if (htm !== request.method || !isSameUrl(htu, request.urls())) return undefined
    if (expected !== undefined) {
      if (ath !== hash('sha256', expected.accessToken, 'base64url')) return undefined
      if (thumbprint !== expected.thumbprint) return undefined
      deps.proofKeys.remember(header, key)
    }
    return { thumbprint, jti: rememberedJti('dpop', thumbprint, jti, endsAt + CLOCK_TOLERANCE_SECONDS) }
  } catch {
    return undefined
  }
}

/** @throws {Error} for a jwk that is not a public key that may be used */
async function readKey(jwk: unknown): Promise<ProofKey> {
  const parsed = parsePublicJwk(jwk)
  if (parsed === undefined) throw new Error('the jwk is not a public key that may be used')
  const publicKey = createPublicKey({ key: parsed as JsonWebKey, format: 'jwk' })
  return { publicKey, thumbprint: await thumbprintOf(parsed) }
}

/**
 * Whether the URL is one of them, ignoring its query and fragment (section 4.3, check 9). Both sides are brought into one
 * spelling first, as RFC 3986 sections 6.2.2 and 6.2.3 would have it.
 */
export function isSameUrl(htu: string, urls: readonly string[]): boolean {
  const claimed = spelled(htu)
  return claimed !== undefined && urls.some((url) => spelled(url) === claimed)
}

function spelled(text: string): string | undefined {
  const url = URL.parse(text)
  if (url === null || url.protocol !== 'https:' || url.username !== '' || url.password !== '') return undefined
  // Escapes of what needs none, and their upper case.
  const path = url.pathname.replace(/%[0-9a-f]{2}/gi, (escaped) => {
    const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
    return /[A-Za-z0-9._~-]/.test(character) ? character : escaped.toUpperCase()
  })
  return `${url.origin}${path}`
}
