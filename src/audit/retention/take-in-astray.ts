import { setTimeout as wait } from 'node:timers/promises'
import type { Database } from '../../database/database.ts'
import { isLockTimeout } from '../../database/database-error.ts'
import { timeOfId } from '../../values/identifier.ts'
import { monthsBefore } from './months.ts'
import { readPartitionState, takeInAstray } from './partition-store.ts'

const ATTEMPTS = 10
const PAUSE_MS = 500

/**
 * Moves events from the default partition into the partition of their month. Their content and their place in the log
 * stay.
 *
 * @param owner the database as the role that owns the log
 * @param log takes a line for what was done, or why not
 * @param attempts how often it waits a second for readers and writers of events
 */
export async function takeInAllAstray(
  owner: Database,
  log: (line: string) => void,
  attempts = ATTEMPTS,
): Promise<void> {
  for (let last: string | undefined; ; ) {
    const { firstAstray } = await readPartitionState(owner, new Date())
    if (firstAstray === null) return
    const time = timeOfId(firstAstray)
    if (time === undefined || firstAstray === last) {
      log(`the event ${firstAstray} stays in the default partition of the audit log: its month cannot be made`)
      return
    }
    const month = monthsBefore(new Date(time), 0)
    const name = month.toISOString().slice(0, 7)
    if (!(await patiently(attempts, () => owner.transaction((tx) => takeInAstray(tx, month))))) {
      log(`the audit log is being read, so its events of ${name} stay in the default partition: migrate again later`)
      return
    }
    log(`the events of ${name} have a partition of their own now`)
    last = firstAstray
  }
}

/** Whether the lock was free at last. */
async function patiently(attempts: number, work: () => Promise<void>): Promise<boolean> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    try {
      await work()
      return true
    } catch (error) {
      if (!isLockTimeout(error)) throw error
      await wait(PAUSE_MS)
    }
  }
  return false
}
