import canonicalize from 'canonicalize'
import type { Keys } from '../../keys/ring/keys.ts'
import type { MacText } from '../ledger/access-macs.ts'
import { askedOf } from './approval-mac.ts'
import type { AskedRow } from './approval-store.ts'

/** A caller who still needs a request that is undecided by then makes it again. */
export const REQUEST_LASTS_MS = 24 * 60 * 60 * 1000

/**
 * What the MAC of a request is over, in the canonical form of RFC 8785: the facts that a person decides on: which
 * caller asks for what of which version, for which purpose and ticket, when, and whether it waits or has released
 * already. Times are milliseconds since 1970. The reason is sealed under the id of the request; an erasure of the
 * record removes it.
 */
export function requestText(request: Omit<AskedRow, 'request_mac'>): MacText {
  const waits = request.state !== 'unreviewed' && request.state !== 'reviewed'
  const requested_at = request.requested_at.getTime()
  return {
    domain: 'strongroom approval request',
    text: canonicalize({ ...askedOf(request), requested_at, waits }) ?? '',
  }
}

/** Makes the MAC of a request, which only the vault can write. @throws {Problem} sealed */
export function requestMac(keys: Pick<Keys, 'macs'>, request: Omit<AskedRow, 'request_mac'>): Buffer {
  const { domain, text } = requestText(request)
  return keys.macs.make('access-mac', domain, text)
}

/**
 * Whether the vault wrote an open request, and it was not changed or extended since. An earlier end, as after a
 * correction of its record, does no harm.
 *
 * @throws {Problem} as `Macs.verify`
 */
export async function isRequestOfVault(keys: Pick<Keys, 'macs'>, request: AskedRow): Promise<boolean> {
  if (request.expires_at.getTime() > request.requested_at.getTime() + REQUEST_LASTS_MS) return false
  const { domain, text } = requestText(request)
  return keys.macs.verify('access-mac', domain, text, request.request_mac)
}
