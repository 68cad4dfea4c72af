/** A key of WebCrypto. The types of a browser and those of Node.js name it differently. */
export type SigningKey = Parameters<typeof crypto.subtle.exportKey>[1]

export interface SigningKeyPair {
  privateKey: SigningKey
  publicKey: SigningKey
}

/** The signatures of RFC 7518 that the vault takes, by the algorithm of the key. */
function algorithmOf({ algorithm }: SigningKey) {
  if (algorithm.name === 'ECDSA') return { alg: 'ES256', parameters: { name: 'ECDSA', hash: 'SHA-256' } }
  if (algorithm.name === 'RSA-PSS') return { alg: 'PS256', parameters: { name: 'RSA-PSS', saltLength: 32 } }
  if (algorithm.name === 'Ed25519') return { alg: 'EdDSA', parameters: { name: 'Ed25519' } }
  throw new TypeError(`a key of ${algorithm.name} cannot be used: take ECDSA with P-256, Ed25519 or RSA-PSS`)
}

/** Signs claims as a compact JWS (RFC 7515 section 7.1). The key may be one that cannot be exported. */
export async function signJws(key: SigningKey, header: object, claims: object): Promise<string> {
  const { alg, parameters } = algorithmOf(key)
  const input = [{ alg, ...header }, claims].map((part) => base64url(utf8(JSON.stringify(part)))).join('.')
  const signature = await crypto.subtle.sign(parameters, key, utf8(input))
  return `${input}.${base64url(new Uint8Array(signature))}`
}

export async function sha256(text: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(text))))
}

export function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
}

function base64url(bytes: Uint8Array): string {
  return base64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text)
}
