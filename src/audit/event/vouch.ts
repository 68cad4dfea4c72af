import type { Queryable } from '../../database/database.ts'

/**
 * Commands that work without keys, because they take access away or bring the keys. Its event says `vouched`, and comes
 * into the log when a server with keys finds the state that it describes. Each state vouches for one event.
 */
const vouchedTypes = ['client.revoke', 'staff.disable', 'partner.end', 'root-key.share'] as const
export type VouchedType = (typeof vouchedTypes)[number]

export function isVouchedType(type: string): type is VouchedType {
  return vouchedTypes.some((one) => one === type)
}

/**
 * Reads that need no keys, and failed commands. They leave no state, and a person who can write to the database can
 * read without an event and claim to have read. Their events say `unproven` and stay out of the log; an
 * `audit.unproven` event names them.
 */
const unprovenTypes = ['audit.read', 'access.review', 'access.explain', 'request.refuse']

function isUnprovenType(type: string, caller: string | null): boolean {
  // Refusals of the operator's commands.
  return unprovenTypes.includes(type) && (type !== 'request.refuse' || caller?.startsWith('operator:') === true)
}

/** Whether an event may be written without keys. */
export function needsNoMac({ type, caller }: { type: string; caller: string | null }): boolean {
  return isVouchedType(type) || isUnprovenType(type, caller)
}

/** The members that such an event has. Any other may have been added by someone else. */
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
  /** Whether it was inserted later than the event in question. */
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

/** Keeps the proven ones, in their order. @throws {Problem} sealed */
export type KeepProven = (events: readonly OtherEvent[]) => Promise<ProvenEvent[]>

/**
 * Whether the state that the event describes exists, or existed until the vault itself ended it, and no other event
 * describes it.
 */
export type FindState = (db: Queryable, event: Unvouched, keepProven: KeepProven) => Promise<boolean>

/** What an event without keys describes; `undefined` for a type that may not be written without keys. */
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

/** Undefined for a form that the vault never writes. */
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
