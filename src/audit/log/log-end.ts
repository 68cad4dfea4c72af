import { createPublicKey } from 'node:crypto'
import type { Queryable } from '../../database/database.ts'
import { VaultError } from '../../values/vault-error.ts'
import { parseCheckpoint } from '../formats/checkpoint.ts'
import { isSignedBy, NoteError, noteVerifier } from '../formats/signed-note.ts'
import { TILE_WIDTH } from '../formats/tile.ts'
import { rootOfEdge, type TreeEdge } from '../formats/tree-edge.ts'
import { countLeaves, findLastStored, selectChangedEvents } from './log-end-store.ts'
import type { LogKey } from './log-keys.ts'
import { type LogHead, selectEdge, selectHead } from './log-store.ts'

/** The log in the database is not the one that the vault signed. The vault signs nothing on top of it. */
export class LogChanged extends VaultError {
  override readonly name = 'LogChanged'
}

/** How much of the log one process has seen. */
export type SeenLog = Pick<LogHead, 'size' | 'root'>

export interface LogEnd {
  head: LogHead
  /** The id of the key that has signed the head. */
  signer: string
  edge: TreeEdge
}

/**
 * Reads the end of the log and compares it with what was signed: a key of the vault signed the head, the head is no
 * older than what this process has seen, the leaves at the end give its root, and nothing follows it. Undefined if
 * there is no log yet.
 *
 * @param keys all keys that may have signed
 * @throws {LogChanged}
 */
export async function readLogEnd(
  db: Queryable,
  keys: readonly LogKey[],
  seen: SeenLog | undefined,
): Promise<LogEnd | undefined> {
  const head = await selectHead(db)
  const last = await findLastStored(db)
  if (head === undefined) {
    const isEmpty = seen === undefined && last.leaf === null && last.kept === null && last.tile === null
    if (!isEmpty) throw new LogChanged('the head of the log is gone')
    return undefined
  }
  const signer = requireSignedHead(head, keys)
  requireNoStepBack(head, seen)
  const edge = await selectEdge(db, head.size)
  if (!rootOfEdge(edge).equals(head.root)) {
    throw new LogChanged(`the leaves at the end of the log do not give the root that was signed at ${head.size} leaves`)
  }
  const leaves = (last.leaf ?? -1) + 1
  if (leaves > head.size || (last.kept ?? 0) > head.size) {
    const most = Math.max(leaves, last.kept ?? 0)
    throw new LogChanged(`the head of the log was put back to ${head.size} leaves: there were ${most}`)
  }
  if (leaves < head.size) throw new LogChanged(`the log ends after ${leaves} leaves, and ${head.size} were signed`)
  if ((last.tile ?? -1) >= Math.floor(head.size / TILE_WIDTH)) {
    throw new LogChanged(`hashes of more than the ${head.size} leaves that were signed are stored`)
  }
  return { head, signer, edge }
}

/**
 * How many leaves the log has, as a key of the vault signed it. Nothing else makes it longer. 0 if there is no log yet.
 *
 * @throws {LogChanged}
 */
export async function readSignedSize(db: Queryable, keys: readonly LogKey[]): Promise<number> {
  const head = await selectHead(db)
  if (head === undefined) return 0
  requireSignedHead(head, keys)
  return head.size
}

/** Whether every event from that leaf on is still in the log, as it was hashed. */
export async function isIntactFrom(db: Queryable, keys: readonly LogKey[], from: number): Promise<boolean> {
  try {
    const size = await readSignedSize(db, keys)
    if (size < from || (await countLeaves(db, from, size)) < size - from) return false
    return (await selectChangedEvents(db, from, size)).length === 0
  } catch (error) {
    if (error instanceof LogChanged) return false
    throw error
  }
}

/** Answers with the id of the key that has signed it. @throws {LogChanged} */
export function requireSignedHead(head: LogHead, keys: readonly LogKey[]): string {
  const { origin, size, root, note } = parseHead(head)
  if (origin !== head.origin || size !== head.size || !root.equals(head.root)) {
    throw new LogChanged('the head of the log is not what its checkpoint says')
  }
  const signer = keys.find(({ secret }) => isSignedBy(note, noteVerifier(origin, createPublicKey(secret))))
  if (signer === undefined) throw new LogChanged('the latest checkpoint was signed by no key of this vault')
  return signer.id
}

/** @throws {LogChanged} */
function parseHead({ note }: LogHead): ReturnType<typeof parseCheckpoint> {
  try {
    return parseCheckpoint(note)
  } catch (error) {
    if (!(error instanceof NoteError)) throw error
    throw new LogChanged('the latest checkpoint cannot be read')
  }
}

/** @throws {LogChanged} */
function requireNoStepBack(head: LogHead, seen: SeenLog | undefined): void {
  if (seen === undefined || head.size > seen.size) return
  if (head.size < seen.size) throw new LogChanged(`the log was put back from ${seen.size} leaves to ${head.size}`)
  if (!head.root.equals(seen.root)) throw new LogChanged(`there are two logs of ${head.size} leaves`)
}
