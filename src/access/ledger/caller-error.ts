import { VaultError } from '../../values/vault-error.ts'

/** The operator asked for something impossible. The message is for the terminal. */
export class CallerError extends VaultError {
  override readonly name = 'CallerError'
}
