import type { KeyObject } from 'node:crypto'
import type { NewId } from '../../values/identifier.ts'

export interface SignDeps {
  /** The value of a secret that the destination names. */
  secretOf(name: string): string
  /**
   * The vault's own signing key (Ed25519), and the name under which its public half is published.
   *
   * @throws {Problem} sealed, key-expired
   */
  messageKey(): Promise<{ keyid: string; key: KeyObject }>
  now: () => Date
  newId: NewId
}

/** A request but for what signs it. */
export interface UnsignedRequest {
  method: string
  origin: string
  path: string
  headers: readonly (readonly [string, string])[]
  body: Buffer
}

/** What a signer adds. */
export interface Signed {
  headers?: readonly (readonly [string, string])[]
  certificate?: { cert: string; key: string }
  /** What must not come back in an answer, beside the secrets themselves. */
  credentials?: readonly string[]
}
