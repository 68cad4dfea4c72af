import { VaultError } from '../values/vault-error.ts'

/**
 * What may be logged of an error: its name, the message if the error is ours, and where it was thrown. Messages of other
 * libraries quote input (V8's JSON errors, PostgreSQL's details), so they are left out.
 */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return 'a value that is not an Error was thrown'
  const message = error instanceof VaultError ? `: ${error.message}` : ''
  // The stack begins with the message, and a message may have lines that look like frames.
  const stack = error.stack ?? ''
  const frames = stack.slice(stack.indexOf(error.message) + error.message.length)
  const frame = /^\s+at .*$/m.exec(frames)?.[0].trim() ?? ''
  return `${error.name}${message} ${frame}`.trim()
}

/** The same as a reason for a person: the message of the vault's own errors, the name of any other. */
export function reasonOf(error: unknown): string {
  if (error instanceof VaultError) return error.message
  return error instanceof Error ? error.name : 'unknown'
}
