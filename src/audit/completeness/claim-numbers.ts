import type { Database } from '../../database/database.ts'
import type { Alert } from '../../observability/alert.ts'
import type { EventBook } from '../event/audit-event.ts'
import { insertClaim, updateClaim } from '../event/claim-store.ts'

export interface ClaimNumbersDeps {
  database: Database
  book: EventBook
  alert: Alert
}

/**
 * Writes into the database how far this process has numbered its events, so that its last ones are missed like any
 * other: every few seconds while it makes events, and when it ends. For a process that was killed its last claim
 * counts.
 */
export function claimNumbers({ database, book, alert }: ClaimNumbersDeps) {
  let stored: Buffer | undefined

  async function store(isClosed: boolean): Promise<void> {
    // Without keys there is nothing to sign with, and no number was given. One that made no event has nothing to claim.
    if (book.isSealed || !book.isIntroduced) return
    const claim = book.sign(isClosed)
    // It differs under another key as well, so that the claim of an idle process outlives the key that it was made under.
    if (stored?.equals(claim.mac)) return
    if (!(await updateClaim(database, claim))) {
      alert('audit-missing', { process: claim.process, numbers: 'its claim' })
      await insertClaim(database, claim)
    }
    stored = claim.mac
  }

  return { tell: () => store(false), close: () => store(true) }
}
