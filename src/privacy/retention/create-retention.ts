import type { Access } from '../../access/create-access.ts'
import type { Hold } from '../../access/ledger/hold-store.ts'
import { type AuditCaller, type NewAuditEvent, VAULT } from '../../audit/event/audit-event.ts'
import type { Database } from '../../database/database.ts'
import type { Keys } from '../../keys/ring/keys.ts'
import { type Alert, createNewsAlert } from '../../observability/alert.ts'
import type { Job } from '../../observability/jobs.ts'
import type { Metrics } from '../../observability/metrics.ts'
import type { CurrentPolicies } from '../../policies/current-policies.ts'
import type { NewId } from '../../values/identifier.ts'
import type { Erasures } from '../erasure/create-erasures.ts'
import type { HoldRequest, ListedHold } from './holds.ts'
import type { RetentionPlan } from './plan-retention.ts'
import type { ReleasedAndErased } from './release-and-erase.ts'
import type { RetentionControl, RetentionRun } from './run-retention.ts'
import type { RetentionState } from './verify-retention.ts'

export interface CreateRetentionDeps {
  database: Database
  access: Pick<Access, 'ledger'>
  policies: CurrentPolicies
  erasures: Pick<Erasures, 'countMissing' | 'ledger'>
  newAuditEvent: NewAuditEvent
  newId: NewId
  now: () => Date
  alert: Alert
  metrics: Pick<Metrics, 'observeRetention'>
  keys: Keys
  /** Whether this process does the work of a server that is for all of them. */
  keepsLog: boolean
}

interface RetentionCommands {
  /** What would be erased; the look is an event. */
  planRetention(operator: AuditCaller): Promise<RetentionPlan>
  runRetention(operator: AuditCaller, control: Omit<RetentionControl, 'isAsked'>): Promise<RetentionRun>
  enableRetention(operator: AuditCaller, plan: string): Promise<{ scopes: string[] }>
  disableRetention(operator: AuditCaller): Promise<{ scopes: string[] }>
  /** `missing` counts the erasures that the ledger outside has and this database has not done. */
  verifyRetention(): Promise<RetentionState & { ok: boolean; missing: number }>
  addHold(operator: AuditCaller, request: HoldRequest): Promise<Hold>
  releaseHold(operator: AuditCaller, name: string): Promise<ReleasedAndErased>
  listHolds(): Promise<ListedHold[]>
}

/** How long records are kept, and what keeps them longer. */
export interface Retention {
  commands: RetentionCommands
  jobs: readonly Job[]
}

const RUN_EVERY_MS = 60 * 60 * 1000
const RUN_FIRST_MS = 2 * 60 * 1000
/** No two servers erase by the policies at once. */
const RETENTION_LOCK = 0x7374_7243

export function createRetention(given: CreateRetentionDeps): Retention {
  const { ledger } = given.access
  const deps = { ...given, ledger, erasures: given.erasures.ledger }
  const { database } = deps
  const tell = createNewsAlert(deps.alert)
  const holds = () => import('./holds.ts')
  const enabling = () => import('./enable-retention.ts')

  async function runAsServer(): Promise<void> {
    if (deps.keys.isSealed) return
    const { runRetention } = await import('./run-retention.ts')
    const { findOverdue } = await import('./verify-retention.ts')
    await database.tryLock(RETENTION_LOCK, async () => {
      const control = { onProgress: () => {}, signal: new AbortController().signal, isAsked: false }
      if ((await deps.policies.at(undefined)).published.length > 0) await runRetention(deps, VAULT, control)
      const found = await findOverdue(deps)
      for (const token of found.changed) tell(token, 'holds-changed', { token })
      for (const token of found.revived) tell(`revived ${token}`, 'erased-record-back', { token })
      deps.metrics.observeRetention(found)
    })
  }

  return {
    jobs: deps.keepsLog
      ? [{ name: 'run-retention', everyMs: RUN_EVERY_MS, firstMs: RUN_FIRST_MS, run: runAsServer }]
      : [],
    commands: {
      async planRetention(operator) {
        const { planRetention, recordDryRun } = await import('./plan-retention.ts')
        const plan = await planRetention(deps)
        await recordDryRun(deps, operator, plan)
        return plan
      },
      async runRetention(operator, control) {
        const { runRetention } = await import('./run-retention.ts')
        return runRetention(deps, operator, { ...control, isAsked: true })
      },
      enableRetention: async (operator, plan) => (await enabling()).enableRetention(deps, operator, plan),
      disableRetention: async (operator) => (await enabling()).disableRetention(deps, operator),
      async verifyRetention() {
        const { findOverdue, isInOrder } = await import('./verify-retention.ts')
        const found = await findOverdue(deps)
        const missing = await given.erasures.countMissing()
        return { ok: isInOrder(found) && missing === 0, ...found, missing }
      },
      async addHold(operator, request) {
        const { addHold, HoldRefused } = await holds()
        if (request.reviewAt <= deps.now()) throw new HoldRefused('the day of the review is over already.')
        return addHold(deps, operator, request)
      },
      async releaseHold(operator, name) {
        const { releaseAndErase } = await import('./release-and-erase.ts')
        return releaseAndErase(deps, operator, name)
      },
      listHolds: async () => (await holds()).listHolds(deps),
    },
  }
}
