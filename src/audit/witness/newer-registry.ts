import { createPublicKey } from 'node:crypto'
import type { Queryable } from '../../database/database.ts'
import { type Checkpoint, findStepBack, parseCheckpoint, type VaultMark } from '../formats/checkpoint.ts'
import { isSignedBy, NoteError, type NoteVerifier, noteVerifier, type SignedNote } from '../formats/signed-note.ts'
import { findLastStored } from '../log/log-end-store.ts'
import type { LogKey } from '../log/log-keys.ts'
import { selectHead } from '../log/log-store.ts'
import { containsRoot } from '../log/stored-tree.ts'
import { selectLastKept } from './outside-store.ts'
import { readNotes } from './read-notes.ts'
import type { Shipping } from './witnesses-file.ts'

/** What a checkpoint says about the key registry, and where the checkpoint is. */
export interface NewerRegistry extends VaultMark {
  source: string
}

/** Registries that were there before, and that the present one cannot have come after. */
export interface NewerRegistries {
  /** The log in the same database knows it: the tables of keys alone were put back. */
  inLog: NewerRegistry | undefined
  /** Known outside alone: all of the database is older. */
  outside: NewerRegistry | undefined
  /** Whether the database has a log at all. */
  hasLog: boolean
}

export interface NewerRegistryDeps {
  database: Queryable
  /** The places that checkpoints were shipped to, as far as this process knows. */
  shipping: Shipping | undefined
  /** Says that a file cannot be read back. */
  log: (facts: { target: string; reason: string }, message: string) => void
}

type ReadNote = Checkpoint & { note: SignedNote; source: string }

/** Two weeks of a note each minute. */
const LAST_BYTES = 8 * 1024 * 1024
/** A checkpoint is kept each minute in which the log grows. */
const LAST_KEPT = 100
const THE_LOG = 'the audit log'

/**
 * Looks for checkpoints that were signed beside a later registry of keys than this one, or beside that of another vault. What was
 * shipped counts only where a key of the vault has signed it, and so does what the database has kept. The head of the log counts
 * in any case: it is signed by no key of this registry where a later one has a key that this one does not know.
 *
 * @param signing the keys of the registry that sign the log, or have signed it
 */
export async function findNewerRegistries(
  deps: NewerRegistryDeps,
  registry: VaultMark,
  signing: readonly LogKey[],
): Promise<NewerRegistries> {
  const { database } = deps
  const head = await selectHead(database)
  if (head === undefined) return { inLog: undefined, outside: undefined, hasLog: false }
  const verifiers = signing.map(({ secret }) => noteVerifier(head.origin, createPublicKey(secret)))
  const isNewer = (note: ReadNote) => findStepBack(registry, note) !== undefined
  const isOurs = (note: ReadNote) => isNewer(note) && note.origin === head.origin && isSigned(note, verifiers)

  const kept = (await selectLastKept(database, LAST_KEPT)).flatMap((note) => parsed(note, THE_LOG))
  const shipped = newestFirst((await readShipped(deps)).filter(isNewer)).find(isOurs)
  // The head may have been put back, and the leaves not.
  const leaves = Math.max(head.size, ((await findLastStored(database)).leaf ?? -1) + 1)
  const inFile = shipped !== undefined && (await containsRoot(database, leaves, shipped.size, shipped.root))
  const inDatabase = [...parsed(head.note, THE_LOG).filter(isNewer), ...kept.filter(isOurs)]
  const [inLog] = newestFirst([...inDatabase, ...(inFile ? [shipped] : [])])
  return { inLog: stated(inLog), outside: stated(inFile ? undefined : shipped), hasLog: true }
}

async function readShipped({ shipping, log }: NewerRegistryDeps): Promise<ReadNote[]> {
  const files = shipping?.targets.filter((target) => target.kind === 'file') ?? []
  const notes = await Promise.all(
    files.map(async ({ name, file }) => {
      try {
        return (await readNotes(file, LAST_BYTES)).map((note) => ({ ...note, source: name }))
      } catch (error) {
        const { code = 'unknown' } = error as NodeJS.ErrnoException
        log({ target: name, reason: code }, 'shipped checkpoints cannot be read back')
        return []
      }
    }),
  )
  return notes.flat()
}

function parsed(note: string, source: string): ReadNote[] {
  try {
    return [{ ...parseCheckpoint(note), source }]
  } catch (error) {
    if (error instanceof NoteError) return []
    throw error
  }
}

function isSigned({ note }: ReadNote, verifiers: readonly NoteVerifier[]): boolean {
  return verifiers.some((verifier) => isSignedBy(note, verifier))
}

function newestFirst(notes: readonly ReadNote[]): ReadNote[] {
  const generationOf = ({ vault }: ReadNote) => vault?.generation ?? 0
  return notes.toSorted((one, other) => generationOf(other) - generationOf(one))
}

function stated(note: ReadNote | undefined): NewerRegistry | undefined {
  return note?.vault && { ...note.vault, source: note.source }
}
