import type { Queryable } from '../database/database.ts'

/** What is done without keys too: it takes access away, or is on the way to the keys. */
const vouchedTypes = ['client.revoke', 'staff.disable', 'partner.end', 'root-key.share'] as const
export type VouchedType = (typeof vouchedTypes)[number]

/** What such an event says, and no more: somebody may have added to it. */
const MEMBERS = 'at caller count format id outcome partner site source subject type vouched'.split(' ')

/** An event that was written without keys. */
export interface Unvouched {
  type: VouchedType
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
    const { type, subject, vouched } = members
    if (
      vouched !== true ||
      typeof subject !== 'string' ||
      Object.keys(members).some((name) => !MEMBERS.includes(name))
    ) {
      return undefined
    }
    const known = vouchedTypes.find((one) => one === type)
    return known && { type: known, subject, position }
  } catch {
    return undefined
  }
}
