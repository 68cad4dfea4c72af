import { VaultError } from './vault-error.ts'

/** The caller's access is no longer what the call presumed. Nothing was done, and the call is done again. */
export class CallerChanged extends VaultError {
  constructor() {
    super('the access of the caller changed while the call was under way')
  }
}
