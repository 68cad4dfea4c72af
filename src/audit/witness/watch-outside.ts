import { createPublicKey } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Alert } from '../../alert.ts'
import type { Background } from '../../background.ts'
import type { Database } from '../../database/database.ts'
import { Problem } from '../../problem.ts'
import type { LogKey } from '../log-key.ts'
import { type LogHead, selectHead } from '../log-store.ts'
import { consistencyProof } from '../merkle.ts'
import { isSignedBy, noteVerifier } from '../note.ts'
import { askWitness, Refused, SignedOther } from './ask-witness.ts'
import { containsCheckpoint, readTree } from './contains-checkpoint.ts'
import type { NewerRegistry } from './newer-registry.ts'
import { findLargestOpen, insertOutside, type OutsideCheckpoint, selectUnknown } from './outside-store.ts'
import { Undelivered } from './post-text.ts'
import { readNotes } from './read-notes.ts'
import type { Shipping, Witness } from './witnesses-file.ts'

/** How soon every process knows that reads are closed or open again. */
const FOLLOW_EVERY_MS = 2_000
/** A database may be put back under a server that runs. */
const LOOK_EVERY_MS = 60_000
/** Two weeks of a note each minute. */
const FIRST_BYTES = 8 * 1024 * 1024
const LATER_BYTES = 64 * 1024
/** The start waits no longer for a witness that does not answer; an answer that comes later counts then. */
const WITNESS_PATIENCE_MS = 4_000
const NO_ROOT = Buffer.alloc(0)

export interface OutsideWatchDeps {
  database: Database
  alert: Alert
  background: Background
  now: () => Date
  /** Whether there are keys to tell the vault's signatures by. */
  isReady: () => boolean
  keys: { all(): readonly LogKey[] }
  /** A registry of keys that is known outside, as long as the one in the database is older. */
  newerRegistry: () => NewerRegistry | undefined
  /** The name of the log as long as the database has none. */
  origin: string
  /** Where this process can look; undefined for a process that goes by what others have found. */
  shipping: Shipping | undefined
  /** Says that a file cannot be read back. */
  log: (facts: { target: string; reason: string }, message: string) => void
}

export interface OutsideWatch {
  /** @throws {Problem} restored-backup; database-unavailable while nobody has looked yet */
  requireCurrent(): Promise<void>
  /** Whether the database is known to be older. */
  isOlder(): boolean
  /** Looks outside now. */
  look(): Promise<void>
  /** Takes note of what a witness has said while the log was shipped to it. */
  report(source: string, signed: SignedOther): Promise<void>
  /** Looks again and again, as a server does. */
  begin(): Promise<void>
}

/**
 * Compares the log in the database with the checkpoints that were shipped to files and with what witnesses have signed. A
 * checkpoint of this vault that the log does not contain says that the database was put back: nothing is read from then on,
 * in every process, until an operator has applied the newer log or waived it. A note counts only where a key of the log, the
 * present one or a former one, has signed it. Targets of the kinds `url` and `command` cannot be read back.
 */
export function watchOutside(deps: OutsideWatchDeps): OutsideWatch {
  const { database, alert, background, now, isReady, keys } = deps
  let open: { size: number; source: string } | undefined
  let isKnown = false
  let alerted = false
  let lookedAt: number | undefined
  let follow: (() => Promise<void>) | undefined

  const isDue = () => lookedAt === undefined || performance.now() - lookedAt >= LOOK_EVERY_MS

  async function look(): Promise<void> {
    const { shipping } = deps
    if (shipping === undefined) return
    const isFirst = lookedAt === undefined
    const files = await Promise.all(
      shipping.targets.flatMap((target) =>
        target.kind === 'file' ? [readFile(target, isFirst ? FIRST_BYTES : LATER_BYTES)] : [],
      ),
    )
    await keepMissing(files.flat())
    if (isFirst) await askWitnesses(shipping.targets.filter((target) => target.kind === 'witness'))
    lookedAt = performance.now()
  }

  async function readFile({ name, file }: { name: string; file: string }, bytes: number) {
    try {
      const notes = await readNotes(file, bytes)
      return notes.map((note) => ({ ...note, source: name }))
    } catch (error) {
      const { code = 'unknown' } = error as NodeJS.ErrnoException
      deps.log({ target: name, reason: code }, 'shipped checkpoints cannot be read back')
      return []
    }
  }

  async function keepMissing(found: Awaited<ReturnType<typeof readFile>>): Promise<void> {
    // After the files: whatever was shipped was committed before.
    const head = await selectHead(database)
    const origin = head?.origin ?? deps.origin
    const verifiers = keys.all().map(({ secret }) => noteVerifier(origin, createPublicKey(secret)))
    const ours = found.filter((one) => one.origin === origin && one.size > 0)
    const missing: OutsideCheckpoint[] = []
    for (const { size, root, text, note, source } of await selectUnknown(database, ours)) {
      if (!verifiers.some((verifier) => isSignedBy(note, verifier))) continue
      if (!(await containsCheckpoint(database, head?.size ?? 0, { size, root })))
        missing.push({ size, root, note: text, source })
    }
    await insertOutside(database, missing, now())
  }

  async function askWitnesses(witnesses: readonly Witness[]): Promise<void> {
    const head = await selectHead(database)
    if (head === undefined || head.size === 0) return
    const asked = Promise.all(witnesses.map((witness) => ask(witness, head)))
    // What comes too late is not lost, and neither is its failure.
    const late = asked.catch((error) => background.failed('watch-outside-checkpoints', error))
    await Promise.race([late, wait(WITNESS_PATIENCE_MS, undefined, { ref: false })])
  }

  async function ask(witness: Witness, head: LogHead): Promise<void> {
    const { size, note } = head
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
    // Another server may have shipped what it had signed meanwhile.
    if (isLonger && ((await selectHead(database))?.size ?? 0) >= size) return
    await insertOutside(database, [{ size, root: NO_ROOT, note: null, source }], now())
    await read()
  }

  async function read(): Promise<void> {
    open = await findLargestOpen(database)
    isKnown = true
    const because = open ?? deps.newerRegistry()
    if (because !== undefined && !alerted) alert('restored-backup', { ...because })
    alerted = because !== undefined
  }

  const isOlder = () => open !== undefined || deps.newerRegistry() !== undefined

  return {
    look,
    report,
    isOlder,
    async begin() {
      const task = background.every('watch-outside-checkpoints', { everyMs: FOLLOW_EVERY_MS }, async () => {
        // A sealed vault cannot tell, and reads nothing either.
        if (!isReady()) return
        if (isDue()) await look()
        await read()
      })
      follow = () => task.run()
      await task.run()
    },
    async requireCurrent() {
      // A sealed vault says so itself, and reads nothing.
      if (follow === undefined || !isReady()) return
      if (!isKnown) await follow()
      if (!isKnown) throw new Problem('database-unavailable')
      if (isOlder()) throw new Problem('restored-backup', { retryAfterSeconds: RETRY_AFTER_SECONDS })
    },
  }
}

/** An operator has to act first. */
const RETRY_AFTER_SECONDS = 60
