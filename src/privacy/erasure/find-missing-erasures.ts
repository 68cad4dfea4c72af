import { hash } from 'node:crypto'
import { type OutsideCheckpoint, selectAnsweredRoots } from '../../audit/witness/outside-store.ts'
import type { Queryable } from '../../database/database.ts'
import type { VaultLedger } from './erasure-ledger.ts'
import { findKept } from './erasure-store.ts'
import { LedgerFileError, readLines, sizeOf } from './ledger-file.ts'
import { hashOfToken, type LedgerLine, parseLine } from './ledger-line.ts'

export interface FindMissingDeps {
  database: Queryable
  files: readonly string[]
  ledger: Pick<VaultLedger, 'originOf'>
  /** Says that a file cannot be read back. */
  log: (facts: { target: string; reason: string }, message: string) => void
}

/** A line that was read outside. */
export interface ReadLine extends LedgerLine {
  text: string
}

/**
 * Makes a look at the ledger outside. It finds the lines of this vault that the database does not know, or whose record is
 * there again: the database was put back. A line under a key that the database does not know counts, since the key may be
 * later than the backup.
 *
 * @returns a function that takes whether everything is read again; otherwise it reads what was added
 */
export function createFindMissing({ database, files, ledger, log }: FindMissingDeps) {
  const ends = new Map<string, number>()

  async function lookAt(file: string, isThorough: boolean): Promise<OutsideCheckpoint[]> {
    const known = isThorough ? 0 : (ends.get(file) ?? 0)
    // A shorter file is another one.
    const from = (await sizeOf(file)) < known ? 0 : known
    const missing: OutsideCheckpoint[] = []
    for await (const { lines, end } of readLines(file, from)) {
      for (const line of await missingFrom(database, readAll(lines))) {
        if (ledger.originOf(line) === 'foreign') continue
        missing.push({ size: 0, root: rootOf(line), note: line.text, source: file })
      }
      ends.set(file, end)
    }
    return missing
  }

  return async (isThorough: boolean): Promise<OutsideCheckpoint[]> => {
    const found: OutsideCheckpoint[] = []
    for (const file of files) {
      try {
        found.push(...(await lookAt(file, isThorough)))
      } catch (error) {
        if (!(error instanceof LedgerFileError)) throw error
        log({ target: file, reason: error.message }, 'the ledger of erasures cannot be read back')
      }
    }
    return found
  }
}

/**
 * How many lines of a vault the database lacks, where no row says that an operator has answered for them. Without keys: signatures are
 * not looked at. A file that cannot be read counts nothing.
 *
 * @param vault undefined for the lines of any vault
 */
export async function countMissing(database: Queryable, files: readonly string[], vault?: string): Promise<number> {
  const found = new Set<string>()
  for (const file of files) {
    try {
      for await (const { lines } of readLines(file, 0)) {
        const ours = readAll(lines).filter((line) => vault === undefined || line.vault === vault)
        const roots = (await missingFrom(database, ours)).map(rootOf)
        for (const name of await unanswered(database, roots)) found.add(name)
      }
    } catch (error) {
      if (!(error instanceof LedgerFileError)) throw error
    }
  }
  return found.size
}

/** Those of these lines, by their roots in hexadecimal, where no row says that an operator has answered for them. */
export async function unanswered(database: Queryable, roots: readonly Buffer[]): Promise<Set<string>> {
  const answered = await selectAnsweredRoots(database, 0, roots)
  const names = new Set(roots.map((root) => root.toString('hex')))
  return names.difference(new Set(answered.map((root) => root.toString('hex'))))
}

/**
 * What a line is known by among the checkpoints outside: SHA-256 of all of it. A signature is in it, so that no row can be
 * there before the line.
 */
export function rootOf({ text }: Pick<ReadLine, 'text'>): Buffer {
  return hash('sha256', text, 'buffer')
}

/** The lines among these texts. */
export function readAll(texts: readonly string[]): ReadLine[] {
  return texts.flatMap((text) => {
    const line = parseLine(text)
    return line === undefined ? [] : [{ ...line, text }]
  })
}

/** How many hashes are compared in a statement. */
const AT_A_TIME = 2_000

/** Those lines whose erasure this database neither has done nor postpones. */
export async function missingFrom<Line extends Pick<LedgerLine, 'tokenHash'>>(
  db: Queryable,
  lines: readonly Line[],
): Promise<Line[]> {
  const missing: Line[] = []
  for (let at = 0; at < lines.length; at += AT_A_TIME) {
    const some = lines.slice(at, at + AT_A_TIME)
    const rows = await findKept(
      db,
      some.map(({ tokenHash }) => tokenHash),
    )
    // A row that names another record proves nothing.
    const kept = new Set(
      rows.filter((row) => hashOfToken(row.token).equals(row.token_hash)).map((row) => row.token_hash.toString('hex')),
    )
    missing.push(...some.filter(({ tokenHash }) => !kept.has(tokenHash.toString('hex'))))
  }
  return missing
}
