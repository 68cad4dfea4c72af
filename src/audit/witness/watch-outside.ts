import { createPublicKey } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Database } from '../../database/database.ts'
import type { Alert } from '../../observability/alert.ts'
import type { Background } from '../../observability/background.ts'
import { Problem } from '../../values/problem.ts'
import { parseCheckpoint } from '../formats/checkpoint.ts'
import { consistencyProof } from '../formats/merkle.ts'
import { isSignedBy, NoteError, noteVerifier, type SignedNote } from '../formats/signed-note.ts'
import type { SeenLog } from '../log/log-end.ts'
import type { LogKey } from '../log/log-keys.ts'
import { type LogHead, selectHead } from '../log/log-store.ts'
import { containsRoot, readTree } from '../log/stored-tree.ts'
import type { LogEndWatch } from '../log/watch-log-end.ts'
import { askWitness, Refused, SignedOther } from './ask-witness.ts'
import type { NewerRegistry } from './newer-registry.ts'
import { insertOutside, type OutsideCheckpoint, selectUnlisted } from './outside-store.ts'
import { Undelivered } from './post-text.ts'
import { readNotes } from './read-notes.ts'
import { isMissing, type Settlements } from './settlements.ts'
import type { Shipping, Witness } from './witnesses-file.ts'

/** How soon every process knows that reads are closed or open again. */
const FOLLOW_EVERY_MS = 2_000
/** A database may be put back under a server that runs. */
const LOOK_EVERY_MS = 60_000
/** Witnesses belong to others, who serve many logs. */
const ASK_EVERY_MS = 5 * 60_000
/** Two weeks of a note each minute. */
const FIRST_BYTES = 8 * 1024 * 1024
const LATER_BYTES = 64 * 1024
/**
 * How many notes at the end of a file are compared with the log itself. The checkpoints in the database may have been
 * put there with a backup. While reads are closed nothing is added to a file, so lost notes are at its end.
 */
const LAST_NOTES = 16
/** Nothing waits longer for a witness that does not answer; an answer that comes later counts then. */
const WITNESS_PATIENCE_MS = 4_000
const NO_ROOT = Buffer.alloc(0)
/** The memory of a server that saw a newer log. */
const MEMORY = 'memory'

export interface OutsideWatchDeps {
  database: Database
  alert: Alert
  background: Background
  now: () => Date
  /** Whether there are keys to verify the vault's signatures with. */
  isReady: () => boolean
  keys: { all(): readonly LogKey[] }
  settlements: Settlements
  /** What this process remembers of the log; undefined for one that does not watch it. */
  end: Pick<LogEndWatch, 'seen' | 'isChanged'> | undefined
  /** A registry of keys that is known outside, as long as the one in the database is older. */
  newerRegistry: () => NewerRegistry | undefined
  /** The name of the log as long as the database has none. */
  origin: string
  /** The places that this process can read; undefined for a process that uses what others have found. */
  shipping: Shipping | undefined
  /** What else was seen outside and is missing in the database, each without a size. */
  findMissing?: ((isThorough: boolean) => Promise<readonly OutsideCheckpoint[]>) | undefined
  /** Says that a file cannot be read back. */
  log: (facts: { target: string; reason: string }, message: string) => void
}

export interface OutsideWatch {
  /** @throws {Problem} restored-backup; database-unavailable as long as nothing is known of the database there is now */
  requireCurrent(): Promise<void>
  /** Whether the database is known to be older. */
  isOlder(): boolean
  /** Looks outside now. */
  look(): Promise<void>
  /** Takes note of what a witness has said while the log was shipped to it. */
  report(source: string, signed: SignedOther): Promise<void>
  /** Repeats the look, as a server does. */
  begin(): Promise<void>
}

/** What a file says, or what this process remembers; only that is believed without a signature. */
interface Seen extends OutsideCheckpoint {
  signed?: SignedNote
  isLast: boolean
}

/**
 * Compares the log in the database with the checkpoints that were shipped to files, with what witnesses have signed and
 * with what this process remembers. A checkpoint of this vault that the log does not contain shows that the database
 * was put back. From then on nothing is read, in every process, until an operator has applied the newer log or waived
 * it. A note counts only if a present or former key of the log has signed it. Targets of the kinds `url` and `command`
 * cannot be read back.
 *
 * It looks at the start, each minute, when the log is found changed, and when a connection to the database was lost,
 * which is how a failover looks from here.
 */
export function watchOutside(deps: OutsideWatchDeps): OutsideWatch {
  const { database, alert, background, now, isReady, keys, settlements, end } = deps
  /** Open as far as this process knows. A removed row does not change that. */
  let open: OutsideCheckpoint | undefined
  let isKnown = false
  let told = ''
  let wasClosed = false
  let lookedAt: number | undefined
  let askedAt: number | undefined
  let losses = database.losses
  let wasChanged = false
  /** The newest log that this process has seen in the database, until a look finds it gone. */
  let remembered: SeenLog | undefined
  /** What the log was seen to contain since it was last in doubt. */
  const contained = new Set<string>()
  let follow: (() => Promise<void>) | undefined

  const isOver = (since: number | undefined, ms: number) => since === undefined || performance.now() - since >= ms

  /** Whether the database may be another one than at the last look. */
  function isInDoubt(): boolean {
    const isChanged = end?.isChanged === true
    if (!isChanged) wasChanged = false
    return database.losses !== losses || (isChanged && !wasChanged)
  }

  const isInTheDark = () => !isKnown || database.losses !== losses

  async function look(): Promise<void> {
    const isFirst = lookedAt === undefined
    const isThorough = isFirst || isInDoubt()
    const doubts = { losses: database.losses, isChanged: end?.isChanged === true }
    if (isThorough) contained.clear()
    else remembered = end?.seen ?? remembered
    await keepMissing([...memories(), ...(await readFiles(isThorough ? FIRST_BYTES : LATER_BYTES))])
    await insertOutside(database, (await deps.findMissing?.(isThorough)) ?? [], now())
    // A look that fails is made again.
    losses = doubts.losses
    wasChanged = doubts.isChanged
    lookedAt = performance.now()
    if (!isThorough && !isOver(askedAt, ASK_EVERY_MS)) return
    askedAt = lookedAt
    const asked = askWitnesses().catch((error) => background.failed('watch-outside-checkpoints', error))
    // What comes too late is not lost.
    if (isFirst) await Promise.race([asked, wait(WITNESS_PATIENCE_MS, undefined, { ref: false })])
  }

  function memories(): Seen[] {
    if (remembered === undefined || remembered.size === 0) return []
    return [{ ...remembered, note: null, source: MEMORY, isLast: true }]
  }

  async function readFiles(bytes: number): Promise<Seen[]> {
    const targets = deps.shipping?.targets ?? []
    const files = targets.flatMap((target) => (target.kind === 'file' ? [readFile(target, bytes)] : []))
    return (await Promise.all(files)).flat()
  }

  async function readFile({ name, file }: { name: string; file: string }, bytes: number): Promise<Seen[]> {
    try {
      const notes = (await readNotes(file, bytes)).filter(({ size }) => size > 0)
      return notes.map(({ size, root, text, note: signed }, at) => {
        const isLast = at >= notes.length - LAST_NOTES
        return { size, root, note: text, source: name, signed, isLast }
      })
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException
      deps.log({ target: name, reason: code }, 'shipped checkpoints cannot be read back')
      return []
    }
  }

  async function keepMissing(found: readonly Seen[]): Promise<void> {
    // After the files: what was shipped was committed before.
    const head = await selectHead(database)
    const origin = head?.origin ?? deps.origin
    const verifiers = keys.all().map(({ secret }) => noteVerifier(origin, createPublicKey(secret)))
    const isOurs = (note: SignedNote) => verifiers.some((verifier) => isSignedBy(note, verifier))
    const missing: OutsideCheckpoint[] = []
    for (const { checkpoint, isKept } of await selectUnlisted(database, found)) {
      const { size, root, note, source, signed, isLast } = checkpoint
      if (isKept && !isLast) continue
      if (signed !== undefined && !(signed.text.startsWith(`${origin}\n`) && isOurs(signed))) continue
      if (!(await isContained(checkpoint, head?.size ?? 0))) missing.push({ size, root, note, source })
    }
    await insertOutside(database, missing, now())
  }

  /** Whether the log contains it, as long as the database is the same one. */
  async function isContained({ size, root }: SeenLog, headSize: number): Promise<boolean> {
    const key = `${size} ${root.toString('base64')}`
    if (contained.has(key)) return true
    if (!(await containsRoot(database, headSize, size, root))) return false
    contained.add(key)
    return true
  }

  async function askWitnesses(): Promise<void> {
    const witnesses = (deps.shipping?.targets ?? []).filter((target) => target.kind === 'witness')
    const head = witnesses.length === 0 ? undefined : await selectHead(database)
    if (head === undefined || head.size === 0 || !isItsNote(head)) return
    await Promise.all(witnesses.map((witness) => ask(witness, head)))
  }

  async function ask(witness: Witness, { size, note }: LogHead): Promise<void> {
    const proofFrom = (older: number) => consistencyProof(readTree(database, size), older, size)
    try {
      // Once: a witness that has signed less is not asked to sign, which is the shipping's.
      await askWitness(witness, { size, note }, size, proofFrom, undefined, 1)
    } catch (error) {
      if (error instanceof SignedOther) return report(witness.name, error)
      // Shipping to it says so.
      if (!(error instanceof Refused || error instanceof Undelivered)) throw error
    }
  }

  async function report(source: string, { size, isLonger }: SignedOther): Promise<void> {
    // Another server may have shipped what it has just signed.
    if (isLonger && ((await selectHead(database))?.size ?? 0) >= size) return
    await insertOutside(database, [{ size, root: NO_ROOT, note: null, source }], now())
    await read()
  }

  async function read(): Promise<void> {
    const found = await findOpen()
    tell(found)
    open = found
    isKnown = true
  }

  async function findOpen(): Promise<OutsideCheckpoint | undefined> {
    const found = await settlements.findOpen(database)
    if (found !== undefined || open === undefined) return found
    // Answered for, or found again; or the row was removed by others.
    if ((await selectUnlisted(database, [open])).length === 0 || !(await isMissing(database, open))) return undefined
    await insertOutside(database, [open], now())
    return open
  }

  /** Each piece of news is one alert. */
  function tell(found: OutsideCheckpoint | undefined): void {
    const registry = deps.newerRegistry()
    const isClosed = found !== undefined || registry !== undefined
    if (isClosed && !wasClosed)
      alert('restored-backup', found ? { size: found.size, source: found.source } : { ...registry })
    wasClosed = isClosed
    const forged = settlements.forged.length === 0 ? '' : settlements.forged.toSorted().join(' ')
    if (forged !== '' && forged !== told) alert('restore-forged', { count: settlements.forged.length })
    told = forged
  }

  const isOlder = () => open !== undefined || deps.newerRegistry() !== undefined

  return {
    look,
    report,
    isOlder,
    async begin() {
      // No job: the first look is part of the start, and a request in doubt asks for the next one at once.
      const task = background.every('watch-outside-checkpoints', { everyMs: FOLLOW_EVERY_MS }, async () => {
        // A sealed vault cannot tell, and reads nothing either.
        if (!isReady()) return
        if (isInDoubt() || isOver(lookedAt, LOOK_EVERY_MS)) await look()
        else remembered = end?.seen ?? remembered
        await read()
      })
      follow = () => task.run()
      await task.run()
    },
    async requireCurrent() {
      // A sealed vault says so itself, and reads nothing.
      if (follow === undefined || !isReady()) return
      // The run that is under way may have begun before the connection was lost.
      for (let runs = 0; runs < 2 && isInTheDark(); runs++) await follow()
      if (isInTheDark()) throw new Problem('database-unavailable')
      if (isOlder()) throw new Problem('restored-backup', { retryAfterSeconds: RETRY_AFTER_SECONDS })
    },
  }
}

/** An operator has to act first. */
const RETRY_AFTER_SECONDS = 60

/** With a changed head no witness is asked. */
function isItsNote({ size, root, note }: LogHead): boolean {
  try {
    const said = parseCheckpoint(note)
    return said.size === size && said.root.equals(root)
  } catch (error) {
    if (error instanceof NoteError) return false
    throw error
  }
}
