import {
  createPublicKey,
  createSecretKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'
import { format2 } from '../keys/sealing/format-2.ts'
import type { SealContext, SealingKey } from '../keys/sealing/seal-context.ts'
import type { RandomBytes } from '../values/random.ts'

/** A code of three digits and one of four have the same length. */
const PAD_BYTES = 16
/** RFC 7748 section 6.1. */
const PUBLIC_KEY_BYTES = 32

export interface KeyPair {
  /** 32 bytes. */
  publicKey: Buffer
  /** Never leaves this object. */
  privateKey: KeyObject
}

export function newKeyPair(): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('x25519')
  return { publicKey: Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url'), privateKey }
}

/**
 * Seals bytes to the holder of a private key, who alone opens them. The result is a new public key (X25519, RFC 7748),
 * which is used for this seal alone, and then a sealed value of format 2. Its key is HKDF-SHA-512 of the shared secret with
 * both public keys, as in HPKE (RFC 9180 section 4.1), so it fits no other recipient. Format 2 commits to its key.
 */
export function sealTo(
  recipient: Buffer,
  context: SealContext,
  plaintext: Uint8Array,
  randomBytes: RandomBytes,
): Buffer {
  const own = newKeyPair()
  const key = sharedKey(own.privateKey, recipient, [own.publicKey, recipient])
  return Buffer.concat([own.publicKey, format2.seal(key, context, plaintext, PAD_BYTES, randomBytes)])
}

/** @throws {SealError} when it was sealed to another key, or in another context, or was changed */
export function openSealedTo({ publicKey, privateKey }: KeyPair, context: SealContext, sealed: Buffer): Buffer {
  const sender = sealed.subarray(0, PUBLIC_KEY_BYTES)
  const key = sharedKey(privateKey, sender, [sender, publicKey])
  return format2.open(key, context, sealed.subarray(PUBLIC_KEY_BYTES))
}

function sharedKey(privateKey: KeyObject, other: Buffer, both: readonly Buffer[]): SealingKey {
  const secret = diffieHellman({ privateKey, publicKey: importPublicKey(other) })
  const derived = Buffer.from(hkdfSync('sha512', secret, Buffer.concat(both), 'strongroom security code', 32))
  try {
    return { id: 'x25519', secret: createSecretKey(derived) }
  } finally {
    secret.fill(0)
    derived.fill(0)
  }
}

function importPublicKey(bytes: Buffer): KeyObject {
  return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'X25519', x: bytes.toString('base64url') } })
}
