import { createPrivateKey, generateKeyPairSync, hash, type JsonWebKey, randomUUID, sign } from 'node:crypto'

/** A caller's private key, P-256, as one process of the benchmark hands it to another. */
export type ProofKey = JsonWebKey

export function createProofKey(): ProofKey {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' })
}

/** The public half: the members that the thumbprint covers, in the order in which it does (RFC 7638 section 3.2). */
const publicHalf = ({ crv, kty, x, y }: ProofKey) => ({ crv, kty, x, y })

export function thumbprintOf(key: ProofKey): string {
  return hash('sha256', JSON.stringify(publicHalf(key)), 'base64url')
}

/** A proof (RFC 9449 section 4.2) for one request. */
export type Prove = (method: string, url: string, accessToken?: string) => string

/**
 * Makes proofs as a client would, without the cost of a library: on two cores the load takes from the server what it spends.
 */
export function createProver(key: ProofKey): Prove {
  const privateKey = createPrivateKey({ key, format: 'jwk' })
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const header = encode({ alg: 'ES256', typ: 'dpop+jwt', jwk: publicHalf(key) })
  return (method, url, accessToken) => {
    const ath = accessToken === undefined ? undefined : hash('sha256', accessToken, 'base64url')
    const iat = Math.floor(Date.now() / 1000)
    const signed = `${header}.${encode({ jti: randomUUID(), htm: method, htu: url, iat, ath })}`
    const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `${signed}.${signature.toString('base64url')}`
  }
}
