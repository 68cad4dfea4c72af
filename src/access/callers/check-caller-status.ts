import type { createNewsAlert } from '../../observability/alert.ts'
import { Problem } from '../../values/problem.ts'
import type { AccessMacs } from '../ledger/access-macs.ts'
import type { ContractStatus } from '../ledger/caller-store.ts'
import type { AccessState } from '../ledger/ledger-chain.ts'
import type { ProbeLimit } from '../limits/probe-limit.ts'
import type { Caller, Partnership } from '../policy/caller.ts'
import type { Role, Scope } from '../policy/roles.ts'
import type { CurrentRoles } from '../roles-in-force/current-roles.ts'
import type { CallerStatus } from './caller-status.ts'

export interface CheckCallerStatusDeps {
  statusOf: (caller: Caller) => Promise<CallerStatus>
  roles: CurrentRoles
  probes: ProbeLimit
  macs: AccessMacs
  tell: ReturnType<typeof createNewsAlert>
  now: () => Date
}

/**
 * Re-checks an authenticated caller against the database: a revoked client, a disabled member of staff and a removed
 * role are refused from the next request on. The role and a partner's contract allow what they allow now, not what they
 * allowed when the token was signed.
 *
 * @throws {Problem} unauthenticated, caller-suspended, contract-ended, too-many-requests, database-unavailable, sealed
 */
export async function checkCallerStatus(deps: CheckCallerStatusDeps, caller: Caller): Promise<Caller> {
  const { statusOf, roles, probes, macs, now } = deps
  probes.check(caller)
  const { isLive, isSuspended, partner: contract, rolesRevision, state } = await statusOf(caller)
  // Without its contract a third party would see all that the role sees.
  if (!isLive || contract?.id !== caller.partnerId) throw unauthenticated()
  if (isSuspended) throw new Problem('caller-suspended')
  if (contract && contract.endsAt <= now().getTime()) throw new Problem('contract-ended')
  const partner = contract && (await partnershipOf(macs, contract, state))
  const set = await roles.at(rolesRevision)
  if (caller.role === undefined) return partner ? { ...caller, partner, scopes: new Set() } : caller
  const definition = set.roles.get(caller.role) ?? (set.distrusted ? NOTHING : undefined)
  if (definition === undefined) {
    const { id, role, scopesFollowRole } = caller
    const { revision } = set
    if (scopesFollowRole) deps.tell(`${revision} ${role}`, 'role-missing', { caller: id, role, revision })
    throw unauthenticated()
  }
  return { ...caller, definition, partner, scopes: heldScopes(caller, definition, partner !== undefined) }
}

const NOTHING: Role = { duty: '', scopes: [], grants: [] }

/** A contract that was changed outside the vault allows nothing. */
async function partnershipOf(
  macs: AccessMacs,
  { id, purposes, fields, ends_at, mac }: ContractStatus,
  state: AccessState,
): Promise<Partnership> {
  return (await macs.isContract({ id, purposes, fields, ends_at, mac }, state))
    ? { id, purposes, fields }
    : { id, purposes: [], fields: [] }
}

/**
 * The scopes that still hold. The grant, not this function, decides whether a signed scope to reveal is still the
 * role's, because that has an answer of its own. A partner has no other scopes: it sees only what its contract names,
 * also in masked views.
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
  return new Problem('unauthenticated', { challenge: { scheme: 'any', error: 'invalid_token' } })
}
