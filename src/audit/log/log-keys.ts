import type { KeyObject } from 'node:crypto'
import { createPublicKey } from 'node:crypto'
import type { Database, Queryable } from '../../database/database.ts'
import { formatVerifierKey, isSignedBy, noteVerifier, parseNote } from '../formats/signed-note.ts'
import { selectHead } from './log-store.ts'

/** What verifies the checkpoints that a key of the vault has signed. */
export interface LogKeyReport {
  key: string
  /** In the form of C2SP signed-note and Go's sumdb/note. */
  verifier_key: string
  /** Whether it has signed the latest checkpoint. */
  current: boolean
}

/** The verifier keys of the log, oldest first. @param origin the log's name, as long as there is none yet */
export async function listLogKeys(
  database: Database,
  keys: readonly LogKey[],
  origin: string,
): Promise<LogKeyReport[]> {
  const head = await selectHead(database)
  return keys
    .map(({ id, secret }) => {
      const verifier = noteVerifier(head?.origin ?? origin, createPublicKey(secret))
      const current = head !== undefined && isSignedBy(parseNote(head.note), verifier)
      return { key: id, verifier_key: formatVerifierKey(verifier), current }
    })
    .sort((one, other) => (one.key < other.key ? -1 : 1))
}

/**
 * Whether that key signed the latest checkpoint. The log continues from there, and only the key shows that it is the
 * vault's.
 */
export async function hasSignedLast(db: Queryable, { secret }: LogKey): Promise<boolean> {
  const head = await selectHead(db)
  return head !== undefined && isSignedBy(parseNote(head.note), noteVerifier(head.origin, createPublicKey(secret)))
}

/** An Ed25519 key that signs checkpoints. */
export interface LogKey {
  id: string
  /** The private key. */
  secret: KeyObject
}
