import type { Config } from './config.ts'
import { examineClock } from './database/clock.ts'
import type { Database } from './database/database.ts'
import { inspectDatabase } from './database/inspect.ts'
import { examineDatabase, examineKeys, examineMappedRoles, type Finding } from './doctor.ts'
import { examinePartitions } from './examine-partitions.ts'
import { examineSchema } from './examine-schema.ts'
import { examineSettings } from './examine-settings.ts'
import { verifyRegistry } from './keys/verify-registry.ts'

/** Everything of a fit database that would refuse a start or should be seen to, as far as its schema is of this version. */
export async function examineOpenDatabase(config: Config, database: Database): Promise<Finding[]> {
  const facts = await inspectDatabase(database)
  const found = [...examineDatabase(config, facts), ...(await examineMappedRoles(config, facts))]
  const ofClock = examineClock(facts.clockLeadMs)
  if (found.some(({ code }) => code === 'schema')) return [...ofClock, ...found]
  const { provider, ...rootKey } = { ...config.rootKey, file: config.rootKeyFile }
  let marks: readonly string[] | undefined
  const ofKeys = await examineKeys(async () => {
    const registry = await verifyRegistry({ database, provider, rootKey, pinFile: config.pinFile })
    marks = registry.marks
    return registry.rootKey
  })
  return [
    ...ofClock,
    ...found,
    ...ofKeys,
    ...(await examineSchema(database, marks)),
    ...(await examinePartitions(database)),
    ...(await examineSettings(config, database)),
  ]
}
