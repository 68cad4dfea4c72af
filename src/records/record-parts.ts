import type { Limits } from '../access/access-control.ts'
import type { FindContract } from '../access/callers/find-contract.ts'
import type { Access } from '../access/create-access.ts'
import type { NewAuditEvent } from '../audit/event/audit-event.ts'
import type { WriteAuditEvent } from '../audit/event/write-audit-event.ts'
import type { EventAuthenticity } from '../audit/log/event-authenticity.ts'
import type { ReleaseGate } from '../audit/release-gate/release-gate.ts'
import type { RecordsConfig } from '../config/config-sections.ts'
import type { Database, Queryable } from '../database/database.ts'
import { readSetting, writeSetting } from '../database/settings-store.ts'
import type { Keys } from '../keys/ring/keys.ts'
import { createKinds } from '../kinds/kinds.ts'
import type { Alert } from '../observability/alert.ts'
import type { CurrentPolicies } from '../policies/current-policies.ts'
import type { NewId } from '../values/identifier.ts'
import type { RandomBytes } from '../values/random.ts'
import type { AfterCorrection } from './change/after-correction.ts'
import type { ErasureLedger } from './change/erasure-ledger.ts'
import type { RecordDeps } from './dependencies.ts'
import { createIdempotency, type Idempotency } from './idempotency/idempotency.ts'
import type { RecordBatches } from './record-batches.ts'
import { createLookUp, createRecordBatches } from './record-batches.ts'
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
  /** A server records whether it finds cards by number; other processes do as it does. */
  recordedIssuer: 'write' | 'prefer' | 'ignore'
  gate: ReleaseGate
  access: Pick<Access, 'checkCallerStatus' | 'findContract' | 'ledger' | 'limits' | 'macs' | 'proveCaller' | 'roles'>
  policies: CurrentPolicies
  authenticity: EventAuthenticity
  erasures: ErasureLedger
  production: boolean
  afterCorrection: AfterCorrection
  /** Whether this process serves callers. Another one builds what its command uses. */
  serves: boolean
  /** What the benchmark's floor puts in the place of the store. */
  batches?: RecordBatches | undefined
}

/** What the use cases of records are made of, and what their routes share. */
export interface RecordParts extends RecordDeps, Limits {
  findContract: FindContract
  idempotency: Idempotency
}

/** @throws {ConfigError} for a pattern of tickets or a list of authorities that is unusable */
export async function createRecordParts(given: CreateRecordsDeps): Promise<RecordParts> {
  const { access, config, database, gate, keys, now } = given
  const findsCards = await settleCardSearch(database, config.findsCards, given.recordedIssuer === 'write')
  return {
    ...given,
    ...access,
    ...access.limits,
    kinds: createKinds(now, findsCards),
    findsCards,
    why: createWhy(await loadWhyRules(config)),
    batches: given.batches ?? createRecordBatches(database, gate.requireOpen),
    findByTerm: createFindByTerm(given),
    lookUp: createLookUp(database),
    idempotency: createIdempotency({
      database,
      keys,
      now,
      proveCaller: access.proveCaller,
      requireRelease: gate.requireOpen,
    }),
  }
}

/**
 * Whether cards are found by their numbers. The configuration says it, and a server records it. A command and a worker whose
 * configuration says nothing do as the server does.
 *
 * @throws {Problem} database-unavailable
 */
async function settleCardSearch(db: Queryable, isOn: boolean | undefined, isServer: boolean): Promise<boolean> {
  if (!isServer) return isOn ?? (await readSetting(db, 'card-search')) !== 'off'
  await writeSetting(db, 'card-search', isOn === false ? 'off' : 'on')
  return isOn !== false
}
