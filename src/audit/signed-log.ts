import type { Queryable } from '../database/database.ts'
import type { VerifyEventMac } from './event-authenticity.ts'
import { EVENT_DOMAIN } from './event-book.ts'
import { LogChanged, readLogEnd } from './log-end.ts'
import type { LogKey } from './log-key.ts'
import { selectTile } from './log-store.ts'
import { hashLeaf, includes, inclusionProof, type ReadSubtree, rangeRoot } from './merkle.ts'
import { subtreesOfTiles } from './tile.ts'

/** Reads the subtrees of the log as it was at that size. What is not stored any more gives another hash. */
export function readTree(db: Queryable, size: number): ReadSubtree {
  return subtreesOfTiles((tile) => selectTile(db, tile), size)
}

/** Whether the log in the database had that root at that size. @param headSize how many leaves it has now */
export async function containsRoot(db: Queryable, headSize: number, size: number, root: Uint8Array): Promise<boolean> {
  return size <= headSize && (await rangeRoot(readTree(db, size), 0, size)).equals(root)
}

/** An event as it is stored. */
export interface StoredEvent {
  id: string
  body: string
  mac: Buffer | null
  /** The number of its leaf; null while it waits for its place. */
  sequence: number | null
}

export interface ProveEventDeps {
  verifyMac: VerifyEventMac
  /** All keys that may have signed the log. */
  keys: { all(): readonly LogKey[] }
}

/** Whether the vault made an event: its MAC says so, or it is in the tree that the vault has signed. @throws {Problem} sealed */
export type IsProven = (db: Queryable, event: StoredEvent) => Promise<boolean>

export function createIsProven({ verifyMac, keys }: ProveEventDeps): IsProven {
  async function isInSignedTree(db: Queryable, sequence: number, leaf: Buffer): Promise<boolean> {
    try {
      const head = (await readLogEnd(db, keys.all(), undefined))?.head
      if (head === undefined || sequence >= head.size) return false
      return includes(head, sequence, leaf, await inclusionProof(readTree(db, head.size), sequence, head.size))
    } catch (error) {
      if (error instanceof LogChanged) return false
      throw error
    }
  }

  return async (db, { id, body, mac, sequence }) => {
    // The MAC of an event that was copied under another id is good. In front of the caller's id there is a brace.
    if (!body.includes(`,"id":"${id}",`)) return false
    if (mac !== null && (await verifyMac(EVENT_DOMAIN, body, mac))) return true
    return sequence !== null && (await isInSignedTree(db, sequence, hashLeaf(Buffer.from(body))))
  }
}
