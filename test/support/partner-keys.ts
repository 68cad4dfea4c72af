import { compactDecrypt, exportJWK, generateKeyPair } from 'jose'
import { parsePartnerKeys } from '../../src/access/callers/partner-keys.ts'
import type { EncryptionJwkSet } from '../../src/access/policy/encryption-jwk.ts'

/** The types of key that a partner may have, as jose makes them. */
export const PARTNER_KEYS = {
  'P-256': ['ECDH-ES', { crv: 'P-256' }],
  X25519: ['ECDH-ES', { crv: 'X25519' }],
  'RSA-2048': ['RSA-OAEP-256', { modulusLength: 2048 }],
} as const

/** A partner's key pair: the set that it gives to the vault, and what it opens JWEs with. */
export interface PartnerKeys {
  set: EncryptionJwkSet
  open(jwe: string): Promise<{ header: Record<string, unknown>; content: Record<string, unknown> }>
}

export async function createPartnerKeys(kid: string, type: keyof typeof PARTNER_KEYS = 'P-256'): Promise<PartnerKeys> {
  const [algorithm, options] = PARTNER_KEYS[type]
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { ...options, extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid }
  return {
    set: await parsePartnerKeys(JSON.stringify({ keys: [jwk] })),
    async open(jwe) {
      const { plaintext, protectedHeader } = await compactDecrypt(jwe, privateKey)
      return { header: { ...protectedHeader }, content: JSON.parse(Buffer.from(plaintext).toString('utf8')) }
    },
  }
}
