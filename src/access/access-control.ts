import type { Alert } from '../alert.ts'
import type { AuditCaller, NewAuditEvent } from '../audit/audit-event.ts'
import type { RecordEvent } from '../audit/record-event.ts'
import { createBatch } from '../database/batch.ts'
import type { Database } from '../database/database.ts'
import type { NewId } from '../identifier.ts'
import { keyedHash } from '../keys/keyed-hash.ts'
import type { Keys } from '../keys/keys.ts'
import { admitCaller } from './admit.ts'
import { applyRoles } from './apply-roles.ts'
import { createBudgets } from './budget.ts'
import { selectSuspended, sweepBudgets } from './budget-store.ts'
import type { Caller } from './caller.ts'
import { selectStandings } from './caller-store.ts'
import { type CardLimits, createCardVelocity } from './card-velocity.ts'
import { createCurrentRoles, createRoleSetMac } from './current-roles.ts'
import { createGuessLimit } from './guess-limit.ts'
import { liftCaller } from './lift-caller.ts'
import { addPartner, endPartner, listPartners, type NewPartner } from './partners.ts'
import { createProbeLimit } from './probe-limit.ts'
import { reviewAccess } from './review-access.ts'
import type { RoleFile } from './role-set.ts'
import { createTally } from './tally.ts'

/** Longer than any window, whatever the clocks say. */
const KEPT_FOR_MS = 48 * 60 * 60 * 1000

/** What tests replace of the limits. */
export interface AccessLimits {
  matchesPerHour?: number
  probesPerTenMinutes?: number
  cards?: CardLimits | undefined
}

export interface AccessControlDeps {
  database: Database
  keys: Pick<Keys, 'ring' | 'registry'>
  newAuditEvent: NewAuditEvent
  now: () => Date
  alert: Alert
  newId: NewId
  recordEvent: RecordEvent
}

/** Everything that decides, after authentication, what a caller may do, with the operator's commands over it. */
export function createAccessControl(deps: AccessControlDeps, limits: AccessLimits = {}) {
  const { database, keys, now } = deps
  /** What is stored for a text that may say something of a person. */
  const pseudonym = (text: string) => keyedHash(keys.ring.active('index'), 'source', [text]).toString('base64url')
  const macOf = createRoleSetMac(keys.registry.authenticate)
  const roles = createCurrentRoles({ ...deps, macOf })
  const standingOf = createBatch({ run: (callers: readonly Caller[]) => selectStandings(database, callers) })
  const tally = createTally(database, now)
  const probes = createProbeLimit({ ...deps, tally, pseudonym }, limits.probesPerTenMinutes)
  const admit = (caller: Caller) => admitCaller({ standingOf, roles, probes, now }, caller)
  return {
    roles,
    pseudonym,
    admit,
    limits: {
      probes,
      budgets: createBudgets(deps),
      cardVelocity: createCardVelocity({ ...deps, tally, pseudonym }, limits.cards),
      guesses: createGuessLimit({ tally, pseudonym, now }, limits.matchesPerHour),
    },
    /** Removes what was counted for budgets of days that are over. */
    sweep: () => sweepBudgets(database, new Date(now().getTime() - KEPT_FOR_MS)),
    commands: {
      readRoles: () => roles.refresh(),
      applyRoles: (operator: AuditCaller, file: RoleFile) => applyRoles({ ...deps, roles, macOf }, operator, file),
      reviewAccess: (operator: AuditCaller) => reviewAccess({ ...deps, roles }, operator),
      addPartner: (operator: AuditCaller, partner: NewPartner) => addPartner(deps, operator, partner),
      listPartners: () => listPartners(deps),
      endPartner: (operator: AuditCaller, id: string) => endPartner(deps, operator, id),
      listSuspended: () => selectSuspended(database),
      liftCaller: (operator: AuditCaller, caller: string) => liftCaller(deps, operator, caller),
    },
  }
}
