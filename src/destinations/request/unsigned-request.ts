import type { NewId } from '../../values/identifier.ts'

export interface SignDeps {
  /** The value of a secret that the destination names. */
  secretOf(name: string): string
  /**
   * Signs with the vault's own key, whose public half it publishes. The bytes name the key.
   *
   * @throws {Problem} sealed, key-expired
   */
  signMessage(message: (keyid: string) => Uint8Array): Promise<{ keyid: string; signature: Buffer }>
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
