import { VaultError } from '../values/vault-error.ts'

/** The process was asked to end. */
export class Interrupted extends VaultError {
  override readonly name = 'Interrupted'
}

/**
 * Rejects with {Interrupted} at the first SIGINT or SIGTERM. From the moment it is asked for neither ends the process by
 * itself, so that whoever opened something can close it again.
 */
export function onInterruption(): Promise<never> {
  const interruption = new Promise<never>((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => reject(new Interrupted(`${signal}: finishing what is under way, then stopping`)))
    }
  })
  // Nobody may be waiting yet.
  interruption.catch(() => {})
  return interruption
}
