import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { Hold } from './hold-store.ts'
import type { AccessChange, AccessState } from './ledger-chain.ts'
import { holdSubject, REFUSED, restrictedSubject } from './ledger-subject.ts'

/** In the place of purposes: a hold is for every one. */
const EVERY = '*'

/** What the ledger of access says of a record's holds: SHA-256 in hexadecimal over all of them, and their purposes. */
export function stateOfHolds(holds: readonly Hold[]): string {
  const said = holds
    .toSorted((one, other) => (one.id < other.id ? -1 : 1))
    .map((hold) => ({ ...hold, review_at: Number(hold.review_at), created_at: Number(hold.created_at) }))
  const purposes = holds.map(({ purpose }) => purpose ?? EVERY).toSorted()
  return [hash('sha256', canonicalize(said) ?? '', 'hex'), ...new Set(purposes)].join(' ')
}

/**
 * Whether a record may be released for a purpose, by the ledger of access: not for any but those of its holds once its
 * erasure was ordered, and for none once they are released.
 */
export function isRestricted(state: AccessState, token: string, purpose: string): boolean {
  if (!state.has(restrictedSubject(token))) return false
  const [, ...purposes] = (state.get(holdSubject(token)) ?? '').split(' ')
  return !purposes.includes(EVERY) && !purposes.includes(purpose)
}

/**
 * The holds of each record, as the ledger has them.
 *
 * @param restricted the records whose erasure was ordered
 */
export function presentHolds(holds: readonly Hold[], restricted: ReadonlySet<string>): AccessChange[] {
  const byToken = Map.groupBy(holds, ({ token }) => token)
  return [...byToken].flatMap(([token, some]) => [
    { subject: holdSubject(token), state: stateOfHolds(some) },
    ...(restricted.has(token) ? [{ subject: restrictedSubject(token), state: REFUSED }] : []),
  ])
}
