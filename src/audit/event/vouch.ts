import type { Queryable } from '../../database/database.ts'

/**
 * What is done without keys too, since it takes access away or is on the way to the keys. Its event says `vouched`, and comes
 * into the log when a server with keys finds the state that it describes. Each state vouches for one event.
 */
const vouchedTypes = ['client.revoke', 'staff.disable', 'partner.end', 'root-key.share'] as const
export type VouchedType = (typeof vouchedTypes)[number]

export function isVouchedType(type: string): type is VouchedType {
  return vouchedTypes.some((one) => one === type)
}

/**
 * Looks at what needs no keys, and commands that failed: they leave no state, and somebody who can write to the database can
 * look without an event and claim to have looked. Their events say `unproven` and stay out of the log; an `audit.unproven` event
 * names them.
 */
const unprovenTypes = ['audit.read', 'access.review', 'access.explain', 'request.refuse']

function isUnprovenType(type: string, caller: string | null): boolean {
  // Of refusals it is the operator's commands that failed.
  return unprovenTypes.includes(type) && (type !== 'request.refuse' || caller?.startsWith('operator:') === true)
}

/** Whether an event may be written without keys. */
export function needsNoMac({ type, caller }: { type: string; caller: string | null }): boolean {
  return isVouchedType(type) || isUnprovenType(type, caller)
}

/** What such an event says, and no more: somebody may have added to it. */
const MEMBERS =
  'account at caller code count format id outcome partner purpose route site source subject token type unproven vouched'.split(
    ' ',
  )

/** An event that was written without keys, and may describe a state. */
export interface Unvouched {
  id: string
  type: VouchedType
  subject: string
  /** The time that it says. */
  at: Date
  /** When it was inserted. */
  position: number
}

/** An event that the log or a MAC shows to be the vault's, or that was vouched for. */
interface ProvenEvent {
  type: string
  /** Whether it was inserted later than the one that is asked about. */
  isLater: boolean
}

/** Another event, before anything shows that it is the vault's. */
export interface OtherEvent extends ProvenEvent {
  id: string
  body: string
  mac: Buffer | null
  /** Whether the log has it as it is. */
  isLogged: boolean
}

/** Keeps those that are proven, in their order. @throws {Problem} sealed */
export type KeepProven = (events: readonly OtherEvent[]) => Promise<ProvenEvent[]>

/** Whether the state is there that the event describes, or was until the vault itself has ended it, and no other event describes it. */
export type FindState = (db: Queryable, event: Unvouched, keepProven: KeepProven) => Promise<boolean>

/** What an event was written for without keys: `undefined` for one that nobody may write without. */
export function readWithoutMac(id: string, body: string, position: number): Unvouched | 'unproven' | undefined {
  const members = parse(body)
  if (members === undefined || Object.keys(members).some((name) => !MEMBERS.includes(name))) return undefined
  const { type, subject, vouched, unproven, at } = members
  if (members.id !== id || typeof type !== 'string') return undefined
  if (isVouchedType(type)) {
    if (vouched !== true || unproven !== undefined || typeof subject !== 'string' || typeof at !== 'string')
      return undefined
    if ('token' in members || idOf(members.caller)?.startsWith('operator:') !== true) return undefined
    return { id, type, subject, at: new Date(at), position }
  }
  const isMarked = unproven === true && vouched === undefined
  return isMarked && isUnprovenType(type, idOf(members.caller)) ? 'unproven' : undefined
}

/** Undefined for what is not written as the vault writes. */
function parse(body: string): Record<string, unknown> | undefined {
  try {
    const members: unknown = JSON.parse(body)
    const isObject = typeof members === 'object' && members !== null && !Array.isArray(members)
    return isObject && JSON.stringify(members) === body ? (members as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function idOf(caller: unknown): string | null {
  const id = typeof caller === 'object' && caller !== null && 'id' in caller ? caller.id : undefined
  return typeof id === 'string' ? id : null
}
