import { createPublicKey } from 'node:crypto'
import type { Queryable } from '../../database/database.ts'
import { DatabaseError } from '../../database/database-error.ts'
import { type MissingNumbers, NumberTracker, type SeenNumbers } from '../completeness/number-tracker.ts'
import { readSeen, type SealedSeen } from '../completeness/seen-numbers.ts'
import { type ReportMacs, watchReports } from '../completeness/watch-number-reports.ts'
import { type NewAuditEvent, VAULT } from '../event/audit-event.ts'
import { insertEvents } from '../event/audit-store.ts'
import { madeOf, type NumberReport } from '../event/made.ts'
import { MOST_NAMED, nameEvent } from '../event/named-event.ts'
import { formatCheckpoint, type VaultMark } from '../formats/checkpoint.ts'
import { advanceFrontier, type Frontier, settledBelow } from '../formats/frontier.ts'
import { EMPTY_ROOT } from '../formats/merkle.ts'
import { rawPublicKey, signNote } from '../formats/signed-note.ts'
import { appendLeaves, rootOfEdge } from '../formats/tree-edge.ts'
import { announceKey } from './announce-key.ts'
import type { Verdict } from './event-authenticity.ts'
import { LogChanged, type LogEnd, readLogEnd, type SeenLog } from './log-end.ts'
import type { LogKey } from './log-keys.ts'
import {
  findLastKept,
  growLog,
  insertHead,
  type LogHead,
  type PlacedEvent,
  selectPlacedEvents,
  selectRunningTransactions,
} from './log-store.ts'

export interface SequencerDeps {
  newAuditEvent: NewAuditEvent
  now: () => Date
  /** The name of the log, for a vault that has none yet. */
  origin: string
  keys: {
    /** The key that signs now. @throws {Problem} sealed, key-expired */
    active(): LogKey | Promise<LogKey>
    /** All that may have signed before. */
    all(): readonly LogKey[]
    /**
     * The vault, and the generation of its registry of keys.
     *
     * @param isChanged whether the registry has changed: what is known of it may be older
     * @throws {Problem} sealed
     */
    mark(isChanged: boolean): VaultMark | Promise<VaultMark>
  }
  events: {
    /**
     * Whether the vault made the event. This is the only place that sees a forged one, so it raises the alert. @throws
     * {Problem} sealed
     */
    judgePlaced(event: PlacedEvent, session: Queryable): Promise<Verdict>
    /** The numbers of this process. */
    readonly state: NumberReport
    reports: ReportMacs
    /** Whether an earlier sequencer has written that. @throws {Problem} sealed */
    isSeen(text: string, mac: Buffer): Promise<boolean>
    /** @throws {Problem} sealed */
    sealSeen(seen: SeenNumbers): SealedSeen
    /** Events that their process has seen stored, or reports of processes, are missing. */
    miss(missing: readonly MissingNumbers[], vanished: readonly string[], session: Queryable): Promise<void>
  }
}

export interface Sequencer {
  /**
   * Gives committed events their places, and signs. Answers with whether there were more events than fit into one
   * round.
   */
  advance(): Promise<{ isBehind: boolean; head: LogHead }>
}

const EVENTS_PER_ROUND = 2_000
const KEEP_EVERY_MS = 60_000
/** SQLSTATE unique_violation. */
const UNIQUE_VIOLATION = '23505'

/**
 * Continues the log where the last sequencer left it. The caller holds the lock on this very session, so that a process
 * that lost the lock cannot write.
 *
 * @param seen what this process knows of the log from before
 * @throws {LogChanged} if the log is not the one that the latest checkpoint was signed over, or is older than `seen`
 */
export async function openSequencer(
  { newAuditEvent, now, origin, keys, events: made }: SequencerDeps,
  session: Queryable,
  seen: SeenLog | undefined,
): Promise<Sequencer> {
  let announced: string | undefined
  let { head, signer, edge } = (await readLogEnd(session, keys.all(), seen)) ?? (await begin())
  let keptAt = (await findLastKept(session))?.getTime() ?? Number.NEGATIVE_INFINITY
  let frontier: Frontier = { next: head.nextPosition, gaps: [] }
  const numbers = new NumberTracker()
  const watch = watchReports(session, made.reports)
  /** Reports that were read before some of the events that they are about. */
  let reported: NumberReport[] = []

  async function begin(): Promise<LogEnd> {
    const empty = { origin, size: 0, root: EMPTY_ROOT }
    const note = signNote(
      formatCheckpoint({ ...empty, vault: await keys.mark(false) }),
      origin,
      (await announcedKey()).secret,
    )
    await insertHead(session, { ...empty, note, nextPosition: 0, createdAt: now() })
    const begun = await readLogEnd(session, keys.all(), seen)
    if (begun === undefined) throw new LogChanged('the head of the log vanished as soon as it was written')
    return begun
  }

  /** The key that signs. An event of the log announces it before it signs for the first time. */
  async function announcedKey(): Promise<LogKey> {
    const key = await keys.active()
    if (key.id === announced) return key
    const publicKey = rawPublicKey(createPublicKey(key.secret)).toString('base64')
    await announceKey(
      session,
      newAuditEvent,
      { id: key.id, publicKey },
      async (event, db) => (await made.judgePlaced(event, db)) === 'of-vault',
    )
    announced = key.id
    return key
  }

  /** Loads what is known of processes that are new here. */
  async function takeUp(processes: Iterable<string>): Promise<void> {
    const unknown = [...new Set(processes)].filter((process) => !numbers.knows(process))
    if (unknown.length === 0) return
    const seen = await readSeen(session, unknown, made.isSeen)
    for (const process of unknown) numbers.take(process, seen.get(process))
  }

  /** The events that the vault made, with their numbers noted. */
  async function sift(events: readonly PlacedEvent[]): Promise<PlacedEvent[]> {
    const fresh = events.filter(({ isSequenced }) => !isSequenced)
    const ours: PlacedEvent[] = []
    const unproven: PlacedEvent[] = []
    for (const event of fresh) {
      const verdict = await made.judgePlaced(event, session)
      if (verdict === 'of-vault') ours.push(event)
      if (verdict === 'unproven') unproven.push(event)
    }
    await nameUnproven(session, newAuditEvent, unproven)
    const said = ours.map(({ body }) => madeOf(body ?? '')).filter((one) => one !== undefined)
    for (const { process } of said) if (!numbers.knows(process)) watch.expect(process)
    await takeUp(said.map(({ process }) => process))
    for (const one of said) numbers.add(one)
    return ours
  }

  /** What is missing, once every event is known that the reports are about. */
  async function findMissing(reports: readonly NumberReport[], vanished: readonly string[]): Promise<MissingNumbers[]> {
    await takeUp([...reports.map(({ process }) => process), ...vanished])
    for (const report of reports) numbers.report(report)
    return [...numbers.takeMissing(), ...vanished.map((process) => numbers.cutOff(process))]
  }

  return {
    async advance() {
      // Read first, so that the look that follows sees all that is settled now.
      const own = made.state
      const { reports, vanished } = await watch.read()
      // A process that has made no event yet reports nothing.
      reported.push(...reports.filter(({ settled, lost }) => settled > 1 || !lost.isEmpty))
      const running = frontier.gaps.length > 0 ? await selectRunningTransactions(session) : new Set<string>()
      const events = await selectPlacedEvents(session, frontier.next, frontier.gaps, EVENTS_PER_ROUND)
      const advanced = advanceFrontier(
        frontier,
        events.map(({ position }) => position),
        running,
      )
      const leaves = await sift(events)
      const isBehind = events.length >= EVENTS_PER_ROUND
      const missing = await findMissing(isBehind ? [] : [own, ...reported], vanished)
      if (!isBehind) reported = []
      if (missing.length > 0) await made.miss(missing, vanished, session)
      if (leaves.length > 0) {
        const key = await announcedKey()
        const grown = appendLeaves(
          edge,
          leaves.map(({ hash }) => hash),
        )
        const at = now()
        const checkpoint = { origin: head.origin, size: grown.edge.size, root: rootOfEdge(grown.edge) }
        const vault = await keys.mark(leaves.some(changesRegistry))
        const next: LogHead = {
          ...checkpoint,
          note: signNote(formatCheckpoint({ ...checkpoint, vault }), head.origin, key.secret),
          nextPosition: settledBelow(advanced),
          createdAt: at,
        }
        const isKept = at.getTime() - keptAt >= KEEP_EVERY_MS
        // The last checkpoint of a key vouches for the next key, which was announced under it.
        const isFromKept = key.id !== signer && head.size > 0
        const processes = numbers.takeChanges().map(made.sealSeen)
        const growth = { from: head, leaves, subtrees: grown.completed, head: next, isKept, isFromKept, processes }
        const isGrown = await growLog(session, growth).catch(explainGrowth)
        if (!isGrown) throw new LogChanged(`the head of the log, ${head.size} leaves, was changed outside the vault`)
        if (isKept) keptAt = at.getTime()
        signer = key.id
        edge = grown.edge
        head = next
      }
      frontier = advanced
      return { isBehind, head }
    },
  }
}

/** Committed together with a change of the registry of keys, whose generation the checkpoint over it states. */
function changesRegistry({ body }: PlacedEvent): boolean {
  return /"type":"(?:key|root-key|restore)\./.test(body ?? '')
}

/** The vault writes no event twice. @throws {LogChanged} */
function explainGrowth(error: unknown): never {
  if (!(error instanceof DatabaseError && error.sqlState === UNIQUE_VIOLATION)) throw error
  throw new LogChanged('leaves or hashes exist after the end of the log: its head was put back, or they were added')
}

/** Names events that commands without keys may have written and that nothing proves. They stay out of the log. */
async function nameUnproven(
  db: Queryable,
  newAuditEvent: NewAuditEvent,
  unproven: readonly PlacedEvent[],
): Promise<void> {
  for (let at = 0; at < unproven.length; at += MOST_NAMED) {
    const events = unproven.slice(at, at + MOST_NAMED).map(nameEvent)
    const facts = { type: 'audit.unproven', outcome: 'success', caller: VAULT } as const
    await insertEvents(db, [newAuditEvent({ ...facts, count: events.length, events })])
  }
}
