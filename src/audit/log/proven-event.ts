import type { Queryable } from '../../database/database.ts'
import type { StoredEvent } from '../event/event-row-store.ts'
import { hashLeaf } from '../formats/merkle.ts'
import { isMadeAs, isOf, type VerifyEventMac } from './event-authenticity.ts'
import { LogChanged, requireSignedHead } from './log-end.ts'
import type { LogKey } from './log-keys.ts'
import { type LogHead, selectHead } from './log-store.ts'
import { createLeafProof } from './proven-leaf.ts'

export interface ProofKeys {
  verifyMac: VerifyEventMac
  /** All that may have signed the log. @throws {Problem} sealed */
  signingKeys: () => readonly LogKey[]
}

/** Whether the vault made an event. @throws {Problem} sealed */
export type IsProven = (db: Queryable, event: StoredEvent) => Promise<boolean>

export function createIsProven(keys: ProofKeys): IsProven {
  return (db, event) => isProven(db, event, keys)
}

/**
 * Whether the vault made an event: its MAC says so, or, since a key of events is destroyed after it was replaced, the leaf of that
 * very event is part of the tree that a key of the vault has signed (RFC 9162, section 2.1.3).
 *
 * @throws {Problem} sealed
 */
export async function isProven(db: Queryable, event: StoredEvent, keys: ProofKeys): Promise<boolean> {
  const { id, body, mac, sequence } = event
  if (mac !== null && (await isMadeAs(keys.verifyMac, { id, body, mac }))) return true
  if (sequence === null || !isOf(id, body)) return false
  const head = await selectHead(db)
  if (head === undefined || !isSigned(head, keys.signingKeys())) return false
  return createLeafProof(db, head).isLeaf(sequence, hashLeaf(Buffer.from(body)))
}

/** The watch over the end of the log reports what is wrong with the head. */
function isSigned(head: LogHead, keys: readonly LogKey[]): boolean {
  try {
    requireSignedHead(head, keys)
    return true
  } catch (error) {
    if (!(error instanceof LogChanged)) throw error
    return false
  }
}
