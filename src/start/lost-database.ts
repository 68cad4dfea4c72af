import type { EmbeddedDatabase } from '../embedded-postgres/embedded.ts'
import type { Vault } from '../vault.ts'

/** Starts the embedded database again whenever it ends. Resolves when that fails. */
export function lostDatabase({ logger, alert }: Vault, keepRunning: EmbeddedDatabase['keepRunning']): Promise<Error> {
  return new Promise((resolve) => {
    keepRunning({
      onRestart: (facts) => alert('database-restarted', facts),
      onFailedStart: (reason) => logger.error({ reason }, 'the embedded database does not start'),
      onLost(error) {
        alert('database-lost', { reason: error.message })
        resolve(error)
      },
    })
  })
}
