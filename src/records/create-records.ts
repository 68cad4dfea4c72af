import type { Limits } from '../access/access-control.ts'
import type { AccessLedger } from '../access/ledger/access-ledger.ts'
import type { AccessMacs } from '../access/ledger/access-macs.ts'
import type { Caller } from '../access/policy/caller.ts'
import type { CurrentRoles } from '../access/roles-in-force/current-roles.ts'
import type { NewAuditEvent } from '../audit/event/audit-event.ts'
import type { WriteAuditEvent } from '../audit/event/write-audit-event.ts'
import type { ReleaseGate } from '../audit/release-gate/release-gate.ts'
import type { RecordsConfig } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import type { Route } from '../http/route.ts'
import type { Keys } from '../keys/ring/keys.ts'
import type { ReencryptionTarget } from '../keys/rotation/reencryption-target.ts'
import { createKinds } from '../kinds/kinds.ts'
import type { Alert } from '../observability/alert.ts'
import { type Job, sweepJob } from '../observability/jobs.ts'
import type { NewId } from '../values/identifier.ts'
import type { RandomBytes } from '../values/random.ts'
import type { RecordDeps } from './dependencies.ts'
import { createIdempotency, type Idempotency } from './idempotency/idempotency.ts'
import { sweepIdempotencyKeys } from './idempotency/idempotency-store.ts'
import { createLookUp, createRecordBatches, type RecordBatches } from './record-batches.ts'
import { createReencryptionTargets } from './reencryption-targets.ts'
import { settleCardSearch } from './search/card-search-setting.ts'
import { countMisses } from './search/count-misses.ts'
import { createFindByTerm } from './search/find-by-term.ts'
import { createWhy } from './why/why.ts'
import { loadWhyRules } from './why/why-rules.ts'

export interface CreateRecordsDeps {
  database: Database
  keys: Keys
  alert: Alert
  now: () => Date
  newId: NewId
  randomBytes: RandomBytes
  newAuditEvent: NewAuditEvent
  writeAuditEvent: WriteAuditEvent
  config: RecordsConfig
  issuer: string
  /** A server records how it is configured; others do as it does. */
  recordedIssuer: 'write' | 'prefer' | 'ignore'
  gate: ReleaseGate
  access: { limits: Limits; roles: CurrentRoles; macs: AccessMacs; ledger: AccessLedger }
  /** What the benchmark's floor puts in the place of the store. */
  batches?: RecordBatches | undefined
}

/** What the vault keeps. */
export interface Records {
  /** What commands over records are made of. */
  deps: RecordDeps & Limits & Pick<CreateRecordsDeps['access'], 'roles' | 'macs' | 'ledger'>
  idempotency: Idempotency
  /** Everything that a rotation of keys moves. */
  targets: readonly ReencryptionTarget[]
  routes(): Promise<Route<Caller>[]>
  /** Counts what a caller asks for and does not find, in routes of others too. */
  countMisses(route: Route<Caller>): Route<Caller>
  jobs: readonly Job[]
}

/** @throws {ConfigError} for tickets or authorities that cannot be asked for */
export async function createRecords(given: CreateRecordsDeps): Promise<Records> {
  const { access, config, database, gate, keys, now } = given
  const findsCards = await settleCardSearch(database, config.findsCards, given.recordedIssuer === 'write')
  const idempotency = createIdempotency({ database, keys, now, requireRelease: gate.requireOpen })
  const deps = {
    ...given,
    ...access,
    ...access.limits,
    kinds: createKinds(now, findsCards),
    findsCards,
    why: createWhy(await loadWhyRules(config)),
    batches: given.batches ?? createRecordBatches(database, gate.requireOpen),
    findByTerm: createFindByTerm(given),
    lookUp: createLookUp(database),
  }
  return {
    deps,
    idempotency,
    targets: createReencryptionTargets(deps),
    async routes() {
      const { createRecordApi } = await import('./record-api.ts')
      return createRecordApi({ ...deps, idempotency })
    },
    countMisses: (route) => countMisses(deps, route),
    jobs: [sweepJob('sweep-idempotency-keys', () => sweepIdempotencyKeys(database, now()))],
  }
}
