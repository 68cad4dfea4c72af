import { type Alert, createNewsAlert } from '../alert.ts'
import type { Queryable } from '../database/database.ts'
import type { EventBook } from './audit-event.ts'
import { EVENT_DOMAIN } from './event-book.ts'
import type { PlacedEvent } from './log-store.ts'
import { nameEvent } from './named-event.ts'
import { type FindState, type KeepProven, type OtherEvent, readWithoutMac } from './vouch.ts'
import { selectMigrations } from './waiting-store.ts'

/** Whether the vault has made a MAC over that text, under a key that may still be asked. @throws {Problem} sealed */
export type VerifyEventMac = (domain: string, text: string, mac: Uint8Array) => Promise<boolean>

export interface AuthenticityDeps {
  book: Pick<EventBook, 'recall'>
  verifyMac: VerifyEventMac
  findState: FindState
  alert: Alert
}

/** Whether an event is the vault's; `unproven` is one that a command without keys may have written, or somebody else. */
export type Verdict = 'of-vault' | 'unproven' | 'forged'

/** Tells events that the vault made from others. */
export interface EventAuthenticity {
  /** Of one that was forged it says so once. @throws {Problem} sealed */
  judge(event: PlacedEvent, db: Queryable): Promise<Verdict>
}

/** So many events of commands without keys are remembered: more do not wait for their place at a time. */
const MOST_VOUCHED = 5_000

export function createEventAuthenticity({ book, verifyMac, findState, alert }: AuthenticityDeps): EventAuthenticity {
  const tell = createNewsAlert(alert)
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

  /** Whether it was there before events had MACs: then the event that says so comes after it. */
  async function isAccepted(event: PlacedEvent, db: Queryable): Promise<boolean> {
    for (const { event: id, body, mac } of await selectMigrations(db, event.position)) {
      if (mac === null || !(await isMade(id, body, mac))) continue
      const { events } = JSON.parse(body) as { events?: readonly string[] }
      if (events?.includes(nameEvent(event))) return true
    }
    return false
  }

  async function judgeWithoutMac(event: PlacedEvent, body: string, db: Queryable): Promise<Verdict> {
    const read = readWithoutMac(event.event, body, event.position)
    const isVouched = read !== undefined && read !== 'unproven' && (await findState(db, read, keepProven))
    if (isVouched) {
      vouched.set(event.event, body)
      if (vouched.size > MOST_VOUCHED) vouched.delete(vouched.keys().next().value!)
      return 'of-vault'
    }
    if (await isAccepted(event, db)) return 'of-vault'
    return read === 'unproven' ? 'unproven' : 'forged'
  }

  async function find(event: PlacedEvent, db: Queryable): Promise<Verdict> {
    const { event: id, body, mac } = event
    if (body === null) return 'forged'
    if (mac === null) return judgeWithoutMac(event, body, db)
    if (!isOf(id, body)) return 'forged'
    return book.recall(id, body, mac) || (await isMade(id, body, mac)) ? 'of-vault' : 'forged'
  }

  return {
    async judge(event, db) {
      const verdict = await find(event, db)
      if (verdict === 'forged') tell(event.event, 'audit-forged', { event: event.event })
      return verdict
    },
  }
}

/** Whether an event says that it is the one of that id. In front of the caller's id there is a brace. */
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
