import { createPrivateKey, createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import type { SealContext, SealingKey } from '../sealing/seal-context.ts'
import type { KeyState } from './key-state.ts'

/**
 * What a key may be used for, and nothing else (NIST SP 800-57 part 1, section 5.2). `display` and `secret` are data
 * keys and seal the two parts of records; `index` keys make the keyed hashes of customers, e-mail addresses, telephone
 * numbers and Idempotency-Keys, `card-index` keys those of card numbers; `token-signing` keys are EC P-256 private
 * keys, `audit-signing` keys, for checkpoints, `certificate-signing` keys, for attestations, `message-signing` keys, for
 * requests to third parties, `receipt-signing` keys, for receipts of consents, and `script-signing` keys, for the script
 * of shops, Ed25519 ones; MAC keys authenticate what only the vault may write, and each of them authenticates one kind.
 */
export type KeyPurpose =
  | 'display'
  | 'secret'
  | 'index'
  | 'card-index'
  | 'token-signing'
  | 'audit-signing'
  | 'certificate-signing'
  | 'message-signing'
  | 'receipt-signing'
  | 'script-signing'
  | MacPurpose

/**
 * `registry-mac`: the manifest of the registry; `access-mac`: who may do what; `event-mac`: audit events; `limit-mac`:
 * whose count a limit is.
 */
export type MacPurpose = 'registry-mac' | 'access-mac' | 'event-mac' | 'limit-mac'

/** They are replaced together: with every root key, and when a key is compromised. */
export const macPurposes: readonly MacPurpose[] = ['registry-mac', 'access-mac', 'event-mac', 'limit-mac']

export const keyPurposes: readonly KeyPurpose[] = [
  'display',
  'secret',
  'index',
  'card-index',
  'token-signing',
  'audit-signing',
  'certificate-signing',
  'message-signing',
  'receipt-signing',
  'script-signing',
  ...macPurposes,
]

/** Keys that make search terms. */
export type IndexPurpose = 'index' | 'card-index'

export function isIndexPurpose(purpose: KeyPurpose): purpose is IndexPurpose {
  return purpose === 'index' || purpose === 'card-index'
}

/** Whether values may be hashed under that key, now or when it is active. */
export function mayHash({ purpose, state }: KeyRow): boolean {
  return isIndexPurpose(purpose) && (state === 'pre-active' || state === 'active')
}

const ED25519_PURPOSES: readonly KeyPurpose[] = [
  'audit-signing',
  'certificate-signing',
  'message-signing',
  'receipt-signing',
  'script-signing',
]

/** Keys that sign with Ed25519 (RFC 8032). */
export function isEd25519Purpose(purpose: KeyPurpose): boolean {
  return ED25519_PURPOSES.includes(purpose)
}

/** Their uses are not counted: the limit is one of AES-GCM's nonces, and HMAC has none. */
export function isMacPurpose(purpose: KeyPurpose): purpose is MacPurpose {
  return (macPurposes as readonly KeyPurpose[]).includes(purpose)
}

export type { KeyState } from './key-state.ts'

/** One key of the ring. `secret` is a private key for signing, a 256-bit secret for everything else. */
export interface Key extends SealingKey {
  readonly id: string
  readonly purpose: KeyPurpose
  readonly state: KeyState
  readonly secret: KeyObject
  /** From then on it opens and verifies only; null if it was never activated. */
  readonly expiresAt: Date | null
}

/** A row of `keys`, authenticated by the registry's manifest, with its counts of `key_uses`, which are not. */
export interface KeyRow {
  id: string
  purpose: KeyPurpose
  state: KeyState
  root_key_id: string
  wrapped: Buffer | null
  created_at: Date
  activated_at: Date | null
  deactivated_at: Date | null
  compromised_at: Date | null
  destroyed_at: Date | null
  expires_at: Date | null
  /** How often it protected something, as far as the servers have reported. */
  uses: number
  /** What servers may have used in addition. */
  uses_reserved: number
}

/** A row of `root_keys`, authenticated in the same way, with its count. */
export interface RootKeyRow {
  id: string
  provider: string
  parameters: Record<string, unknown>
  state: Exclude<KeyState, 'pre-active'>
  created_at: Date
  activated_at: Date | null
  deactivated_at: Date | null
  expires_at: Date | null
  uses: number
}

const WRAP = 3

/** What a wrapped key is bound to: its vault, id and purpose. Its state is not part of it, since that changes. */
export function wrapContext(vault: string, { id, purpose }: Pick<KeyRow, 'id' | 'purpose'>): SealContext {
  return { site: vault, kind: 'key', token: id, part: purpose, version: WRAP }
}

/** The key of these bytes, which are wiped: a private key in PKCS#8, or a secret. */
export function keyOfBytes(purpose: KeyPurpose, bytes: Buffer): KeyObject {
  const isPrivate = purpose === 'token-signing' || isEd25519Purpose(purpose)
  const secret = isPrivate ? createPrivateKey({ key: bytes, format: 'der', type: 'pkcs8' }) : createSecretKey(bytes)
  bytes.fill(0)
  return secret
}

/** The public key of a signing key in PEM (RFC 7468, section 13). */
export function publicKeyOf({ secret }: Key): string {
  return createPublicKey(secret).export({ type: 'spki', format: 'pem' }).toString()
}
