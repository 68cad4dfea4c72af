import { VaultError } from '../../../values/vault-error.ts'
import { CK, type CryptokiError } from '../cryptoki.ts'

/** `wrong`: the ciphertext is not this key's. `config`: a person must correct it. `token`: it may be temporary. */
export type FailureKind = 'wrong' | 'config' | 'token'

/** A failure that names its kind. The message holds no secret. */
export class TokenFailure extends VaultError {
  override readonly name = 'TokenFailure'
  readonly failed: FailureKind

  constructor(failed: FailureKind, message: string) {
    super(message)
    this.failed = failed
  }
}

const BY_HAND: readonly number[] = [
  CK.CKR_PIN_INCORRECT,
  CK.CKR_PIN_LOCKED,
  CK.CKR_PIN_EXPIRED,
  CK.CKR_MECHANISM_INVALID,
]

const SESSION_LOST: readonly number[] = [
  CK.CKR_DEVICE_REMOVED,
  CK.CKR_SESSION_CLOSED,
  CK.CKR_SESSION_HANDLE_INVALID,
  CK.CKR_TOKEN_NOT_PRESENT,
  CK.CKR_USER_NOT_LOGGED_IN,
]

/** What went wrong, for another process: codes of PKCS#11 and our own sentences, nothing else. */
export function describeFailure(error: unknown): { failed: FailureKind; reason: string } {
  if (error instanceof TokenFailure) return { failed: error.failed, reason: error.message }
  if (isCryptokiError(error)) {
    return { failed: BY_HAND.includes(error.code) ? 'config' : 'token', reason: error.message }
  }
  // The library itself does not load: dlopen's message names the file and why.
  return { failed: 'config', reason: error instanceof Error ? error.message : 'unknown error' }
}

/** Whether the token was lost in the middle, so that its answer says nothing about what was asked. */
export function isSessionLost(error: unknown): boolean {
  return isCryptokiError(error) && SESSION_LOST.includes(error.code)
}

export function isCryptokiError(error: unknown): error is CryptokiError {
  return error instanceof Error && error.name === 'Pkcs11Error' && 'code' in error && typeof error.code === 'number'
}
