import { type Alert, createNewsAlert } from '../alert.ts'
import type { Queryable } from '../database/database.ts'
import { Problem } from '../problem.ts'
import type { EventBook } from './audit-event.ts'
import { EVENT_DOMAIN } from './event-book.ts'
import { differingColumns, membersOf } from './event-columns.ts'
import type { EventRow } from './event-row-store.ts'
import { type PlacedEvent, selectMigrations } from './log-store.ts'
import { hashLeaf } from './merkle.ts'
import { type FindState, readUnvouched } from './vouch.ts'

/** Whether the vault has made a MAC over that text, under a key that may still be asked. @throws {Problem} sealed */
export type VerifyEventMac = (domain: string, text: string, mac: Uint8Array) => Promise<boolean>

export interface AuthenticityDeps {
  book: Pick<EventBook, 'recall'>
  verifyMac: VerifyEventMac
  findState: FindState
  /** Whether the events that an earlier version has left without MACs were taken in. @throws {Problem} sealed */
  areAccepted: () => boolean
  alert: Alert
}

/** What a row turns out to be. `unknown` is one that waits for its leaf where there are no keys to look at its MAC with. */
export type Judgement = 'authentic' | 'forged' | 'unknown'

/** Tells events that the vault made from others. Of one that it did not make it raises the alert, once. */
export interface EventAuthenticity {
  /** Whether the vault made this one, which waits for its leaf. @throws {Problem} sealed */
  isOfVault(event: PlacedEvent, db: Queryable): Promise<boolean>
  /**
   * Whether a row is what the vault has written: its leaf is the hash of it, or its MAC shows it while it waits for a leaf; and
   * what stands beside the body repeats it.
   */
  judge(row: EventRow, db: Queryable): Promise<Judgement>
  /** Those rows that are authentic, in their order, each event once. */
  pick<Row extends EventRow>(rows: readonly Row[], db: Queryable): Promise<Row[]>
  /** Raises the alert for what other ways have found not to be the vault's. */
  tellForged(events: readonly string[]): void
}

export function createEventAuthenticity({
  book,
  verifyMac,
  findState,
  areAccepted,
  alert,
}: AuthenticityDeps): EventAuthenticity {
  const news = createNewsAlert(alert)
  /** What events of the vault say that were found to be its own, with their positions: one names hundreds. */
  const accepted: { position: number; events: ReadonlySet<string> }[] = []
  const tell = (event: string) => news(event, 'audit-forged', { event })

  async function isMade(id: string, body: string, mac: Buffer): Promise<boolean> {
    // An event that was copied under another id has a good MAC. In front of the caller's id there is a brace.
    return body.includes(`,"id":"${id}",`) && (await verifyMac(EVENT_DOMAIN, body, mac))
  }

  /** Whether it was there before events had MACs: then the event that says so comes after it. */
  async function isAccepted(id: string, position: number, db: Queryable): Promise<boolean> {
    const isNamed = accepted.some((one) => one.position >= position && one.events.has(id))
    if (isNamed) return true
    for (const { event, body, mac, ...one } of await selectMigrations(db, position, id)) {
      if (mac === null || !(await isMade(event, body, mac))) continue
      const { events = [] } = JSON.parse(body) as { events?: readonly string[] }
      accepted.push({ position: one.position, events: new Set(events) })
      if (events.includes(id)) return true
    }
    return false
  }

  /** Of an event without a MAC. */
  async function isTaken(id: string, body: string, position: number, db: Queryable): Promise<boolean> {
    const unvouched = readUnvouched(body, position)
    if (unvouched !== undefined && body.includes(`,"id":"${id}",`)) return findState(db, unvouched)
    return isAccepted(id, position, db)
  }

  async function judgeBody(row: EventRow, db: Queryable): Promise<Judgement> {
    const { id, body, mac, position, leaf } = row
    if (leaf !== null) return hashLeaf(Buffer.from(body)).equals(leaf) ? 'authentic' : 'forged'
    try {
      // Until they were taken in, which is once, all that have no MAC are of an earlier version.
      const isEarlier = mac === null && !areAccepted()
      const isOurs = isEarlier || (await (mac === null ? isTaken(id, body, position, db) : isMade(id, body, mac)))
      return isOurs ? 'authentic' : 'forged'
    } catch (error) {
      if (error instanceof Problem && error.code === 'sealed') return 'unknown'
      throw error
    }
  }

  const authenticity: EventAuthenticity = {
    async isOfVault({ event, position, body, mac }, db) {
      if (body === null) return false
      if (mac !== null && book.recall(event, body, mac)) return true
      if (await (mac === null ? isTaken(event, body, position, db) : isMade(event, body, mac))) return true
      tell(event)
      return false
    },
    async judge(row, db) {
      const members = membersOf(row.body)
      const isRepeated = members !== undefined && differingColumns(row, members).length === 0
      const judgement = isRepeated ? await judgeBody(row, db) : 'forged'
      if (judgement === 'forged') tell(row.id)
      return judgement
    },
    async pick(rows, db) {
      const picked = new Map<string, (typeof rows)[number]>()
      for (const row of rows) {
        if ((await authenticity.judge(row, db)) !== 'authentic') continue
        // Where the primary key was taken away there may be two of an event.
        if (picked.has(row.id)) tell(row.id)
        else picked.set(row.id, row)
      }
      return [...picked.values()]
    },
    tellForged(events) {
      for (const event of events) tell(event)
    },
  }
  return authenticity
}
