import type { Receiver } from '../../destinations/receiver.ts'
import { VaultError } from '../../values/vault-error.ts'

/** A POST with its final bytes. */
interface SignedPost {
  headers: readonly (readonly [name: string, value: string])[]
  body: Buffer
}

/** Why a receiver has not taken it: a sentence without a value of anything that came back. */
export class NotTaken extends VaultError {
  override readonly name = 'NotTaken'
}

/**
 * Sends one POST, and resolves when the receiver has taken it. The composition root hands it in: connections to third parties are
 * above this folder.
 *
 * @param name whose receiver it is: each has places of its own
 * @throws {NotTaken}
 */
export type Post = (name: string, receiver: Receiver, request: SignedPost) => Promise<void>
