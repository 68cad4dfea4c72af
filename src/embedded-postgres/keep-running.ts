import { setTimeout as wait } from 'node:timers/promises'
import type { EmbeddedSizes } from './embedded-sizes.ts'
import type { PostgresPrograms } from './postgres-programs.ts'
import { findPostmaster, startPostmaster, stopPostmaster } from './postmaster.ts'

const LOOK_EVERY_MS = 500
/** The pause before each start. The first start comes at once; after the last one has failed there is no other. */
const PAUSES_MS = [0, 1_000, 2_000, 4_000, 8_000, 16_000]
/** A database that has run for this long is in order. The pauses then begin at the first one again. */
const SETTLED_MS = 60_000

export interface RestartEvents {
  /** It runs again, after so many starts and so many seconds. */
  onRestart: (facts: { attempts: number; seconds: number }) => void
  /** A start failed; there may be another one. */
  onFailedStart: (reason: string) => void
  /** It does not start any longer. Called once. */
  onLost: (error: Error) => void
}

/** The PostgreSQL of a data directory whose lock this process holds. */
export interface RunningCluster {
  programs: PostgresPrograms
  /** The directory of its files. */
  cluster: string
  port: number
  sizes: EmbeddedSizes
}

/**
 * Starts PostgreSQL again, on the same port, whenever it has ended or refuses new connections because it is shutting
 * down. Pauses grow as long as it does not stay.
 */
export function keepRunning(
  { programs, cluster, port, sizes }: RunningCluster,
  events: RestartEvents,
): { stop(): Promise<void> } {
  const abort = new AbortController()
  const { signal } = abort
  let attempts = 0
  let startedAt = performance.now()

  const pause = (ms: number) => wait(ms, undefined, { signal, ref: false }).catch(() => {})

  function isRunning(): boolean {
    const found = findPostmaster(cluster)
    return found !== undefined && found.port === port && !found.isStopping
  }

  /** Whether it runs in the end. */
  async function restart(): Promise<boolean> {
    const endedAt = performance.now()
    if (endedAt - startedAt > SETTLED_MS) attempts = 0
    let failure = new Error('PostgreSQL ends again and again')
    for (let starts = 1; attempts < PAUSES_MS.length; starts++) {
      await pause(PAUSES_MS[attempts]!)
      if (signal.aborted) return false
      attempts++
      try {
        // A PostgreSQL that is shutting down waits for the vault's own connections.
        await stopPostmaster(programs, cluster)
        await startPostmaster(programs, cluster, port, sizes)
        startedAt = performance.now()
        events.onRestart({ attempts: starts, seconds: Math.round((startedAt - endedAt) / 1_000) })
        return true
      } catch (error) {
        failure = error as Error
        events.onFailedStart(failure.message)
      }
    }
    events.onLost(failure)
    return false
  }

  async function watch(): Promise<void> {
    while (!signal.aborted) {
      await pause(LOOK_EVERY_MS)
      if (!signal.aborted && !isRunning() && !(await restart())) return
    }
  }

  const watching = watch()
  return {
    /** Waits for a start that is under way. */
    async stop() {
      abort.abort()
      await watching
    },
  }
}
