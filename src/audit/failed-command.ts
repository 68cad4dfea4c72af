import type { Queryable } from '../database/database.ts'
import { toProblem } from '../values/problem.ts'
import type { AuditCaller, NewAuditEvent } from './event/audit-event.ts'
import { insertEvents } from './event/audit-store.ts'
import { countFailedCommands } from './event/event-lookup-store.ts'

const WINDOW_MS = 60_000

/** An operator's command that failed. */
export interface FailedCommand {
  /** Its name, without its arguments: `clients revoke`. */
  command: string
  /** The code of a problem, or the name of an error. */
  code: string
}

/**
 * Writes the event of a failed command. A command is a process of its own, so what came before it in the last minute is
 * counted in the log itself.
 *
 * @returns false above the limit, when it has no event
 * @throws {Problem} audit-unavailable, database-unavailable
 */
export async function recordFailedCommand(
  { database, newAuditEvent, now }: { database: Queryable; newAuditEvent: NewAuditEvent; now: () => Date },
  limits: { perSource: number; inAll: number },
  operator: AuditCaller,
  { command, code }: FailedCommand,
): Promise<boolean> {
  const since = new Date(now().getTime() - WINDOW_MS)
  const before = await countFailedCommands(database, since, operator.source ?? '')
  if (before.of_source >= limits.perSource || before.in_all >= limits.inAll) return false
  await insertEvents(database, [
    newAuditEvent({ type: 'request.refuse', outcome: 'failed', caller: operator, route: command, code }),
  ])
  return true
}

/**
 * Takes the failure of a command that could not write its own event. The server writes the event, or counts the
 * failure.
 */
export type TakeFailure = (operator: AuditCaller, failure: FailedCommand) => Promise<void>

export function createTakeFailure({
  record,
  outage,
  strangers,
}: {
  /** As `recordFailedCommand`. */
  record: (operator: AuditCaller, failure: FailedCommand) => Promise<boolean>
  outage: { missed(code: string): void }
  /** Counts failures above the limit. */
  strangers: { addFailure(source: string): void }
}): TakeFailure {
  return async (operator, failure) => {
    try {
      const isWritten = await record(operator, failure)
      if (!isWritten) strangers.addFailure(operator.source ?? '')
    } catch (error) {
      outage.missed(toProblem(error).code)
    }
  }
}
