import type { Config } from '../../config/config-sections.ts'
import { examineClock } from '../../database/clock.ts'
import type { Database } from '../../database/database.ts'
import { inspectDatabase } from '../../database/inspect.ts'
import { examineDatabase, examineMappedRoles, type Finding } from './doctor.ts'
import { examineDuties } from './examine-duties.ts'
import { examineErasures } from './examine-erasures.ts'
import { examinePartitions } from './examine-partitions.ts'
import { examinePolicies } from './examine-policies.ts'
import { examineRegistry } from './examine-registry.ts'
import { examineSchema } from './examine-schema.ts'
import { examineSettings } from './examine-settings.ts'

/** Everything in a fit database that would refuse a start or needs attention, as far as its schema is of this version. */
export async function examineOpenDatabase(
  config: Config,
  database: Database,
  log: (line: string) => void,
): Promise<Finding[]> {
  const facts = await inspectDatabase(database)
  const found = [...examineDatabase(config, facts), ...(await examineMappedRoles(config, facts))]
  const ofClock = examineClock(facts.clockLeadMs)
  if (found.some(({ code }) => code === 'schema')) return [...ofClock, ...found]
  const ofKeys = await examineRegistry(config, database, log)
  return [
    ...ofClock,
    ...found,
    ...ofKeys.findings,
    ...(await examineSchema(database, ofKeys.marks)),
    ...(await examinePartitions(database)),
    ...(await examineDuties(database)),
    ...(await examinePolicies(database)),
    ...(await examineErasures(config, database, new Date(), ofKeys.vault)),
    ...(await examineSettings(config, database)),
  ]
}
