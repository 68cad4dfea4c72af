import { setTimeout as wait } from 'node:timers/promises'
import type { Database, Statement } from '../database/database.ts'
import type { Alert } from '../observability/alert.ts'
import type { Background } from '../observability/background.ts'
import type { Job } from '../observability/jobs.ts'
import { findOldestWaiting } from './log/log-store.ts'
import { openSequencer, type SequencerDeps } from './log/sequencer.ts'
import type { LogEndWatch } from './log/watch-log-end.ts'
import { prepareMonths } from './retention/prepare-months.ts'

/** Any number that nothing else in this database locks. */
const LOG_LOCK = 0x7374_7207

/** An event has its place in the log within a second. */
const ADVANCE_EVERY_MS = 250
const TAKE_OVER_EVERY_MS = 1_000
const WATCH_EVERY_MS = 5_000
const PREPARE_EVERY_MS = 10 * 60 * 1_000
/** If events wait longer, an operator must find out why. */
const MAX_WAITING_MS = 60_000

/** A server that hangs for this long loses the lock, because PostgreSQL ends its session. */
const GIVE_UP_LOCK_WHEN_IDLE: Statement = {
  name: 'give-up-log-lock-when-idle',
  text: "SET idle_session_timeout = '10s'",
}

export interface KeepLogDeps extends SequencerDeps {
  database: Database
  /** What this process knows of the end of the log. */
  end: LogEndWatch
  alert: Alert
  background: Background
  /** Whether there are keys to sign with now. */
  isReady: () => boolean
  /** What must have been done before anything is put into the log. */
  prepare: () => Promise<void>
  /** Gets how long the oldest event has waited for its place, in seconds; 0 if none waits. */
  observeWaiting: (seconds: number) => void
}

/**
 * Keeps the log while the server runs. One server at a time puts committed events into it, the others wait to take over.
 * Requests never wait for it. Every server watches whether it happens.
 */
export function keepLog(deps: KeepLogDeps): { jobs: readonly Job[]; stop(): Promise<void> } {
  const { database, background, end, isReady, prepare } = deps
  const abort = new AbortController()
  const { signal } = abort

  async function sequence(worked: () => void): Promise<void> {
    await database.tryLock(LOG_LOCK, async (session) => {
      await session.query(GIVE_UP_LOCK_WHEN_IDLE)
      const sequencer = await openSequencer(deps, session, end.seen)
      while (isReady()) {
        const isLast = signal.aborted
        const { isBehind, head } = await sequencer.advance()
        end.remember(head)
        worked()
        if (isLast) return
        if (!isBehind) await pause(ADVANCE_EVERY_MS, signal)
      }
    })
  }

  async function keep(worked: () => void): Promise<void> {
    // A sealed vault has reported that already.
    if (!isReady()) return
    await prepare()
    await sequence(worked).catch(end.complain)
  }

  const prepareAhead = prepareMonths(deps)
  return {
    jobs: [
      { name: 'sequence-audit-log', everyMs: TAKE_OVER_EVERY_MS, firstMs: 0, run: keep },
      { name: 'watch-audit-log', everyMs: WATCH_EVERY_MS, firstMs: 0, run: createWatch(deps) },
      { name: 'prepare-audit-partitions', everyMs: PREPARE_EVERY_MS, firstMs: 0, run: () => prepareAhead(signal) },
    ],
    /** Events that were committed before still get their place, if this server keeps the log. */
    async stop() {
      abort.abort()
      await background.tasks.get('sequence-audit-log')?.stop()
    },
  }
}

/** Raises the alert once for each time that events wait too long. Events of servers that ended get the same time. */
function createWatch({ database, alert, now, observeWaiting }: KeepLogDeps): () => Promise<void> {
  const started = now().getTime()
  let isLate = false
  return async () => {
    const oldest = await findOldestWaiting(database)
    const waitedMs = oldest === undefined ? 0 : Math.max(0, now().getTime() - oldest.getTime())
    observeWaiting(waitedMs / 1_000)
    const wasLate = isLate
    isLate = Math.min(waitedMs, now().getTime() - started) > MAX_WAITING_MS
    if (isLate && !wasLate) alert('audit-unsequenced', { seconds: Math.round(waitedMs / 1_000) })
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal, ref: false }).catch(() => {})
}
