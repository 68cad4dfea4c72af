import { createSetMacs, roleSets } from '../access/applied-sets/applied-set.ts'
import { lapseApprovals } from '../access/approvals/approval-store.ts'
import { revokeClient, UnknownClient } from '../access/callers/clients.ts'
import { disableStaff } from '../access/callers/disable-staff.ts'
import { endCredential } from '../access/callers/end-credential.ts'
import { endPartner, replacePartnerKeys, UnknownPartner } from '../access/callers/partners.ts'
import type { AccessLedger } from '../access/ledger/access-ledger.ts'
import type { AccessMacs } from '../access/ledger/access-macs.ts'
import { REFUSED, suspendedSubject } from '../access/ledger/ledger-subject.ts'
import { suspendCaller } from '../access/limits/suspension-store.ts'
import { purposes } from '../access/policy/purpose.ts'
import { type RoleFile, toRoleFile } from '../access/policy/role-set.ts'
import { applyRoles } from '../access/roles-in-force/apply-roles.ts'
import type { CurrentRoles } from '../access/roles-in-force/current-roles.ts'
import type { AuditCaller, NewAuditEvent } from '../audit/event/audit-event.ts'
import { insertEvents } from '../audit/event/audit-store.ts'
import type { LogKey } from '../audit/log/log-keys.ts'
import type { IsProven } from '../audit/log/proven-event.ts'
import { type Settlements, settle } from '../audit/witness/settlements.ts'
import type { OutsideWatch } from '../audit/witness/watch-outside.ts'
import type { Database } from '../database/database.ts'
import type { Destinations } from '../destinations/create-destinations.ts'
import { compromiseKey } from '../keys/lifecycle/compromise.ts'
import type { RegistryAge } from '../keys/registry/registry-age.ts'
import type { Keys } from '../keys/ring/keys.ts'
import type { VaultLedger } from '../privacy/erasure/erasure-ledger.ts'
import { missingFrom, readAll } from '../privacy/erasure/find-missing-erasures.ts'
import { disableRetention } from '../privacy/retention/enable-retention.ts'
import { addHold } from '../privacy/retention/holds.ts'
import type { RecordDeps } from '../records/dependencies.ts'
import type { NewId } from '../values/identifier.ts'
import { eraseAgain } from './erase-again.ts'
import { orderAgain } from './order-again.ts'
import { type Again, planRestore, type RestorePlan } from './plan-restore.ts'
import { LogNotApplicable, type NewerLog, readNewerLog } from './read-newer-log.ts'
import type { NewerRootKey } from './takeaways.ts'
import { withdrawAgain } from './withdraw-again.ts'

export interface ApplyLogDeps {
  database: Database
  keys: Keys
  macs: AccessMacs
  ledger: AccessLedger
  roles: CurrentRoles
  newAuditEvent: NewAuditEvent
  newId: NewId
  now: () => Date
  /** All keys that may have signed the log. */
  signingKeys: () => readonly LogKey[]
  outside: Pick<OutsideWatch, 'look'>
  settlements: Settlements
  isProven: IsProven
  registryAge: RegistryAge
  erasures: VaultLedger
  /** What a record is sealed again with. */
  records: () => Promise<Pick<RecordDeps, 'kinds' | 'policies'>>
  destinations: Pick<Destinations, 'withdraw'>
}

export interface ApplyLogRequest {
  file: string
  /** Whether to say only what would be taken away. */
  isDryRun: boolean
  onProgress: (progress: { done: number; total: number }) => void
}

export interface AppliedLog {
  log: Pick<NewerLog, 'origin' | 'size' | 'from'> & {
    /** How many events of the file the database did not have. */
    events: number
    /** How many of those had been dropped from the file: what they took away is not known. */
    dropped: number
  }
  plan: RestorePlan
  rootKey: NewerRootKey | undefined
  /** The event `restore.apply`; null when there was nothing to do, or in a dry run. */
  event: string | null
  /** How many more events the log has by a checkpoint outside. What they took away is not known. */
  missing: number
}

/**
 * Takes away again what the log took away after the backup was made. Every step has an event of its own that names the first
 * one. A second run does what is still to do, and leaves alone what an operator has given back since the first.
 *
 * @throws {LogNotApplicable} when the file is not the newer log of this vault; then nothing was changed
 */
export async function applyLog(
  deps: ApplyLogDeps,
  operator: AuditCaller,
  { file, isDryRun, onProgress }: ApplyLogRequest,
): Promise<AppliedLog> {
  const { database, outside, registryAge } = deps
  // Perhaps no start has compared the database yet.
  await outside.look()
  if (registryAge.areKeysAlone) {
    throw new LogNotApplicable(
      'the tables of keys alone are older, and the log beside them is not: bring back the newer ones, or run "strongroom restore waive".',
    )
  }
  const log = await readNewerLog({ ...deps, onProgress }, file)
  const { origin, size, from, takeaways } = log
  const largest = await deps.settlements.findOpen(database)
  if (largest !== undefined && largest.size > 0 && takeaways.count + takeaways.dropped === 0) {
    throw new LogNotApplicable('the database has every event of the file: it is not the newer log.')
  }
  const plan = await planRestore(deps, takeaways)
  if (!isDryRun) await takeAway(deps, operator, plan, onProgress)
  const event = isDryRun ? null : await conclude(deps, operator, log, plan)
  return {
    log: { origin, size, from, events: takeaways.count, dropped: takeaways.dropped },
    plan,
    rootKey: takeaways.rootKey,
    event,
    missing: Math.max(0, (largest?.size ?? 0) - size),
  }
}

async function takeAway(
  deps: ApplyLogDeps,
  operator: AuditCaller,
  plan: RestorePlan,
  onProgress: ApplyLogRequest['onProgress'],
): Promise<void> {
  /** The same parts, with events that name the ones that they repeat. */
  const repeating = (event: string): ApplyLogDeps => ({
    ...deps,
    newAuditEvent: (facts) => deps.newAuditEvent({ ...facts, replay_of: event }),
  })
  // Access comes first: callers who lost it must not come back while the rest is applied.
  for (const { id, event } of plan.revoke) await revokeClient(repeating(event), operator, id)
  for (const { id, event } of plan.endCredentials) await endCredentialOrRevoke(repeating(event), operator, id)
  for (const { id, event } of plan.disable) await disableStaff(repeating(event), operator, id)
  for (const { id, event } of plan.endPartners) await endPartner(repeating(event), operator, id)
  for (const { id, event } of plan.endPartnerKeys) await endKeysOrPartner(repeating(event), operator, id)
  for (const one of plan.suspend) await suspendAgain(repeating(one.event), operator, one)
  if (plan.roles !== undefined) await leaveOnlyTokenize(repeating(plan.roles.event), operator)
  if (plan.destinations !== undefined) {
    // The log does not say which they were, and those of the backup may forward to where no data may go any more.
    const { newAuditEvent } = repeating(plan.destinations.event)
    await deps.destinations.withdraw(operator, newAuditEvent)
  }
  // The backup does not know what keeps records longer: an operator looks at a dry run, and enables it again.
  if (plan.retention !== undefined) await disableRetention(repeating(plan.retention.event), operator)
  for (const one of plan.lapse) await lapseAgain(repeating(one.event), operator, one)
  for (const one of plan.hold) await holdAgain(repeating(one.event), operator, one)
  for (const { id, event } of plan.compromise) await compromiseKey(repeating(event), operator, id)
  if (plan.withdraw.length > 0) await withdrawAgain({ ...deps, ...(await deps.records()) }, operator, plan.withdraw)
  await orderAgain(deps, operator, plan.order)
  const total = plan.erase.length
  await eraseAgain(deps, operator, plan.erase, (done) => onProgress({ done, total }))
}

/** A hold keeps its record from erasures that are applied later, from callers and from retention. */
async function holdAgain(
  deps: ApplyLogDeps,
  operator: AuditCaller,
  { token, purpose, reason, until }: RestorePlan['hold'][number],
): Promise<void> {
  const known = purposes.find((one) => one === purpose)
  await addHold(deps, operator, { token, purpose: known, reason, reviewAt: new Date(until) })
}

/** The MAC of a client whose row was changed outside the vault cannot cover an end. */
async function endCredentialOrRevoke(deps: ApplyLogDeps, operator: AuditCaller, id: string): Promise<void> {
  try {
    await endCredential(deps, operator, id)
  } catch (error) {
    if (!(error instanceof UnknownClient)) throw error
    await revokeClient(deps, operator, id)
  }
}

/** The same of a contract. Its newer keys are not in the log, so an operator gives them again. */
async function endKeysOrPartner(deps: ApplyLogDeps, operator: AuditCaller, id: string): Promise<void> {
  try {
    await replacePartnerKeys(deps, operator, id, null)
  } catch (error) {
    if (!(error instanceof UnknownPartner)) throw error
    await endPartner(deps, operator, id)
  }
}

async function suspendAgain(
  { database, ledger, newAuditEvent, now }: ApplyLogDeps,
  operator: AuditCaller,
  { id, purpose }: RestorePlan['suspend'][number],
): Promise<void> {
  await database.transaction(async (tx) => {
    await ledger.hold(tx)
    await suspendCaller(tx, { caller: id, role: '', purpose }, now())
    await ledger.recordOrLeave(tx, [{ subject: suspendedSubject(id), state: REFUSED }])
    const facts = { type: 'caller.suspend', outcome: 'success', caller: operator, subject: id } as const
    await insertEvents(tx, [newAuditEvent({ ...facts, purpose: purpose === '' ? undefined : purpose })])
  })
}

/** An approval that was used or refused must not let another release out. Those of its record end with it. */
async function lapseAgain(
  { database, newAuditEvent, now }: ApplyLogDeps,
  operator: AuditCaller,
  { id, approval }: Again & { approval: string },
): Promise<void> {
  await database.transaction(async (tx) => {
    await lapseApprovals(tx, id, now())
    const facts = { type: 'approval.refuse', outcome: 'success', caller: operator, token: id } as const
    await insertEvents(tx, [newAuditEvent({ ...facts, subject: approval })])
  })
}

/**
 * The log says that other roles were applied, and not which. The roles of the backup may grant what was taken away since, so
 * they keep nothing but the scope to store, until an operator applies the newest file.
 */
async function leaveOnlyTokenize(deps: ApplyLogDeps, operator: AuditCaller): Promise<void> {
  const { roles } = toRoleFile(await deps.roles.refresh())
  const narrowed = Object.entries(roles).map(([name, { duty, scopes }]) => [
    name,
    { duty, scopes: scopes.filter((scope) => scope === 'tokenize'), grants: [] },
  ])
  const file: RoleFile = { format: 1, roles: Object.fromEntries(narrowed) }
  await applyRoles({ ...deps, macs: createSetMacs(deps.keys.macs, roleSets) }, operator, file)
}

/** Says that the log was applied, and opens the vault for reads. Null when nothing was to do. */
async function conclude(
  { newAuditEvent, settlements, registryAge }: ApplyLogDeps,
  operator: AuditCaller,
  { size, from, takeaways }: NewerLog,
  plan: RestorePlan,
): Promise<string | null> {
  const taken = stepsOf(plan)
  const isOlder = registryAge.newer() !== undefined
  return registryAge.outgrow(operator, async (tx) => {
    const all = await settlements.selectOpen(tx)
    // A line of the ledger of erasures is answered for where its record is erased by now.
    const lines = readAll(all.flatMap(({ size, note }) => (size === 0 && note !== null ? [note] : [])))
    const missing = new Set((await missingFrom(tx, lines)).map(({ text }) => text))
    const done = new Set(lines.filter(({ text }) => !missing.has(text)).map(({ text }) => text))
    const open = all.filter(({ size, note }) => size > 0 || done.has(note ?? ''))
    if (open.length + taken === 0 && !isOlder) return null
    const event = await settle(tx, open, (checkpoints) =>
      newAuditEvent({
        type: 'restore.apply',
        outcome: 'success',
        caller: operator,
        subject: `checkpoint:${size}`,
        checkpoints: open.length === 0 ? undefined : checkpoints,
        count: taken,
        ranges: takeaways.count === 0 ? undefined : [`${from}-${size - 1}`],
      }),
    )
    return event.id
  })
}

/** How many things are taken away. */
export function stepsOf(plan: RestorePlan): number {
  const lists = [
    plan.erase,
    plan.order,
    plan.withdraw,
    plan.revoke,
    plan.endCredentials,
    plan.disable,
    plan.endPartners,
    plan.endPartnerKeys,
    plan.suspend,
    plan.lapse,
    plan.hold,
    plan.compromise,
  ]
  const sets = [plan.roles, plan.destinations, plan.retention].filter((set) => set !== undefined)
  return lists.reduce((sum, list) => sum + list.length, sets.length)
}
