/**
 * An error of ours. Its message is a sentence of ours that may be shown to an operator and logged: it holds no value of a
 * shopper, no credential and nothing that another library says. A class of its own is only for what other code catches, or
 * for a name that the audit event of a failed command has as its code.
 */
export class VaultError extends Error {
  override readonly name: string = 'VaultError'
}
