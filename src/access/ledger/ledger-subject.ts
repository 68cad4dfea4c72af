import { foldedId, staffId } from '../policy/person.ts'

/** What an entry of the ledger of access is about. */
export const clientSubject = (id: string) => `client ${id}`
export const partnerSubject = (id: string) => `partner ${id}`
export const ROLES_SUBJECT = 'roles'
/** All versions of the privacy policy together. */
export const POLICIES_SUBJECT = 'policies'

const RETENTION = 'retention '

/** That an operator lets records be erased when their time by some rules is over. */
export const retentionSubject = (scope: string) => `${RETENTION}${scope}`

/** The rules that such a subject enables; undefined for any other. */
export function scopeOfRetention(subject: string): string | undefined {
  return subject.startsWith(RETENTION) ? subject.slice(RETENTION.length) : undefined
}

const HELD = 'held '

/** A record that a hold keeps. */
export const holdSubject = (token: string) => `${HELD}${token}`

/** The record that such a subject keeps; undefined for any other. */
export function heldBy(subject: string): string | undefined {
  return subject.startsWith(HELD) ? subject.slice(HELD.length) : undefined
}
export const DESTINATIONS_SUBJECT = 'destinations'
/** A secret of destinations, by its name. */
export const secretSubject = (name: string) => `destination secret ${name}`

const RESTRICTED = 'restricted '

/** A record whose erasure a hold postpones: it is released for the purposes of its holds alone. */
export const restrictedSubject = (token: string) => `${RESTRICTED}${token}`

const DISABLED = 'disabled '
const SUSPENDED = 'suspended '

/** The same for each spelling of the person's id. */
export const disabledSubject = (id: string) => `${DISABLED}${foldedId(id)}`
export const suspendedSubject = (caller: string) => `${SUSPENDED}${staffId(caller)}`

/** The state of a person who is disabled and of a caller who is suspended. */
export const REFUSED = 'refused'

/** The caller that a refusing subject refuses; undefined for any other. */
export function refusedBy(subject: string): string | undefined {
  const prefix = [DISABLED, SUSPENDED].find((one) => subject.startsWith(one))
  return prefix && subject.slice(prefix.length)
}
