import type { Queryable } from '../../database/database.ts'
import { type Alert, createNewsAlert } from '../../observability/alert.ts'
import { Problem } from '../../values/problem.ts'
import type { EventBook } from '../event/audit-event.ts'
import { EVENT_DOMAIN } from '../event/event-book.ts'
import { differingColumns, membersOf } from '../event/event-columns.ts'
import type { EventRow } from '../event/event-row-store.ts'
import { type FindState, type KeepProven, type OtherEvent, readWithoutMac } from '../event/vouch.ts'
import { hashLeaf } from '../formats/merkle.ts'
import type { PlacedEvent } from './log-store.ts'

/** Whether the vault has made a MAC over that text, under a key that may still be asked. @throws {Problem} sealed */
export type VerifyEventMac = (domain: string, text: string, mac: Uint8Array) => Promise<boolean>

export interface AuthenticityDeps {
  book: Pick<EventBook, 'recall'>
  verifyMac: VerifyEventMac
  findState: FindState
  alert: Alert
}

/** The verdict on a row. `unknown`: it waits for its leaf, and nothing shows whether the vault wrote it. */
type Judgement = 'authentic' | 'forged' | 'unknown'

/**
 * Whether an event is the vault's; `unproven` is one that a command without keys, or someone else, may have written.
 */
export type Verdict = 'of-vault' | 'unproven' | 'forged'

/** Tells the vault's own events from others. Another event raises the alert once. */
export interface EventAuthenticity {
  /** Whether the vault made this one, which waits for its leaf. @throws {Problem} sealed */
  judgePlaced(event: PlacedEvent, db: Queryable): Promise<Verdict>
  /**
   * Whether a row is what the vault wrote: its leaf is its hash, or its MAC proves it while it waits for a leaf; and
   * its columns repeat the body.
   */
  judge(row: EventRow, db: Queryable): Promise<Judgement>
  /** Those rows that are authentic, in their order, each event once. */
  pick<Row extends EventRow>(rows: readonly Row[], db: Queryable): Promise<Row[]>
  /** Raises the alert for a row that was found elsewhere not to be the vault's. */
  tellForged(events: readonly string[]): void
}

/** How many events of commands without keys are remembered. No more wait for their place at a time. */
const MOST_VOUCHED = 5_000

export function createEventAuthenticity({ book, verifyMac, findState, alert }: AuthenticityDeps): EventAuthenticity {
  const news = createNewsAlert(alert)
  const tell = (event: string) => news(event, 'audit-forged', { event })
  /** By their ids the bodies that were vouched for, which may have no leaf yet. */
  const vouched = new Map<string, string>()

  const isMade = (id: string, body: string, mac: Buffer) => isMadeAs(verifyMac, { id, body, mac })

  async function isProven({ id, body, mac, isLogged }: OtherEvent): Promise<boolean> {
    return isLogged || vouched.get(id) === body || (mac !== null && (await isMade(id, body, mac)))
  }

  const keepProven: KeepProven = async (events) => {
    const proven = await Promise.all(events.map(isProven))
    return events.filter((_, at) => proven[at])
  }

  async function judgeWithoutMac(event: PlacedEvent, body: string, db: Queryable): Promise<Verdict> {
    const read = readWithoutMac(event.event, body, event.position)
    const isVouched = read !== undefined && read !== 'unproven' && (await findState(db, read, keepProven))
    if (isVouched) {
      vouched.set(event.event, body)
      if (vouched.size > MOST_VOUCHED) vouched.delete(vouched.keys().next().value!)
      return 'of-vault'
    }
    return read === 'unproven' ? 'unproven' : 'forged'
  }

  async function find(event: PlacedEvent, db: Queryable): Promise<Verdict> {
    const { event: id, body, mac } = event
    if (body === null) return 'forged'
    if (mac === null) return judgeWithoutMac(event, body, db)
    return (await isMade(id, body, mac)) ? 'of-vault' : 'forged'
  }

  async function judgeBody(row: EventRow, db: Queryable): Promise<Judgement> {
    const { id, body, mac, position, leaf } = row
    const hash = hashLeaf(Buffer.from(body))
    if (leaf !== null) return hash.equals(leaf) ? 'authentic' : 'forged'
    try {
      return JUDGEMENT_OF[await find({ event: id, position, hash, body, mac, isSequenced: false }, db)]
    } catch (error) {
      if (error instanceof Problem && error.code === 'sealed') return 'unknown'
      throw error
    }
  }

  const authenticity: EventAuthenticity = {
    async judgePlaced(event, db) {
      const { event: id, body, mac } = event
      // The MAC of an event of this process need not be computed again.
      if (body !== null && mac !== null && isOf(id, body) && book.recall(id, body, mac)) return 'of-vault'
      const verdict = await find(event, db)
      if (verdict === 'forged') tell(id)
      return verdict
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
        // If the primary key was removed, there may be two rows of an event.
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

const JUDGEMENT_OF = { 'of-vault': 'authentic', unproven: 'unknown', forged: 'forged' } as const

/** Whether the body of an event has that id. The caller's id is in an inner object, after a brace. */
export function isOf(id: string, body: string): boolean {
  return body.includes(`,"id":"${id}",`)
}

/** Whether the MAC beside an event is the vault's. One that was copied under another id has a good MAC. @throws {Problem} sealed */
export async function isMadeAs(
  verifyMac: VerifyEventMac,
  { id, body, mac }: { id: string; body: string; mac: Buffer },
): Promise<boolean> {
  return isOf(id, body) && (await verifyMac(EVENT_DOMAIN, body, mac))
}
