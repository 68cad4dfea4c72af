import type { Logger } from '../observability/logger.ts'
import type { SchemaWatch, WatchSchemaDeps } from '../schema/watch-schema.ts'

/**
 * The look at the schema of the database. A server looks before it begins, and goes on; a command looks when something is to be
 * changed, for what it needs for it takes time to load.
 */
export async function beginSchemaWatch(
  deps: Omit<WatchSchemaDeps, 'log'> & { logger: Logger; serves: boolean },
): Promise<() => Promise<SchemaWatch>> {
  let watch: Promise<SchemaWatch> | undefined
  const begin = async () => {
    const { watchSchema } = await import('../schema/watch-schema.ts')
    return watchSchema({ ...deps, log: (facts, message) => deps.logger.warn(facts, message) })
  }
  const schema = () => (watch ??= begin())
  if (deps.serves) await schema()
  return schema
}
