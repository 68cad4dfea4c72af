import type { Alert } from '../alert.ts'
import type { Background } from '../background.ts'
import type { Database } from '../database/database.ts'
import { Problem } from '../problem.ts'
import { LogChanged, readLogEnd, type SeenLog } from './log-end.ts'
import { findChangedEvent, freezeSnapshot } from './log-end-store.ts'
import type { LogKey } from './log-key.ts'
import { MIN_MONTHS_KEPT, monthsBefore } from './months.ts'
import { TILE_WIDTH } from './tile.ts'

/** With an alert and `/readyz` within ten seconds of the change, also where a look takes its time. */
const LOOK_EVERY_MS = 4_000
/** So many events at the end are compared with their leaves. */
const EVENTS_COMPARED = 2 * TILE_WIDTH

export interface LogEndWatchDeps {
  database: Database
  alert: Alert
  background: Background
  now: () => Date
  /** Whether there are keys to tell the vault's signatures by. */
  isReady: () => boolean
  keys: { all(): readonly LogKey[] }
}

/** What one process knows of the end of the log: how far it was, and what is wrong with it now. */
export interface LogEndWatch {
  readonly seen: SeenLog | undefined
  /** Whether something is wrong with it. */
  readonly isChanged: boolean
  remember(seen: SeenLog): void
  /** Takes note of what is wrong; each reason is one alert. Other errors are thrown. */
  complain(error: unknown): void
  /** Nothing is wrong any more. */
  settle(): void
  /** @throws {Problem} audit-log-changed */
  requireUnchanged(): void
}

/**
 * Looks at the end of the log every few seconds, whether events come or not, in every process that serves: the head, the
 * leaves below it and the last events must be what was signed.
 */
export function watchLogEnd({ database, alert, background, now, isReady, keys }: LogEndWatchDeps): LogEndWatch {
  let seen: SeenLog | undefined
  let complaint: string | undefined

  const watch: LogEndWatch = {
    get seen() {
      return seen
    },
    get isChanged() {
      return complaint !== undefined
    },
    remember(head) {
      if (seen === undefined || head.size >= seen.size) seen = { size: head.size, root: head.root }
    },
    complain(error) {
      if (!(error instanceof LogChanged)) throw error
      const reason = error.message
      if (reason === complaint) return
      complaint = reason
      alert('audit-log-changed', { reason })
    },
    settle() {
      complaint = undefined
    },
    requireUnchanged() {
      if (complaint !== undefined) throw new Problem('audit-log-changed')
    },
  }

  async function look(): Promise<void> {
    // A sealed vault has said so already.
    if (!isReady()) return
    // What this process sees while it looks is newer than the snapshot.
    const before = seen
    const end = await database.transaction(async (tx) => {
      await freezeSnapshot(tx)
      const read = await readLogEnd(tx, keys.all(), before)
      const from = Math.max(0, (read?.head.size ?? 0) - EVENTS_COMPARED)
      // What retention may have dropped is not missed here; `audit verify` tells.
      const changed = await findChangedEvent(tx, from, monthsBefore(now(), MIN_MONTHS_KEPT))
      if (changed === undefined) return read
      const { sequence, event, isMissing } = changed
      throw new LogChanged(`the event ${event} of leaf ${sequence} ${isMissing ? 'is gone' : 'was edited'}`)
    })
    if (end !== undefined) watch.remember(end.head)
    watch.settle()
  }

  background.every('watch-log-end', { everyMs: LOOK_EVERY_MS, firstMs: 0 }, () => look().catch(watch.complain))
  return watch
}
