import { VaultError } from '../values/vault-error.ts'

/** The process was asked to end. */
export class Interrupted extends VaultError {
  override readonly name = 'Interrupted'
}

/**
 * Rejects with {Interrupted} at the first SIGINT or SIGTERM. From the call on neither ends the process directly, so
 * that what was opened can be closed.
 */
export function onInterruption(): Promise<never> {
  const interruption = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => reject(new Interrupted(`${signal}: finishing what is under way, then stopping`)))
    }
  })
  // It may reject before it is awaited.
  interruption.catch(() => {})
  return interruption
}
