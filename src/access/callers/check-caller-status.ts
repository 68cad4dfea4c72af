import type { createNewsAlert } from '../../observability/alert.ts'
import { CallerChanged } from '../../values/caller-changed.ts'
import { Problem } from '../../values/problem.ts'
import type { AccessMacs } from '../ledger/access-macs.ts'
import type { ContractStatus } from '../ledger/caller-store.ts'
import type { AccessState } from '../ledger/ledger-chain.ts'
import type { ProbeLimit } from '../limits/probe-limit.ts'
import type { Caller, Partnership } from '../policy/caller.ts'
import type { Presumption } from '../policy/presumption.ts'
import type { Role, Scope } from '../policy/roles.ts'
import type { CurrentRoles } from '../roles-in-force/current-roles.ts'
import type { CallerStatus, CallerStatuses } from './caller-status.ts'

export interface CheckCallerStatusDeps {
  statuses: CallerStatuses
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
 * @param presumes for a call whose work proves the status (`Caller.presumption`): the one in memory will do, or only the one that the
 *   database says now. No caller is refused for what is in memory
 * @throws {Problem} unauthenticated, caller-suspended, contract-ended, too-many-requests, database-unavailable, sealed
 */
export async function checkCallerStatus(
  deps: CheckCallerStatusDeps,
  caller: Caller,
  presumes?: 'memory' | 'database',
): Promise<Caller> {
  const { statuses, probes } = deps
  const known = presumes === 'memory' ? statuses.presume(caller) : undefined
  // The MAC of a contract is checked against what the database says now, since both change when keys do.
  if (known !== undefined && known.status.partner === undefined) {
    try {
      probes.check(caller)
      return presuming(await judge(deps, caller, known.status), { accessVersion: known.version, isProven: false })
    } catch (error) {
      if (!(error instanceof Problem)) throw error
    }
  }
  // A proof counts once, also for a caller that is refused.
  if (caller.presumption?.jti === undefined) probes.check(caller)
  const { status, version } = await statuses.ask(caller)
  probes.check(caller)
  const judged = await judge(deps, caller, status)
  if (presumes) return presuming(judged, { accessVersion: version, isProven: true })
  return { ...judged, presumption: undefined }
}

/** The same presumption for the whole call: what is proven stays so when the call is done again. */
function presuming(caller: Caller, news: Presumption): Caller {
  return { ...caller, presumption: Object.assign(caller.presumption ?? {}, news) }
}

/** Proves what is presumed of the caller: see `ProveCaller`. */
export async function proveCaller(
  { statuses }: Pick<CheckCallerStatusDeps, 'statuses'>,
  caller: Caller,
): Promise<void> {
  const { presumption } = caller
  if (presumption === undefined || presumption.isProven) return
  const { version } = await statuses.ask(caller)
  if (presumption.accessVersion !== undefined && presumption.accessVersion !== version) throw new CallerChanged()
  presumption.isProven = true
}

/** @throws {Problem} unauthenticated, caller-suspended, contract-ended */
async function judge(deps: CheckCallerStatusDeps, caller: Caller, status: CallerStatus): Promise<Caller> {
  const { roles, macs, now } = deps
  const { isLive, isSuspended, partner: contract, policies, rolesRevision, state } = status
  // Without its contract a third party would see all that the role sees.
  if (!isLive || contract?.id !== caller.partnerId) throw unauthenticated()
  if (isSuspended) throw new Problem('caller-suspended')
  if (contract && contract.endsAt <= now().getTime()) throw new Problem('contract-ended')
  const partner = contract && (await partnershipOf(macs, contract, state))
  const set = await roles.at(rolesRevision)
  if (caller.role === undefined) return { ...caller, policies, ...(partner && { partner, scopes: new Set() }) }
  const definition = set.roles.get(caller.role) ?? (set.distrusted ? NOTHING : undefined)
  if (definition === undefined) {
    const { id, role, scopesFollowRole } = caller
    const { revision } = set
    if (scopesFollowRole) deps.tell(`${revision} ${role}`, 'role-missing', { caller: id, role, revision })
    throw unauthenticated()
  }
  return { ...caller, definition, partner, policies, scopes: heldScopes(caller, definition, partner !== undefined) }
}

const NOTHING: Role = { duty: '', scopes: [], grants: [] }

/** A contract that was changed outside the vault allows nothing. */
async function partnershipOf(
  macs: AccessMacs,
  { id, purposes, fields, ends_at, keys, mac }: ContractStatus,
  state: AccessState,
): Promise<Partnership> {
  return (await macs.isContract({ id, purposes, fields, ends_at, keys, mac }, state))
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
