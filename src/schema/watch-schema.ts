import type { Database } from '../database/database.ts'
import type { Keys } from '../keys/ring/keys.ts'
import type { Alert } from '../observability/alert.ts'
import type { Background } from '../observability/background.ts'
import { Problem } from '../values/problem.ts'
import { findSchema } from './accept-schema.ts'
import type { ComparedSchema } from './compare-schema.ts'
import { type RecordMigrationDeps, recordMigration } from './record-migration.ts'
import { isVouchedFor } from './vouched-schema.ts'

const LOOK_EVERY_MS = 60_000
/** While service is refused, requests make the vault look again, at most this often. */
const LOOK_AGAIN_MS = 1_000
/** Shorter than the look of each minute, since something may be put back or accepted at any moment. */
const RETRY_AFTER_SECONDS = 5

export interface WatchSchemaDeps extends RecordMigrationDeps {
  database: Database
  keys: Pick<Keys, 'registry' | 'refresh' | 'verified' | 'isSealed'>
  alert: Alert
  background: Background
  /** Writes into the log what differs and refuses nothing. */
  log: (facts: { differences: string }, message: string) => void
  /** What the first look would find. Default: it is made. */
  foundSchema?: ComparedSchema | undefined
}

export interface SchemaWatch {
  /** Why nothing is served; undefined when the schema is the vault's own. */
  changed(): Problem | undefined
  /** Looks again if the schema was changed at the last look. @throws {Problem} schema-changed */
  requireUnchanged(): Promise<void>
}

/** A line of the log with more differences would be too long to read. */
const MOST_NAMED = 10

/**
 * Compares the schema, once before it resolves and then each minute, with what was shipped, what a later version's
 * migrations have made, and what was accepted. While there is a difference nothing is served.
 */
export async function watchSchema(deps: WatchSchemaDeps): Promise<SchemaWatch> {
  const { database, keys, alert, background, log } = deps
  let { foundSchema: foundBefore } = deps
  let found: ComparedSchema | undefined
  let lookedAt = Number.NEGATIVE_INFINITY
  let alerted: string | undefined
  let told = ''

  function problem(): Problem | undefined {
    if (found === undefined) return new Problem('database-unavailable')
    if (found.differences.length === 0) return undefined
    // A sealed vault cannot verify what was accepted. It serves nothing either.
    const isKnown = !keys.isSealed && isVouchedFor(found, keys.verified.marks)
    return isKnown ? undefined : new Problem('schema-changed', { retryAfterSeconds: RETRY_AFTER_SECONDS })
  }

  async function look(): Promise<void> {
    lookedAt = performance.now()
    const before = found
    found = foundBefore ?? (await findSchema(database))
    foundBefore = undefined
    if (before !== undefined && before.hash !== found.hash) database.renew()
    tellOthers(found)
    if (keys.isSealed) return
    const isRefused = problem() !== undefined
    if (!isRefused) alerted = undefined
    else if (alerted !== found.hash) {
      alerted = found.hash
      alert('schema-changed', { hash: found.hash, differences: nameSome(found.differences) })
    }
    // Accepted differences stay accepted, also for servers of an earlier version.
    await recordMigration(deps, isRefused || found.differences.length === 0 ? found.shipped : found.schema)
  }

  function tellOthers({ others }: ComparedSchema): void {
    const differences = nameSome(others)
    if (differences === told) return
    told = differences
    if (others.length > 0) log({ differences }, 'the schema of the database differs in what refuses nothing')
  }

  // No job: the first look is part of the start, and a request that is refused asks for the next look at once.
  const task = background.every('watch-database-schema', { everyMs: LOOK_EVERY_MS }, look)
  await task.run()

  /** Resolves after a new look, if the last one was too long ago. */
  async function lookAgain(): Promise<void> {
    if (performance.now() - lookedAt > LOOK_AGAIN_MS) await task.run()
  }

  return {
    changed() {
      const refused = problem()
      if (refused !== undefined) void lookAgain()
      return refused
    },
    async requireUnchanged() {
      if (problem() !== undefined) await lookAgain()
      const refused = problem()
      if (refused !== undefined) throw refused
    },
  }
}

/** The first of them, in a sentence. */
export function nameSome(differences: readonly string[]): string {
  const rest = differences.length - MOST_NAMED
  return [...differences.slice(0, MOST_NAMED), ...(rest > 0 ? [`and ${rest} more`] : [])].join('; ')
}
