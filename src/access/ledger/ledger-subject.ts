import { foldedId, staffId } from '../policy/person.ts'

/** What an entry of the ledger of access is about. */
export const clientSubject = (id: string) => `client ${id}`
export const partnerSubject = (id: string) => `partner ${id}`
export const ROLES_SUBJECT = 'roles'
export const DESTINATIONS_SUBJECT = 'destinations'
/** A secret of destinations, by its name. */
export const secretSubject = (name: string) => `destination secret ${name}`

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
