import { type Alert, createNewsAlert } from '../alert.ts'
import type { AuditCaller, NewAuditEvent } from '../audit/audit-event.ts'
import type { RecordEvent } from '../audit/record-event.ts'
import type { Database } from '../database/database.ts'
import type { NewId } from '../identifier.ts'
import type { Keys } from '../keys/keys.ts'
import { createAccessLedger } from './access-ledger.ts'
import { createAccessMacs } from './access-macs.ts'
import { admitCaller } from './admit.ts'
import { adoptAccess } from './adopt-access.ts'
import { applyRoles } from './apply-roles.ts'
import { createBudgets } from './budget.ts'
import { selectSuspended, sweepBudgets } from './budget-store.ts'
import type { Caller } from './caller.ts'
import { createCardSearchLimit } from './card-search-limit.ts'
import { type CardLimits, createCardVelocity } from './card-velocity.ts'
import { createCurrentRoles, createRoleSetMacs } from './current-roles.ts'
import { createGuessLimit, type WrongAnswerLimits } from './guess-limit.ts'
import { liftCaller } from './lift-caller.ts'
import { createLimitKeys } from './limit-keys.ts'
import { lastFormerEnd } from './limit-keys-store.ts'
import { addPartner, endPartner, listPartners, type NewPartner } from './partners.ts'
import { createProbeLimit } from './probe-limit.ts'
import { createRateLimit, type RateLimits } from './rate-limit.ts'
import { rebuildLedger } from './rebuild-ledger.ts'
import { sweepLimits } from './reservation-store.ts'
import { reviewAccess } from './review-access.ts'
import type { RoleFile } from './role-set.ts'
import { createStandings } from './standings.ts'
import { createStrangerLimit, type StrangerLimits } from './stranger-limit.ts'
import { sweepApprovals } from './sweep-approvals.ts'
import { createTakeInAccess } from './take-in-access.ts'
import { createTally } from './tally.ts'
import type { TrustedIssuer } from './trusted-issuers.ts'
import { UsedApprovals } from './used-approvals.ts'

const DAY_MS = 24 * 60 * 60 * 1000
/** Longer than any window, whatever the clocks say. */
const COUNTS_KEPT_MS = 2 * DAY_MS
/** Requests that were used, refused or never decided: somebody may yet ask about them. Their events stay for ever. */
const APPROVALS_KEPT_MS = 90 * DAY_MS
/** Releases that did not wait, after their review: two of the half-yearly reviews (PCI DSS 7.2.4) see them. */
const REVIEWS_KEPT_MS = 400 * DAY_MS

/** More requests of one caller nobody would read. */
const OPEN_APPROVALS = 100

/** Every limit that is not a role's own budget; what is left out is the default. */
export interface AccessLimits {
  logIns?: RateLimits | undefined
  matchesPerHour?: number
  wrongMatches?: WrongAnswerLimits | undefined
  probesPerTenMinutes?: number
  cards?: CardLimits | undefined
  strangers?: StrangerLimits | undefined
  cardSearchesPerDay?: number | undefined
  openApprovals?: number | undefined
}

export interface AccessControlDeps {
  database: Database
  keys: Pick<Keys, 'macs' | 'ring' | 'registry' | 'refresh' | 'verified'>
  newAuditEvent: NewAuditEvent
  now: () => Date
  alert: Alert
  newId: NewId
  recordEvent: RecordEvent
}

/** Everything that decides, after authentication, what a caller may do, with the operator's commands over it. */
export function createAccessControl(deps: AccessControlDeps, limits: AccessLimits = {}) {
  const { database, keys, now } = deps
  const ago = (ms: number) => new Date(now().getTime() - ms)
  const macs = createAccessMacs(deps)
  const roleSetMacs = createRoleSetMacs(keys.macs)
  const ledger = createAccessLedger(deps)
  const tell = createNewsAlert(deps.alert)
  const roles = createCurrentRoles({ ...deps, macs: roleSetMacs, ledger })
  const standingOf = createStandings({ database, ledger, tell })
  const counting = { ...deps, tally: createTally(database, now), keyOf: createLimitKeys(deps) }
  const probes = createProbeLimit(counting, limits.probesPerTenMinutes)
  const admit = (caller: Caller) => admitCaller({ ...deps, tell, standingOf, roles, probes, macs }, caller)
  return {
    roles,
    macs,
    ledger,
    admit,
    limits: {
      rateLimit: createRateLimit(counting, limits.logIns),
      probes,
      budgets: createBudgets({ ...deps, ledger }),
      cardVelocity: createCardVelocity(counting, limits.cards),
      cardSearches: createCardSearchLimit(counting, limits.cardSearchesPerDay),
      openApprovals: limits.openApprovals ?? OPEN_APPROVALS,
      usedApprovals: new UsedApprovals(),
      guesses: createGuessLimit(counting, limits.wrongMatches, limits.matchesPerHour),
      strangers: createStrangerLimit(counting, limits.strangers),
    },
    /** Takes over the access of a vault from before it said who wrote it and that it is the present one. */
    adopt: () => adoptAccess({ ...deps, macs, roleSetMacs, ledger }),
    takeIn: createTakeInAccess({ database, ledger, tell }),
    keyUse: {
      /** Until when counts stand under hashes of index keys, in milliseconds since 1970. */
      indexKeysCountUntil: () => lastFormerEnd(database),
    },
    /** What removes rows that are over, by the name of the background task. */
    sweeps: {
      'sweep-budgets': () => sweepBudgets(database, ago(COUNTS_KEPT_MS)),
      'sweep-approvals': () =>
        sweepApprovals(database, { over: ago(APPROVALS_KEPT_MS), reviewed: ago(REVIEWS_KEPT_MS) }),
      'sweep-rate-limits': () => sweepLimits(database, now()),
    },
    commands: {
      readRoles: () => roles.refresh(),
      applyRoles: (operator: AuditCaller, file: RoleFile) =>
        applyRoles({ ...deps, roles, macs: roleSetMacs, ledger }, operator, file),
      reviewAccess: (operator: AuditCaller, issuers: readonly TrustedIssuer[]) =>
        reviewAccess({ ...deps, roles, macs, ledger }, operator, issuers),
      addPartner: (operator: AuditCaller, partner: NewPartner) =>
        addPartner({ ...deps, macs, ledger }, operator, partner),
      listPartners: () => listPartners(deps),
      endPartner: (operator: AuditCaller, id: string) => endPartner({ ...deps, ledger }, operator, id),
      rebuildLedger: (operator: AuditCaller) => rebuildLedger({ ...deps, macs, roleSetMacs, ledger }, operator),
      listSuspended: () => selectSuspended(database),
      liftCaller: (operator: AuditCaller, caller: string) => liftCaller({ ...deps, ledger, probes }, operator, caller),
    },
  }
}
