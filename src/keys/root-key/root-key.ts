import type { SealContext } from '../seal.ts'

/** What a provider has to remember between starts; holds no secret. Stored in `root_keys`. */
export interface RootKeyRecord {
  id: string
  provider: string
  parameters: Record<string, unknown>
}

/**
 * A root key wraps every other key and nothing else. One file per provider; each must bind the context, so that a
 * wrapped key moved to another row does not unwrap.
 */
export interface RootKey {
  readonly record: RootKeyRecord
  /** Wraps the bytes of a key. Must not keep them. */
  wrap(key: Uint8Array, context: SealContext): Promise<Buffer>
  /** @throws {SealError} when the bytes were not wrapped by this root key in this context */
  unwrap(wrapped: Uint8Array, context: SealContext): Promise<Buffer>
}
