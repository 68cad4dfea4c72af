import type { Database, Queryable } from '../../database/database.ts'
import type { Alert } from '../../observability/alert.ts'
import type { Background } from '../../observability/background.ts'
import { Problem } from '../../values/problem.ts'
import { TILE_WIDTH } from '../formats/tile.ts'
import type { EventAuthenticity } from './event-authenticity.ts'
import { findDrops, isDropped } from './find-drops.ts'
import { LogChanged, readLogEnd, type SeenLog } from './log-end.ts'
import { freezeSnapshot, selectChangedEvents } from './log-end-store.ts'
import type { LogKey } from './log-keys.ts'
import type { LogHead } from './log-store.ts'
import { createLeafProof } from './proven-leaf.ts'

/** Together with the alert and `/readyz`, a change is found within ten seconds, also if a look is slow. */
const LOOK_EVERY_MS = 4_000
/** How many events at the end are compared with their leaves at each look. */
const EVENTS_COMPARED = 2 * TILE_WIDTH
/** How many full tiles of older leaves are checked at each look, in turn, together with the tree. */
const TILES_COMPARED = 4

export interface LogEndWatchDeps {
  database: Database
  alert: Alert
  background: Background
  /** Whether there are keys to verify the vault's signatures with. */
  isReady: () => boolean
  keys: { all(): readonly LogKey[] }
  authenticity: EventAuthenticity
}

/** What one process knows of the end of the log: how far it was, and what is wrong with it now. */
export interface LogEndWatch {
  readonly seen: SeenLog | undefined
  /** Whether something is wrong with it. */
  readonly isChanged: boolean
  remember(seen: SeenLog): void
  /** Takes note of what is wrong; each reason is one alert. Other errors are thrown. */
  complain(error: unknown): void
  /** The log is right again. */
  settle(): void
  /** @throws {Problem} audit-log-changed */
  requireUnchanged(): void
}

/**
 * Looks at the end of the log every few seconds, whether events come or not, in every process that serves: the head,
 * the leaves below it and the last events must be what was signed. Each look also checks a stretch of the older leaves
 * and events, so that all are checked in turn.
 */
export function watchLogEnd({
  database,
  alert,
  background,
  isReady,
  keys,
  authenticity,
}: LogEndWatchDeps): LogEndWatch {
  let seen: SeenLog | undefined
  let complaint: string | undefined
  /** The first tile that the next look is at. */
  let tile = 0

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
    // A sealed vault has reported that already.
    if (!isReady()) return
    // What this process sees while it looks is newer than the snapshot.
    const before = seen
    const { end, next } = await database.transaction(async (tx) => {
      await freezeSnapshot(tx)
      const read = await readLogEnd(tx, keys.all(), before)
      return { end: read, next: read && (await lookAt(tx, read.head)) }
    })
    if (end !== undefined) watch.remember(end.head)
    // A fault is checked again.
    tile = next ?? 0
    watch.settle()
  }

  /**
   * Checks the last events, and some of the older ones. Answers with the first tile of the next look. @throws
   * {LogChanged}
   */
  async function lookAt(tx: Queryable, head: LogHead): Promise<number> {
    await requireIntact(tx, Math.max(0, head.size - EVENTS_COMPARED), head.size)
    const proof = createLeafProof(tx, head)
    const full = Math.floor(head.size / TILE_WIDTH)
    const until = Math.min(tile + TILES_COMPARED, full)
    await requireIntact(tx, tile * TILE_WIDTH, until * TILE_WIDTH)
    for (let index = tile; index < until; index++) {
      const first = index * TILE_WIDTH
      if (!(await proof.isTile(index)))
        throw new LogChanged(`the leaves ${first} to ${first + TILE_WIDTH - 1} are not those that were signed`)
    }
    return until >= full ? 0 : until
  }

  /** Each event of these leaves is there, or the log says that it was dropped; and it is what was hashed. @throws {LogChanged} */
  async function requireIntact(tx: Queryable, from: number, to: number): Promise<void> {
    const changed = await selectChangedEvents(tx, from, to)
    const edited = changed.find(({ isMissing }) => !isMissing)
    if (edited !== undefined) throw new LogChanged(`the event ${edited.event} of leaf ${edited.sequence} was edited`)
    if (changed.length === 0) return
    // A drop that has just committed has no leaf yet.
    const drops = await findDrops(tx, async (row) => (await authenticity.judge(row, tx)) === 'authentic')
    const gone = changed.find(({ sequence }) => !isDropped(drops, sequence))
    if (gone !== undefined) throw new LogChanged(`the event ${gone.event} of leaf ${gone.sequence} is gone`)
  }

  // No job: it begins with the log, and does not wait for the parts that are built afterwards.
  background.every('watch-log-end', { everyMs: LOOK_EVERY_MS, firstMs: 0 }, () => look().catch(watch.complain))
  return watch
}
