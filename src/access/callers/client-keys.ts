import { createPublicKey, X509Certificate } from 'node:crypto'
import type { EncryptionJwk } from '../policy/encryption-jwk.ts'
import { type PublicJwk, type PublicJwkSet, parsePublicJwk, publicJwkOf, thumbprintOf } from '../policy/public-jwk.ts'
import { CallerError } from './clients.ts'

const FOR_CLIENTS = 'each key must be a public one: P-256, Ed25519, or RSA of 2048 to 4096 bits.'

/** Enough to change keys without haste; all of them are looked through for each assertion. */
const MAX_KEYS = 10

/**
 * Reads one public key in PEM: `BEGIN PUBLIC KEY`, or a certificate's.
 *
 * @throws {CallerError} for anything else, a private key above all
 */
export async function parsePublicKeyPem(pem: string): Promise<PublicJwkSet> {
  // createPublicKey would take a private key, too, and say nothing.
  if (/PRIVATE KEY/.test(pem)) throw new CallerError('that is a private key: keep it, and give the public one.')
  const jwk = readable(() =>
    publicJwkOf(/BEGIN CERTIFICATE/.test(pem) ? new X509Certificate(pem).publicKey : createPublicKey(pem)),
  )
  return withIds([jwk], FOR_CLIENTS)
}

/** Reads the JWK Set of a client. @throws {CallerError} unless each key in it is a public one that can be used */
export function parseJwks(json: string): Promise<PublicJwkSet> {
  return readJwkSet(json, parsePublicJwk, FOR_CLIENTS)
}

/**
 * Reads a JWK Set (RFC 7517 section 5).
 *
 * @param parse answers undefined for a key that cannot be used
 * @param expected what the keys must be, in words
 * @throws {CallerError} for no set, or a key that cannot be used
 */
export async function readJwkSet<Jwk extends PublicJwk | EncryptionJwk>(
  json: string,
  parse: (value: unknown) => Jwk | undefined,
  expected: string,
): Promise<{ keys: (Jwk & { kid: string })[] }> {
  const { keys } = readable(() => JSON.parse(json) as { keys?: unknown }) ?? {}
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > MAX_KEYS) {
    throw new CallerError(`a JWK Set holds 1 to ${MAX_KEYS} keys in "keys".`)
  }
  return withIds(keys.map(parse), expected)
}

/** Each key gets an id: the one it came with, or its thumbprint (RFC 7638). */
async function withIds<Jwk extends PublicJwk | EncryptionJwk>(
  keys: readonly (Jwk | undefined)[],
  expected: string,
): Promise<{ keys: (Jwk & { kid: string })[] }> {
  const usable = keys.filter((key) => key !== undefined)
  if (usable.length < keys.length) throw new CallerError(expected)
  const named = await Promise.all(usable.map(async (key) => ({ ...key, kid: key.kid ?? (await thumbprintOf(key)) })))
  if (new Set(named.map(({ kid }) => kid)).size < named.length) throw new CallerError('two of the keys have one id.')
  return { keys: named }
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
