import type { KeyObject } from 'node:crypto'
import type { KeyState } from './key-state.ts'
import type { SealContext, SealingKey } from './seal.ts'

/**
 * What a key may be used for. `display` and `secret` are data keys and seal the two parts of records; `index` keys make
 * keyed hashes; `token-signing` keys are EC P-256 private keys, `audit-signing` keys Ed25519 ones; MAC keys authenticate what
 * only the vault may write, each of them one kind of it.
 */
export type KeyPurpose = 'display' | 'secret' | 'index' | 'token-signing' | 'audit-signing' | MacPurpose

/** `access-mac`: who may do what; `event-mac`: audit events. */
export type MacPurpose = 'access-mac' | 'event-mac'

export const keyPurposes: readonly KeyPurpose[] = [
  'display',
  'secret',
  'index',
  'token-signing',
  'audit-signing',
  'access-mac',
  'event-mac',
]

/** A vault of an earlier version may have no key of these purposes. */
export const laterPurposes: readonly KeyPurpose[] = ['audit-signing', 'access-mac', 'event-mac']

/** Their uses are not counted: the limit is one of AES-GCM's nonces, and HMAC has none. */
export function isMacPurpose(purpose: KeyPurpose): purpose is MacPurpose {
  return purpose === 'access-mac' || purpose === 'event-mac'
}

export type { KeyState } from './key-state.ts'

/** One key of the ring. `secret` is a private key for signing, a 256-bit secret for everything else. */
export interface Key extends SealingKey {
  readonly id: string
  readonly purpose: KeyPurpose
  readonly state: KeyState
  readonly secret: KeyObject
  /** From then on it opens and verifies only; null as long as it was never activated. */
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
  /** What servers may have used beyond that. */
  uses_reserved: number
}

/** A row of `root_keys`, authenticated likewise, with its count. */
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

/** Wrapped before there was a manifest. Only a registry of such keys may be without one. */
export const UNAUTHENTICATED_WRAP = 1
const WRAP = 2

/** What a wrapped key is bound to: its id and purpose. Its state is not part of it, since that changes. */
export function wrapContext(id: string, purpose: KeyPurpose, version = WRAP): SealContext {
  return { site: '', kind: 'key', token: id, part: purpose, version }
}

/** What the wrapped key of the manifest's MAC is bound to. */
export const MAC_KEY_CONTEXT: SealContext = { site: '', kind: 'key-registry', token: '', part: 'mac', version: WRAP }
