import type { Database } from '../../database/database.ts'
import { Problem } from '../../values/problem.ts'
import { findLoggedEvent } from '../event/event-row-store.ts'
import { hashLeaf, includes, inclusionProof } from '../formats/merkle.ts'
import { subtreesOfTiles } from '../formats/tile.ts'
import type { EventAuthenticity } from './event-authenticity.ts'
import { selectHead, selectTile } from './log-store.ts'

/** What proves, without the vault, that an event is in the log. */
export interface Receipt {
  format: 1
  event: Record<string, unknown>
  /** The canonical text of the event (RFC 8785): the bytes of the leaf. */
  body: string
  /** The number of the leaf, from 0. */
  index: number
  /** The inclusion proof of RFC 9162, section 2.1.3, from the leaf up; base64. */
  proof: string[]
  /** The signed note that the proof leads to. */
  checkpoint: string
}

const PATIENCE_MS = 3_000
const LOOK_EVERY_MS = 100

/**
 * The receipt of an event. A new event waits for its place in the log.
 *
 * @param site only events of this site, and those of the whole vault; all if undefined
 * @throws {Problem} event-not-found, also for a dropped event, whose site is unknown, and for one that the vault did
 *   not write; log-pending if the log is behind; audit-log-changed if no proof leads to the checkpoint
 */
export async function giveReceipt(
  { database, authenticity }: { database: Database; authenticity: EventAuthenticity },
  site: string | undefined,
  id: string,
): Promise<Receipt> {
  const deadline = performance.now() + PATIENCE_MS
  while (true) {
    const logged = await findLoggedEvent(database, id)
    const isReadable = site === undefined || logged?.site === null || logged?.site === site
    // The site of an event counts only if the event is the vault's.
    const isOurs = logged !== undefined && (await authenticity.judge(logged, database)) === 'authentic'
    if (!isOurs || !isReadable) throw new Problem('event-not-found')
    const head = logged.sequence === null ? undefined : await selectHead(database)
    if (head !== undefined && logged.sequence !== null) {
      const { size, note } = head
      const read = subtreesOfTiles((tile) => selectTile(database, tile), size)
      const proof = await inclusionProof(read, logged.sequence, size)
      if (!includes(head, logged.sequence, hashLeaf(Buffer.from(logged.body)), proof))
        throw new Problem('audit-log-changed')
      return {
        format: 1,
        event: JSON.parse(logged.body),
        body: logged.body,
        index: logged.sequence,
        proof: proof.map((hash) => hash.toString('base64')),
        checkpoint: note,
      }
    }
    if (performance.now() > deadline) throw new Problem('log-pending')
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}
