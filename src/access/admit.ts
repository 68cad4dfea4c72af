import { Problem } from '../problem.ts'
import type { Caller } from './caller.ts'
import type { Standing } from './caller-store.ts'
import type { CurrentRoles } from './current-roles.ts'
import type { ProbeLimit } from './probe-limit.ts'
import type { Role, Scope } from './roles.ts'

export interface AdmitDeps {
  standingOf: (caller: Caller) => Promise<Standing>
  roles: CurrentRoles
  probes: ProbeLimit
  now: () => Date
}

/**
 * Lets in who a valid token names, as far as the database still says so: a revoked client, a disabled member of staff and a
 * role that was removed are refused from the next request on, and what a role may do is what it is now, not what it was when
 * the token was signed.
 *
 * @throws {Problem} unauthenticated, caller-suspended, contract-ended, too-many-requests, database-unavailable, sealed
 */
export async function admitCaller({ standingOf, roles, probes, now }: AdmitDeps, caller: Caller): Promise<Caller> {
  probes.check(caller)
  const { isLive, isSuspended, partner, rolesRevision } = await standingOf(caller)
  if (!isLive) throw unauthenticated()
  if (isSuspended) throw new Problem('caller-suspended')
  if (partner && partner.endsAt <= now().getTime()) throw new Problem('contract-ended')
  const set = await roles.at(rolesRevision)
  if (caller.role === undefined) return partner ? { ...caller, partner, scopes: new Set() } : caller
  const definition = set.roles.get(caller.role) ?? (set.distrusted ? NOTHING : undefined)
  if (definition === undefined) throw unauthenticated()
  return { ...caller, definition, partner, scopes: heldScopes(caller, definition, partner !== undefined) }
}

const NOTHING: Role = { duty: '', scopes: [], grants: [] }

/**
 * The scopes that still hold. Whether a scope to reveal that the vault itself has signed is still the role's, the grant says,
 * with an answer of its own. A partner has no other: what is not in its contract, masked views too, it does not see.
 */
function heldScopes(
  { scopes, scopesFollowRole }: Caller,
  { scopes: held }: Role,
  isPartner: boolean,
): ReadonlySet<Scope> {
  const kept = scopesFollowRole
    ? held.filter((scope) => scopes.has(scope))
    : [...scopes].filter((scope) => scope.endsWith(':reveal') || (!isPartner && held.includes(scope)))
  return kept.length === scopes.size ? scopes : new Set(kept)
}

function unauthenticated(): Problem {
  return new Problem('unauthenticated', { headers: { 'WWW-Authenticate': 'Bearer error="invalid_token"' } })
}
