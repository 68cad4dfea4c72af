import type { AuditCaller } from '../../audit/event/audit-event.ts'
import type { Presumption } from './presumption.ts'
import type { Purpose } from './purpose.ts'
import { builtInRoles, isRoleName, type Role, type RoleName, type Scope } from './roles.ts'

/** The contract with a third party, as far as it narrows what its clients may see. */
export interface Partnership {
  id: string
  purposes: readonly Purpose[]
  /** `kind.field`, such as `address.postal_code`. */
  fields: readonly string[]
}

/** A caller after authentication. A role is what it may see; without one it can reveal nothing. */
export interface Caller {
  id: string
  kind: 'client' | 'staff'
  role: RoleName | undefined
  scopes: ReadonlySet<Scope>
  purposes: ReadonlySet<Purpose>
  site: string
  /** What the role is in the set in force. Left out: what the built-in set says. */
  definition?: Role | undefined
  /** The third party that the client belonged to when its token was signed. */
  partnerId?: string | undefined
  /** The contract with that party as it is now. */
  partner?: Partnership | undefined
  /**
   * How the token is bound to its owner, who has proved it: by a DPoP key (RFC 9449) or a client certificate (RFC
   * 8705).
   */
  confirmation?: 'dpop' | 'mtls' | undefined
  /** The SHA-256 thumbprint of that key or certificate, in base64url. */
  boundTo?: string | undefined
  /** A token that the vault's own command line gave to staff, unbound, outside production: for trials. */
  isTrial?: true | undefined
  /** A shopper, in the checkout session of this id: events say roughly where the request comes from, and no address. */
  session?: string | undefined
  /** What is not proven yet of this call's caller; left out: nothing. */
  presumption?: Presumption | undefined
  /** Names the set of privacy policies that is in force. Left out: the newest, which must be looked up. */
  policies?: string | undefined
  /** Whether only the role says which scopes there are, at each request; `scopes` only narrows them. */
  scopesFollowRole?: true | undefined
}

/**
 * Proves what is still presumed of the caller, by a statement of its own.
 *
 * @throws {CallerChanged} if access has changed since the caller's status was looked at
 * @throws {Problem} unauthenticated for a proof that came before; database-unavailable, busy
 */
export type ProveCaller = (caller: Caller) => Promise<void>

/** What the caller's role is; undefined for a caller that has none. */
export function definitionOf(caller: Caller): Role | undefined {
  if (caller.role === undefined) return undefined
  return caller.definition ?? (isRoleName(caller.role) ? builtInRoles[caller.role] : undefined)
}

/** The caller as an audit event names it, with where the request comes from: the address in full, of a shopper its area. */
export function auditCaller(caller: Caller, request: { source: { address: string } }): AuditCaller {
  const { address } = request.source
  return { id: caller.id, kind: caller.kind, role: caller.role, source: caller.session ? areaOf(address) : address }
}

/** How many groups of an IPv6 address make a /48. */
const AREA_GROUPS = 3

/**
 * What the audit log keeps of a shopper's address: 256 neighbours of IPv4, of IPv6 the /48 that a site has (RFC 6177),
 * so that an event does not lead to a household.
 *
 * @param address in canonical form
 * @returns `192.0.2.0/24` or `2001:db8:1::/48`; a text that is not an address stays as it is
 */
export function areaOf(address: string): string {
  if (/^[\d.]+$/.test(address)) return `${address.split('.').slice(0, 3).join('.')}.0/24`
  if (!address.includes(':')) return address
  const [left, right] = address.split('::').map((half) => (half === '' ? [] : half.split(':')))
  // A double colon represents as many zeros as are missing.
  const zeros = right === undefined ? [] : Array<string>(8 - left!.length - right.length).fill('0')
  const whole = [...left!, ...zeros, ...(right ?? [])].slice(0, AREA_GROUPS)
  while (whole.at(-1) === '0') whole.pop()
  return `${whole.join(':')}::/48`
}
