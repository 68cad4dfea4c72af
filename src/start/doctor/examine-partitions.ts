import { FEWEST_MONTHS_AHEAD } from '../../audit/retention/months.ts'
import { type PartitionState, readPartitionState } from '../../audit/retention/partition-store.ts'
import type { Database } from '../../database/database.ts'
import { timeOfId } from '../../values/identifier.ts'
import type { Finding } from './doctor.ts'

/** Whether events of the audit log have the partition of their month, now and soon. What is found is a warning. */
export async function examinePartitions(database: Database, now = new Date()): Promise<Finding[]> {
  const state = await readPartitionState(database, now)
  return [
    ...(state.monthsAhead < FEWEST_MONTHS_AHEAD ? [tooFew(state)] : []),
    ...(state.astray > 0 ? [astrayIn(state)] : []),
  ]
}

function tooFew({ monthsAhead }: PartitionState): Finding {
  const which = monthsAhead < 0 ? 'not even this month' : `${monthsAhead} of the months to come`
  return {
    code: 'audit-months-missing',
    severity: 'warning',
    detail: `${which} has a partition in the audit log, and at least ${FEWEST_MONTHS_AHEAD} should: a running server makes them within ten minutes, unless the whole log is being read for hours, a table has the name of one, or events of the month are astray.`,
  }
}

function astrayIn({ astray, firstAstray }: PartitionState): Finding {
  const time = timeOfId(firstAstray ?? '')
  const since = time === undefined ? '' : `, the first of ${new Date(time).toISOString().slice(0, 7)}`
  return {
    code: 'audit-events-astray',
    severity: 'warning',
    detail: `${astray === 10_000 ? '10000 or more' : astray} events of the audit log lie in its default partition${since}, since their month had none: run "strongroom migrate", which gives them one. Nothing is written while it moves them.`,
  }
}
