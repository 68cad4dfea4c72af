import type { NewAuditEvent } from '../audit/event/audit-event.ts'
import type { WriteAuditEvent } from '../audit/event/write-audit-event.ts'
import type { LimitsConfig } from '../config/config-sections.ts'
import type { Database } from '../database/database.ts'
import type { Keys } from '../keys/ring/keys.ts'
import { type Alert, createNewsAlert } from '../observability/alert.ts'
import { type Job, sweepJob } from '../observability/jobs.ts'
import type { NewId } from '../values/identifier.ts'
import { createSetMacs, roleSets, type SetMacs } from './applied-sets/applied-set.ts'
import { sweepApprovals } from './approvals/sweep-approvals.ts'
import { UsedApprovals } from './approvals/used-approvals.ts'
import { createCallerStatuses } from './callers/caller-status.ts'
import { checkCallerStatus, proveCaller } from './callers/check-caller-status.ts'
import { type FindContract, findContract } from './callers/find-contract.ts'
import { type AccessLedger, createAccessLedger } from './ledger/access-ledger.ts'
import { type AccessMacs, createAccessMacs } from './ledger/access-macs.ts'
import { createTakeInAccess } from './ledger-changes/take-in-access.ts'
import { type Budgets, createBudgets } from './limits/budget.ts'
import { sweepBudgets } from './limits/budget-store.ts'
import { type CardSearchLimit, createCardSearchLimit } from './limits/card-search-limit.ts'
import { type CardVelocity, createCardVelocity } from './limits/card-velocity.ts'
import { createCounters } from './limits/counter.ts'
import { sweepLimits } from './limits/counter-store.ts'
import { createGuessLimit, type GuessLimit } from './limits/guess-limit.ts'
import { createLimitKeys } from './limits/limit-keys.ts'
import { createProbeLimit, type ProbeLimit } from './limits/probe-limit.ts'
import { createRateLimit, type RateLimit, type RateLimits } from './limits/rate-limit.ts'
import { createSecurityCodeLimit, type SecurityCodeLimit } from './limits/security-code-limit.ts'
import { createSessionLimit, type SessionLimit } from './limits/session-limit.ts'
import { createStrangerLimit, type StrangerLimit } from './limits/stranger-limit.ts'
import type { Caller, ProveCaller } from './policy/caller.ts'
import { type CurrentRoles, createCurrentRoles } from './roles-in-force/current-roles.ts'

const REFUSALS_EVERY_MS = 60 * 1000
const DAY_MS = 24 * 60 * 60 * 1000
/** Longer than any window plus any difference of clocks. */
const COUNTS_KEPT_MS = 2 * DAY_MS
/** Requests that were used, refused or never decided: a caller may still ask about them. Their events are kept. */
const APPROVALS_KEPT_MS = 90 * DAY_MS
/** Releases that did not wait, after their review: two of the half-yearly reviews (PCI DSS 7.2.4) see them. */
const REVIEWS_KEPT_MS = 400 * DAY_MS

/** Every limit that is not a role's own budget: what is configured, and what tests alone replace. */
export interface AccessLimits extends LimitsConfig {
  logIns?: RateLimits | undefined
  matchesPerHour?: number
  probesPerTenMinutes?: number
}

export interface AccessControlDeps {
  database: Database
  keys: Pick<Keys, 'macs' | 'ring' | 'registry' | 'refresh' | 'times' | 'verified'>
  newAuditEvent: NewAuditEvent
  now: () => Date
  alert: Alert
  newId: NewId
  writeAuditEvent: WriteAuditEvent
}

/** Every limit, and what counts towards it. */
export interface Limits {
  rateLimit: RateLimit
  probes: ProbeLimit
  budgets: Budgets
  cardVelocity: CardVelocity
  cardSearches: CardSearchLimit
  openApprovals: number
  usedApprovals: UsedApprovals
  guesses: GuessLimit
  sessions: SessionLimit
  codeLimit: SecurityCodeLimit
  strangers: StrangerLimit
}

export interface AccessControl {
  roles: CurrentRoles
  macs: AccessMacs
  roleSetMacs: SetMacs
  ledger: AccessLedger
  checkCallerStatus: (caller: Caller, presumes?: 'memory' | 'database') => Promise<Caller>
  proveCaller: ProveCaller
  findContract: FindContract
  limits: Limits
  jobs: readonly Job[]
}

/** Everything that decides, after authentication, what a caller may do. */
export function createAccessControl(deps: AccessControlDeps, limits: AccessLimits): AccessControl {
  const { database, keys, now } = deps
  const ago = (ms: number) => new Date(now().getTime() - ms)
  const macs = createAccessMacs(deps)
  const roleSetMacs = createSetMacs(keys.macs, roleSets)
  const ledger = createAccessLedger(deps)
  const tell = createNewsAlert(deps.alert)
  const roles = createCurrentRoles({ ...deps, macs: roleSetMacs, ledger })
  const statuses = createCallerStatuses({ database, ledger, tell })
  const prove: ProveCaller = (caller) => proveCaller({ statuses }, caller)
  const counting = { ...deps, increment: createCounters(database, now), keyOf: createLimitKeys(deps) }
  const strangers = createStrangerLimit(counting, limits.strangers)
  const everyMs = keys.times.tendEveryMs
  const probes = createProbeLimit({ ...counting, proveCaller: prove }, limits.probesPerTenMinutes)
  const statusDeps = { ...deps, tell, statuses, roles, probes, macs }
  return {
    roles,
    macs,
    roleSetMacs,
    ledger,
    checkCallerStatus: (caller, presumes) => checkCallerStatus(statusDeps, caller, presumes),
    proveCaller: prove,
    findContract: (caller, id) => findContract({ database, ledger, macs, now }, caller, id),
    limits: {
      rateLimit: createRateLimit(counting, limits.logIns),
      probes,
      budgets: createBudgets({ ...deps, ledger, proveCaller: prove }),
      cardVelocity: createCardVelocity({ ...counting, proveCaller: prove }, limits.cards),
      cardSearches: createCardSearchLimit(counting, limits.cardSearchesPerDay),
      openApprovals: limits.openApprovals,
      usedApprovals: new UsedApprovals(),
      guesses: createGuessLimit(counting, limits.wrongMatches, limits.matchesPerHour),
      sessions: createSessionLimit(counting, limits.checkoutSessionsPerClient),
      codeLimit: createSecurityCodeLimit(counting, limits.securityCodesPerClient),
      strangers,
    },
    jobs: [
      { name: 'take-in-access', everyMs, run: createTakeInAccess({ database, ledger, tell }) },
      { name: 'write-refusal-counts', everyMs: REFUSALS_EVERY_MS, firstMs: REFUSALS_EVERY_MS, run: strangers.flush },
      sweepJob('sweep-budgets', () => sweepBudgets(database, ago(COUNTS_KEPT_MS))),
      sweepJob('sweep-approvals', () =>
        sweepApprovals(database, { over: ago(APPROVALS_KEPT_MS), reviewed: ago(REVIEWS_KEPT_MS) }),
      ),
      sweepJob('sweep-rate-limits', () => sweepLimits(database, now())),
    ],
  }
}
