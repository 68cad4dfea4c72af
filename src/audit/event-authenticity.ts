import { type Alert, createNewsAlert } from '../alert.ts'
import type { Queryable } from '../database/database.ts'
import type { EventBook } from './audit-event.ts'
import { EVENT_DOMAIN } from './event-book.ts'
import { type PlacedEvent, selectMigrations } from './log-store.ts'
import { type FindState, readUnvouched } from './vouch.ts'

/** Whether the vault has made a MAC over that text, under a key that may still be asked. @throws {Problem} sealed */
export type VerifyEventMac = (domain: string, text: string, mac: Uint8Array) => Promise<boolean>

export interface AuthenticityDeps {
  book: Pick<EventBook, 'recall'>
  verifyMac: VerifyEventMac
  findState: FindState
  alert: Alert
}

/** Tells events that the vault made from others. */
export interface EventAuthenticity {
  /** Whether the vault made this one; if not, it says so once. @throws {Problem} sealed */
  isOfVault(event: PlacedEvent, db: Queryable): Promise<boolean>
}

export function createEventAuthenticity({ book, verifyMac, findState, alert }: AuthenticityDeps): EventAuthenticity {
  const tell = createNewsAlert(alert)

  async function isMade(id: string, body: string, mac: Buffer): Promise<boolean> {
    // An event that was copied under another id has a good MAC. In front of the caller's id there is a brace.
    if (!body.includes(`,"id":"${id}",`)) return false
    return book.recall(id, body, mac) || (await verifyMac(EVENT_DOMAIN, body, mac))
  }

  /** Whether it was there before events had MACs: then the event that says so comes after it. */
  async function isAccepted(id: string, position: number, db: Queryable): Promise<boolean> {
    for (const { event, body, mac } of await selectMigrations(db, position)) {
      if (mac === null || !(await isMade(event, body, mac))) continue
      const { events } = JSON.parse(body) as { events?: readonly string[] }
      if (events?.includes(id)) return true
    }
    return false
  }

  /** Of an event without a MAC. */
  async function isTaken(id: string, body: string, position: number, db: Queryable): Promise<boolean> {
    const unvouched = readUnvouched(body, position)
    if (unvouched !== undefined && body.includes(`,"id":"${id}",`)) return findState(db, unvouched)
    return isAccepted(id, position, db)
  }

  return {
    async isOfVault({ event, position, body, mac }, db) {
      if (body === null) return false
      if (await (mac === null ? isTaken(event, body, position, db) : isMade(event, body, mac))) return true
      tell(event, 'audit-forged', { event })
      return false
    },
  }
}
