import { VaultError } from '../values/vault-error.ts'

/** A secret is not there, or is not what its use needs. The message names the secret, and holds nothing of it. */
export class UnusableSecret extends VaultError {
  override readonly name = 'UnusableSecret'
}
