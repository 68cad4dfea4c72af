import type { KeyObject } from 'node:crypto'
import type { SealContext, SealingKey } from './seal.ts'

/**
 * What a key may be used for. `display` and `secret` are data keys and seal the two parts of records;
 * `index` keys make keyed hashes; `token-signing` keys are EC P-256 private keys.
 */
export type KeyPurpose = 'display' | 'secret' | 'index' | 'token-signing'

export const keyPurposes: readonly KeyPurpose[] = ['display', 'secret', 'index', 'token-signing']

/** NIST SP 800-57 part 1, section 7. A deactivated key opens and verifies only. */
export type KeyState = 'pre-active' | 'active' | 'deactivated' | 'compromised' | 'destroyed'

/** One key of the ring. `secret` is a private key for `token-signing`, a 256-bit secret for the others. */
export interface Key extends SealingKey {
  readonly id: string
  readonly purpose: KeyPurpose
  readonly state: KeyState
  readonly secret: KeyObject
}

/** A row of `keys`. */
export interface KeyRow {
  id: string
  purpose: KeyPurpose
  state: KeyState
  root_key_id: string
  wrapped: Buffer | null
  created_at: Date
  activated_at: Date | null
  deactivated_at: Date | null
}

/** What a wrapped key is bound to: its id and purpose. Its state is not part of it, since that changes. */
export function wrapContext(id: string, purpose: KeyPurpose): SealContext {
  return { site: '', kind: 'key', token: id, part: purpose, version: 1 }
}
