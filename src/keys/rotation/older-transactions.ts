import type { Queryable } from '../../database/database.ts'
import {
  type OpenTransaction,
  type PreparedTransaction,
  selectOlderTransactions,
  selectPrepared,
  selectStillOpen,
} from './older-transactions-store.ts'

const LOOK_EVERY_MS = 100

/** The transactions that must end before nothing can be stored under a retired key. */
export interface OlderTransactions {
  /** Waits until all of them have ended, but not longer than that; answers with one sentence for each that has not. */
  outlast(patienceMs: number, onWait?: (reason: string) => void): Promise<string[]>
}

/**
 * Notes the transactions in which something may have been sealed or hashed under the key before it was retired. The
 * database refuses that in all others, so after these have ended a census misses nothing.
 *
 * @param keyId of a key that is neither active nor pre-active
 */
export async function findOlderTransactions(database: Queryable, keyId: string): Promise<OlderTransactions> {
  let sessions = await selectOlderTransactions(database, keyId)
  let prepared: PreparedTransaction[] = []
  const look = async () => {
    sessions = sessions.length === 0 ? [] : await selectStillOpen(database, sessions)
    prepared = await selectPrepared(database)
    return sessions.length + prepared.length > 0
  }
  return {
    async outlast(patienceMs, onWait) {
      const until = performance.now() + patienceMs
      if (await look()) onWait?.('until the transactions that began before it was retired have ended')
      while (sessions.length + prepared.length > 0 && performance.now() < until) {
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
        await look()
      }
      return [...sessions.map(describeSession), ...prepared.map(describePrepared)]
    },
  }
}

function describeSession({ pid, role, application, state, since }: OpenTransaction): string {
  const facts = [
    application !== null && `"${application}"`,
    state,
    since !== null && `in a transaction since ${since.toISOString()}`,
  ].filter((fact) => fact)
  const what = facts.length > 0 ? ` (${facts.join(', ')})` : ''
  return `The session ${pid} of the role "${role}"${what} may have a snapshot from before: end it with "SELECT pg_terminate_backend(${pid})", or wait.`
}

function describePrepared({ gid, role, since }: PreparedTransaction): string {
  return `The prepared transaction '${gid}' of the role "${role}", since ${since.toISOString()}, may have a snapshot from before: commit it or roll it back.`
}
