import { createPublicKey } from 'node:crypto'
import { hashLeaf } from '../audit/formats/merkle.ts'
import { noteVerifier } from '../audit/formats/signed-note.ts'
import type { LogKey } from '../audit/log/log-keys.ts'
import { type LogHead, selectHead } from '../audit/log/log-store.ts'
import { LogFileError, openLogOfFile } from '../audit/verification/log-file.ts'
import type { FindingCode } from '../audit/verification/log-finding.ts'
import type { LoggedLeaf, LogPage, LogSource } from '../audit/verification/log-source.ts'
import { verifyLog } from '../audit/verification/verify-log.ts'
import type { Database } from '../database/database.ts'
import { VaultError } from '../values/vault-error.ts'
import { selectLeafHashes } from './restore-store.ts'
import { readTakeaways, type Takeaways } from './takeaways.ts'

/** The log cannot be applied; the message says why, and nothing was changed. */
export class LogNotApplicable extends VaultError {
  override readonly name = 'LogNotApplicable'
}

/** An exported log of this vault. */
export interface NewerLog {
  origin: string
  /** How many leaves it has; a key of the vault has signed all of them. */
  size: number
  /** The first leaf that the database does not have. */
  from: number
  takeaways: Takeaways
}

export interface ReadNewerLogDeps {
  database: Database
  /** All keys that may have signed the log. */
  signingKeys: () => readonly LogKey[]
  onProgress: (progress: { done: number; total: number }) => void
}

const MOST_FINDINGS_NAMED = 3
/** These findings do not say that the log is another vault's: the vault was restored before, or its clock was set. */
const IS_NO_HINDRANCE: ReadonlySet<FindingCode> = new Set(['incomplete-history', 'time-runs-back'])

/**
 * Reads an exported log of this vault, which must verify from its first leaf to its last and have the same beginning as the log
 * in the database.
 *
 * @throws {LogNotApplicable}
 */
export async function readNewerLog(deps: ReadNewerLogDeps, file: string): Promise<NewerLog> {
  const { database, signingKeys, onProgress } = deps
  const head = await selectHead(database)
  if (head === undefined)
    throw new LogNotApplicable('the database has no log yet: nothing says that the file is of this vault.')
  const source = await openLog(file)
  await verify(deps, source, head, signingKeys())
  const reader = readTakeaways()
  let from: number | undefined
  try {
    for await (const page of source.pages()) {
      from ??= await findFork(database, page)
      if (from !== undefined) {
        for (const leaf of page.leaves.filter(({ sequence }) => sequence >= from!)) {
          if (leaf.stored === undefined) reader.skip(1)
          else reader.add(leaf.stored.body)
        }
      }
      onProgress({ done: source.end + page.to, total: 2 * source.end })
    }
  } catch (error) {
    throw explainFile(file, error)
  }
  if (from === 0)
    throw new LogNotApplicable('the file is not the log of this database: they differ from the first event on.')
  return { origin: head.origin, size: source.end, from: from ?? source.end, takeaways: reader.takeaways }
}

function hashOf({ stored, hash }: LoggedLeaf): Buffer | undefined {
  return stored === undefined ? hash : hashLeaf(Buffer.from(stored.body))
}

async function openLog(file: string): Promise<LogSource> {
  return openLogOfFile(file).catch((error) => {
    throw explainFile(file, error)
  })
}

function explainFile(file: string, error: unknown): unknown {
  if (error instanceof LogFileError) return new LogNotApplicable(`${error.message}.`)
  const { syscall, code } = error as NodeJS.ErrnoException
  return syscall === undefined ? error : new LogNotApplicable(`${file} cannot be read (${code}).`)
}

/** @throws {LogNotApplicable} */
async function verify(
  { onProgress }: ReadNewerLogDeps,
  source: LogSource,
  { origin }: LogHead,
  signingKeys: readonly LogKey[],
): Promise<void> {
  const result = await verifyLog(source, {
    keys: signingKeys.map(({ secret }) => noteVerifier(origin, createPublicKey(secret))),
    checkpoints: [],
    receipts: [],
    onProgress: ({ done, total }) => onProgress({ done, total: 2 * total }),
  }).catch((error) => {
    throw explainFile('the file', error)
  })
  if (source.head === null)
    throw new LogNotApplicable('the file ends without a checkpoint: make it with "audit export".')
  if (result.origin !== origin) {
    throw new LogNotApplicable(`the file is the log ${result.origin}, and this database's is ${origin}.`)
  }
  const wrong = result.findings.filter(({ code }) => !IS_NO_HINDRANCE.has(code))
  if (wrong.length > 0) {
    const named = wrong.slice(0, MOST_FINDINGS_NAMED).map(({ code, detail }) => `${code}: ${detail}`)
    throw new LogNotApplicable(`the file does not verify. ${named.join('; ')}.`)
  }
}

/** The first leaf of the page that the database lacks or has with another hash; undefined when it has them all. */
async function findFork(database: Database, { leaves }: LogPage): Promise<number | undefined> {
  const [first, last] = [leaves[0], leaves.at(-1)]
  if (first === undefined || last === undefined) return undefined
  const stored = await selectLeafHashes(database, first.sequence, last.sequence)
  return leaves.find((leaf) => {
    const hash = hashOf(leaf)
    // If hashes of leaves were dropped, those above them have been compared.
    return hash !== undefined && stored.get(leaf.sequence)?.equals(hash) !== true
  })?.sequence
}
