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
  /** Before anything is changed. @throws {Problem} schema-changed */
  requireOwnSchema(): Promise<void>
  acceptSchema(operator: AuditCaller, hash: string): Promise<ComparedSchema>
}

/** The schema of the database, beside the one that was shipped. */
export interface Schema {
  watch(): Promise<SchemaWatch>
  commands: SchemaCommands
}

/**
 * The look at the schema of the database. A server looks before it begins, and goes on; a command looks when something is to be
 * changed, for what it needs for it takes time to load.
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
