import { createPublicKey, type KeyObject } from 'node:crypto'
import type { Queryable } from '../database/database.ts'
import type { NewAuditEvent } from './audit-event.ts'
import { insertEvents } from './audit-store.ts'
import { formatCheckpoint, parseCheckpoint, type VaultMark } from './checkpoint.ts'
import { advanceFrontier, type Frontier, settledBelow } from './frontier.ts'
import {
  findLastKept,
  growLog,
  insertHead,
  isAnnounced,
  type LogHead,
  selectEdge,
  selectHead,
  selectPlacedEvents,
  selectRunningTransactions,
} from './log-store.ts'
import { EMPTY_ROOT } from './merkle.ts'
import { isSignedBy, noteVerifier, rawPublicKey, signNote } from './note.ts'
import { appendLeaves, rootOfEdge, type TreeEdge } from './tree-edge.ts'

/** An Ed25519 key that signs checkpoints. */
export interface LogKey {
  id: string
  /** The private key. */
  secret: KeyObject
}

export interface SequencerDeps {
  newAuditEvent: NewAuditEvent
  now: () => Date
  /** The name of the log, for a vault that has none yet. */
  origin: string
  keys: {
    /** The one that signs now. @throws {Problem} sealed, key-expired */
    active(): LogKey | Promise<LogKey>
    /** All that may have signed before. */
    all(): readonly LogKey[]
    /** The vault, and the generation of its registry of keys. @throws {Problem} sealed */
    mark(): VaultMark
  }
}

/** The log in the database is not the one that the vault has signed. Nothing is signed on top of it. */
export class LogChanged extends Error {
  override readonly name = 'LogChanged'
}

/** How much of the log one process has seen. */
export type SeenLog = Pick<LogHead, 'size' | 'root'>

export interface Sequencer {
  /** Places what was committed since, and signs. Answers with whether there was more than fits into one round. */
  advance(): Promise<{ isBehind: boolean; head: LogHead }>
}

const EVENTS_PER_ROUND = 2_000
const KEEP_EVERY_MS = 60_000

/**
 * Takes up the log where the last sequencer has left it. The caller holds the lock on that very session, so that whoever
 * lost the lock cannot write any more.
 *
 * @param seen what this process knows of the log from before
 * @throws {LogChanged} when the log is not the one that the latest checkpoint was signed over, or older than `seen`
 */
export async function openSequencer(
  { newAuditEvent, now, origin, keys }: SequencerDeps,
  session: Queryable,
  seen: SeenLog | undefined,
): Promise<Sequencer> {
  let announced: string | undefined
  let head = (await selectHead(session)) ?? (await begin())
  let signer = requireSignedHead(head, keys.all())
  requireNoStepBack(head, seen)
  let edge = await selectEdge(session, head.size)
  requireEdgeOf(head, edge)
  let keptAt = (await findLastKept(session))?.getTime() ?? Number.NEGATIVE_INFINITY
  let frontier: Frontier = { next: head.nextPosition, gaps: [] }

  async function begin(): Promise<LogHead> {
    const empty = { origin, size: 0, root: EMPTY_ROOT }
    const note = signNote(formatCheckpoint({ ...empty, vault: keys.mark() }), origin, (await announcedKey()).secret)
    await insertHead(session, { ...empty, note, nextPosition: 0, createdAt: now() })
    const begun = await selectHead(session)
    if (begun === undefined) throw new LogChanged('the head of the log vanished as soon as it was written')
    return begun
  }

  /** The key that signs. The log itself says so before the key signs for the first time. */
  async function announcedKey(): Promise<LogKey> {
    const key = await keys.active()
    if (key.id === announced) return key
    const publicKey = rawPublicKey(createPublicKey(key.secret)).toString('base64')
    if (!(await isAnnounced(session, key.id, publicKey))) {
      await insertEvents(session, [
        newAuditEvent({ type: 'audit.key', outcome: 'success', subject: key.id, public_key: publicKey }),
      ])
    }
    announced = key.id
    return key
  }

  return {
    async advance() {
      const running = frontier.gaps.length > 0 ? await selectRunningTransactions(session) : new Set<string>()
      const events = await selectPlacedEvents(session, frontier.next, frontier.gaps, EVENTS_PER_ROUND)
      const advanced = advanceFrontier(
        frontier,
        events.map(({ position }) => position),
        running,
      )
      const leaves = events.filter(({ isSequenced }) => !isSequenced)
      if (leaves.length > 0) {
        const key = await announcedKey()
        const grown = appendLeaves(
          edge,
          leaves.map(({ hash }) => hash),
        )
        const at = now()
        const checkpoint = { origin: head.origin, size: grown.edge.size, root: rootOfEdge(grown.edge) }
        const next: LogHead = {
          ...checkpoint,
          note: signNote(formatCheckpoint({ ...checkpoint, vault: keys.mark() }), head.origin, key.secret),
          nextPosition: settledBelow(advanced),
          createdAt: at,
        }
        const isKept = at.getTime() - keptAt >= KEEP_EVERY_MS
        // The last one of a key vouches for the key that follows it, which was announced under it.
        const isFromKept = key.id !== signer && head.size > 0
        const growth = { from: head, leaves, subtrees: grown.completed, head: next, isKept, isFromKept }
        const isGrown = await growLog(session, growth)
        if (!isGrown) throw new LogChanged(`the head of the log, ${head.size} leaves, was changed by somebody else`)
        if (isKept) keptAt = at.getTime()
        signer = key.id
        edge = grown.edge
        head = next
      }
      frontier = advanced
      return { isBehind: events.length >= EVENTS_PER_ROUND, head }
    },
  }
}

/** Answers with the key that has signed it. @throws {LogChanged} */
function requireSignedHead(head: LogHead, keys: readonly LogKey[]): string {
  const { origin, size, root, note } = parseCheckpoint(head.note)
  if (origin !== head.origin || size !== head.size || !root.equals(head.root)) {
    throw new LogChanged('the head of the log is not what its checkpoint says')
  }
  const signer = keys.find(({ secret }) => isSignedBy(note, noteVerifier(origin, createPublicKey(secret))))
  if (signer === undefined) throw new LogChanged('the latest checkpoint was signed by no key of this vault')
  return signer.id
}

/** @throws {LogChanged} */
function requireNoStepBack(head: LogHead, seen: SeenLog | undefined): void {
  if (seen === undefined || head.size > seen.size) return
  if (head.size < seen.size) throw new LogChanged(`the log was put back from ${seen.size} leaves to ${head.size}`)
  if (!head.root.equals(seen.root)) throw new LogChanged(`there are two logs of ${head.size} leaves`)
}

/** @throws {LogChanged} */
function requireEdgeOf(head: LogHead, edge: TreeEdge): void {
  if (!rootOfEdge(edge).equals(head.root)) {
    throw new LogChanged(`the leaves at the end of the log do not give the root that was signed at ${head.size} leaves`)
  }
}
