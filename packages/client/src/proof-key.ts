import { type SigningKey, type SigningKeyPair, sha256, signJws } from './jws.ts'

/** A key that access tokens are bound to (RFC 9449), and its public half as proofs carry it. */
export interface ProofKey {
  privateKey: SigningKey
  jwk: object
}

/**
 * The key of the pair; without a pair a new one for P-256, whose private half cannot be exported, so that it leaves neither
 * the process nor the page.
 */
export async function createProofKey(pair?: SigningKeyPair): Promise<ProofKey> {
  const { privateKey, publicKey } =
    pair ?? (await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']))
  const { kty, crv, x, y, n, e } = await crypto.subtle.exportKey('jwk', publicKey)
  const members = Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined)
  return { privateKey, jwk: Object.fromEntries(members) }
}

/** One proof for one request (RFC 9449 section 4.2). Each attempt needs a new one: the vault takes a proof once. */
export async function signProof(
  { privateKey, jwk }: ProofKey,
  request: {
    method: string
    url: URL
    atSeconds: number
    accessToken?: string | undefined
    nonce?: string | undefined
  },
): Promise<string> {
  const { method, url, atSeconds, accessToken, nonce } = request
  const claims = {
    jti: crypto.randomUUID(),
    htm: method,
    htu: url.origin + url.pathname,
    iat: atSeconds,
    ...(accessToken === undefined ? {} : { ath: await sha256(accessToken) }),
    ...(nonce === undefined ? {} : { nonce }),
  }
  return signJws(privateKey, { typ: 'dpop+jwt', jwk }, claims)
}
