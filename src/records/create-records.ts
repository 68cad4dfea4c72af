import type { Access } from '../access/create-access.ts'
import type { Caller } from '../access/policy/caller.ts'
import type { NewAuditEvent } from '../audit/event/audit-event.ts'
import type { WriteAuditEvent } from '../audit/event/write-audit-event.ts'
import type { EventAuthenticity } from '../audit/log/event-authenticity.ts'
import type { ReleaseGate } from '../audit/release-gate/release-gate.ts'
import type { RecordsConfig } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import type { Route } from '../http/route.ts'
import type { Keys } from '../keys/ring/keys.ts'
import type { ReencryptionTarget } from '../keys/rotation/reencryption-target.ts'
import type { Alert } from '../observability/alert.ts'
import { type Job, sweepJob } from '../observability/jobs.ts'
import type { NewId } from '../values/identifier.ts'
import { once } from '../values/once.ts'
import type { RandomBytes } from '../values/random.ts'
import type { RecordBatches } from './record-batches.ts'
import { createRecordCommands, type RecordCommands } from './record-commands.ts'

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
  access: Pick<Access, 'checkCallerStatus' | 'ledger' | 'limits' | 'macs' | 'roles'>
  authenticity: EventAuthenticity
  production: boolean
  /** Whether this process serves callers. Another one builds what its command uses. */
  serves: boolean
  /** What the benchmark's floor puts in the place of the store. */
  batches?: RecordBatches | undefined
}

/** What the vault keeps. */
export interface Records {
  /** Everything that a rotation of keys moves. */
  targets(): Promise<readonly ReencryptionTarget[]>
  routes(): Promise<Route<Caller>[]>
  /** Counts what a caller asks for and does not find, in routes of others too. */
  countMisses(routes: readonly Route<Caller>[]): Promise<Route<Caller>[]>
  commands: RecordCommands
  jobs: readonly Job[]
}

/** @throws {ConfigError} in a server, for tickets or authorities that cannot be asked for */
export async function createRecords(deps: CreateRecordsDeps): Promise<Records> {
  const { access, database, now } = deps
  const parts = once(async () => {
    const { createRecordParts } = await import('./record-parts.ts')
    return createRecordParts(deps)
  })
  if (deps.serves) await parts()
  return {
    async targets() {
      const { createReencryptionTargets } = await import('./reencryption-targets.ts')
      return createReencryptionTargets(await parts())
    },
    async routes() {
      const { createRecordApi } = await import('./record-api.ts')
      return createRecordApi(await parts())
    },
    async countMisses(routes) {
      const { countMisses } = await import('./search/count-misses.ts')
      return routes.map((route) => countMisses(access.limits, route))
    },
    commands: createRecordCommands({ ...deps, ...access, parts }),
    jobs: [
      sweepJob('sweep-idempotency-keys', async () => {
        const { sweepIdempotencyKeys } = await import('./idempotency/idempotency-store.ts')
        return sweepIdempotencyKeys(database, now())
      }),
    ],
  }
}
