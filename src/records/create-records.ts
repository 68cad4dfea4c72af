import type { Caller } from '../access/policy/caller.ts'
import type { Route } from '../http/route.ts'
import type { Keys } from '../keys/ring/keys.ts'
import type { ReencryptionTarget } from '../keys/rotation/reencryption-target.ts'
import { type Job, sweepJob } from '../observability/jobs.ts'
import { once } from '../values/once.ts'
import { createRecordCommands, type RecordCommands } from './record-commands.ts'
import type { CreateRecordsDeps, RecordParts } from './record-parts.ts'

/** What the vault keeps. */
export interface Records {
  /** What its use cases are made of, for the nouns above it. */
  parts(): Promise<RecordParts>
  /** Everything that a rotation of keys moves. */
  targets(): Promise<readonly ReencryptionTarget[]>
  routes(): Promise<Route<Caller>[]>
  /** The calls of `routes` up to their statements, with those keys. */
  rehearse(routes: readonly Route<Caller>[], keys: Keys): Promise<Route<Caller>[]>
  /** Opens sessions of the database for the first calls, which find their statements planned. */
  prepareSessions(): Promise<void>
  /** Counts records that a caller asks for and does not find, also in routes of other nouns. */
  countMisses(routes: readonly Route<Caller>[]): Promise<Route<Caller>[]>
  commands: RecordCommands
  jobs: readonly Job[]
}

/** @throws {ConfigError} in a server, for a pattern of tickets or a list of authorities that is unusable */
export async function createRecords(deps: CreateRecordsDeps): Promise<Records> {
  const { access, database, now } = deps
  const parts = once(async () => {
    const { createRecordParts } = await import('./record-parts.ts')
    return createRecordParts(deps)
  })
  if (deps.serves) await parts()
  return {
    parts,
    async targets() {
      const { createSealedValues } = await import('../keys/rotation/sealed-values.ts')
      const { createSearchTerms } = await import('./reindex/reindex.ts')
      const { createUnindexedCards } = await import('./reindex/unindexed-cards.ts')
      const made = await parts()
      return [...createSealedValues(made.keys), createSearchTerms(made), createUnindexedCards(made)]
    },
    async routes() {
      const { createRecordApi } = await import('./record-api.ts')
      return createRecordApi(await parts())
    },
    async rehearse(routes, keys) {
      const { rehearseRecords } = await import('./rehearse-records.ts')
      return rehearseRecords(await parts(), keys, routes)
    },
    async prepareSessions() {
      const { prepareSessions } = await import('./prepare-sessions.ts')
      return prepareSessions(database)
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
