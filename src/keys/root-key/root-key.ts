import type { RootKeyProviderName } from '../../config/option-values.ts'
import { VaultError } from '../../values/vault-error.ts'
import type { SealContext } from '../sealing/seal-context.ts'

/** What a provider has to remember between starts; holds no secret. Stored in `root_keys`. */
export interface RootKeyRecord {
  id: string
  provider: string
  parameters: Record<string, unknown>
}

/** A token as it says it itself: CK_TOKEN_INFO, PKCS#11 v2.40, section 3.2. */
export interface TokenFacts {
  label: string
  /** Given by the manufacturer, and one for each device. */
  serial: string
}

/** What an inventory says of a root key. PCI DSS 3.6.1.1. */
export interface RootKeyDescription {
  provider: RootKeyProviderName
  algorithm: string
  strengthBits: number
  /** How the key is called where it lives; holds no secret. */
  location?: string
  /** The protections that the key lacks where it lives. A new key is made with them. */
  lacks?: readonly string[]
}

/**
 * What a provider brings: it wraps and unwraps the bytes of keys and must bind the context, so that a wrapped key that
 * was moved to another row does not unwrap. It need not check itself: `root-key-check.ts` does that for all of them.
 */
export interface RootKeyCipher {
  /** The token that it was found in. */
  readonly token?: TokenFacts
  /** Wraps the bytes of a key. Must not keep them. @throws {RootKeyUnreachable} */
  wrap(key: Uint8Array, context: SealContext): Promise<Buffer>
  /**
   * @throws {SealError} when the bytes were not wrapped by this root key in this context
   * @throws {RootKeyUnreachable}
   */
  unwrap(wrapped: Uint8Array, context: SealContext): Promise<Buffer>
  describe(): RootKeyDescription
  close?(): void
}

/** A root key wraps every other key and nothing else. */
export interface RootKey extends RootKeyCipher {
  readonly record: RootKeyRecord
  /**
   * Unwraps the check value, to see whether the root key still answers and is the right one.
   *
   * @throws {RootKeyUnreachable} it does not answer
   * @throws {RootKeyMismatch} it is another one
   */
  check(): Promise<void>
}

/** The provider of root keys of one kind. */
export interface RootKeyProvider {
  readonly name: RootKeyProviderName
  /** Whether it can go away while the vault runs, so that a lease must be kept. */
  readonly canGoAway: boolean
  /**
   * Makes a new root key of that id for that vault: its first, or one that takes the place of another.
   *
   * @throws {RootKeyConfigError} @throws {RootKeyUnreachable}
   */
  create(id: string, replaced?: RootKeyRecord, vault?: string): Promise<RootKey>
  /**
   * Opens the root key that the record describes.
   *
   * @throws {RootKeyUnreachable} the provider cannot be reached, or people have yet to bring their shares; try again
   * @throws {RootKeyMismatch} the root key that is there is another one
   */
  open(record: RootKeyRecord): Promise<RootKey>
  /**
   * Whether the configuration names the root key of that record, as far as it names one.
   *
   * @throws {RootKeyConfigError} when it names another one
   * @throws {RootKeyUnreachable}
   */
  requireConfigured?(record: RootKeyRecord): Promise<void>
  /** Removes what `create` has left outside the database. Called when the record was not committed. */
  discard?(record: RootKeyRecord): Promise<void>
}

/** The provider does not answer, or not in time, or refuses; the message names it and holds no secret. */
export class RootKeyUnreachable extends VaultError {
  override readonly name = 'RootKeyUnreachable'
}

/** The root key that was found is not the one that the record names. */
export class RootKeyMismatch extends VaultError {
  override readonly name = 'RootKeyMismatch'

  /** @param found what was tried, where a person can look */
  constructor({ id, provider }: RootKeyRecord, found = `what ${provider} brings`) {
    super(
      `the root key does not open the keys of this vault: ${found} is not ${id}; another passphrase or key, or a record of the root key that was changed.`,
    )
  }
}

/** The root key cannot be made or opened as the vault is configured; the message says how to correct it. */
export class RootKeyConfigError extends VaultError {
  override readonly name = 'RootKeyConfigError'
}
