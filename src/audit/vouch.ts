import type { Queryable } from '../database/database.ts'

/**
 * What is done without keys too: it takes access away, is on the way to the keys, or looks at what needs none. Of a look there is
 * no state to be found: whoever can write to the database can look without an event, and claim to have looked.
 */
const vouchedTypes = [
  'client.revoke',
  'staff.disable',
  'partner.end',
  'root-key.share',
  'audit.read',
  'access.review',
  'access.explain',
  'request.refuse',
] as const
export type VouchedType = (typeof vouchedTypes)[number]

function isVouchedType(type: string): type is VouchedType {
  return vouchedTypes.some((one) => one === type)
}

/** Whether an event may be written without keys. Of refusals these are the operator's commands that failed. */
export function isVouchable({ type, caller }: { type: string; caller: string | null }): boolean {
  return isVouchedType(type) && (type !== 'request.refuse' || caller?.startsWith('operator:') === true)
}

/** What such an event says, and no more: somebody may have added to it. */
const MEMBERS =
  'account at caller code count format id outcome partner purpose route site source subject type vouched'.split(' ')

/** An event that was written without keys. */
export interface Unvouched {
  type: VouchedType
  /** Empty for a look at everything. */
  subject: string
  /** When it was inserted. */
  position: number
}

/** Whether the state is there that the event describes, or was until the vault itself has ended it. */
export type FindState = (db: Queryable, event: Unvouched) => Promise<boolean>

/** What an event says that was written without keys, if it is one for which the vault may vouch. */
export function readUnvouched(body: string, position: number): Unvouched | undefined {
  try {
    const members = JSON.parse(body) as Record<string, unknown>
    const { type, subject = '', vouched } = members
    if (vouched !== true || Object.keys(members).some((name) => !MEMBERS.includes(name))) return undefined
    if (typeof type !== 'string' || !isVouchedType(type) || typeof subject !== 'string') return undefined
    if (!isVouchable({ type, caller: idOf(members.caller) })) return undefined
    return { type, subject, position }
  } catch {
    return undefined
  }
}

function idOf(caller: unknown): string | null {
  const id = typeof caller === 'object' && caller !== null && 'id' in caller ? caller.id : undefined
  return typeof id === 'string' ? id : null
}
