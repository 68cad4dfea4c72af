import type { AuditCaller } from '../audit/event/audit-event.ts'
import type { Database } from '../database/database.ts'
import type { ChangeRegistryDeps } from '../keys/registry/registry.ts'
import type { Logger } from '../observability/logger.ts'
import { once } from '../values/once.ts'
import type { ComparedSchema } from './compare-schema.ts'
import type { SchemaWatch, WatchSchemaDeps } from './watch-schema.ts'

export interface CreateSchemaDeps extends Omit<WatchSchemaDeps, 'log'>, ChangeRegistryDeps {
  database: Database
  keys: WatchSchemaDeps['keys'] & ChangeRegistryDeps['keys']
  logger: Logger
  /** Whether this process serves callers. */
  serves: boolean
}

/** The operator's commands over the schema of the database. */
interface SchemaCommands {
  /** For commands, before they change anything. @throws {Problem} schema-changed */
  requireOwnSchema(): Promise<void>
  acceptSchema(operator: AuditCaller, hash: string): Promise<ComparedSchema>
}

/** Compares the schema of the database with the one that was shipped. */
export interface Schema {
  watch(): Promise<SchemaWatch>
  commands: SchemaCommands
}

/**
 * A server looks at the schema before it serves, and then each minute. A command looks before it changes something, since
 * the comparison takes time to load.
 */
export async function createSchema(deps: CreateSchemaDeps): Promise<Schema> {
  const watch = once(async () => {
    const { watchSchema } = await import('./watch-schema.ts')
    return watchSchema({ ...deps, log: (facts, message) => deps.logger.warn(facts, message) })
  })
  if (deps.serves) await watch()
  return {
    watch,
    commands: {
      requireOwnSchema: async () => (await watch()).requireUnchanged(),
      async acceptSchema(operator, hash) {
        const { acceptSchema } = await import('./accept-schema.ts')
        return acceptSchema(deps, operator, hash)
      },
    },
  }
}
