import type { AuditCaller } from '../../audit/event/audit-event.ts'
import type { EventAuthenticity } from '../../audit/log/event-authenticity.ts'
import { findDrops, type KnownDrops } from '../../audit/log/find-drops.ts'
import type { RecordDeps } from '../dependencies.ts'
import { createAnswersWalk } from './check-answers.ts'
import { createLogWalk } from './check-log.ts'
import { createReasonsWalk } from './check-reasons.ts'
import { createRecordsWalk } from './check-records.ts'
import { createTermsWalk } from './check-terms.ts'
import { createVersionsWalk } from './check-versions.ts'
import type { RecordFinding, Walk } from './record-finding.ts'
import { countRows } from './verification-store.ts'

/** How a verification is watched. */
export interface VerifyRecordsControl {
  onProgress: (progress: { moved: number; total: number; remaining: number }) => void
  /** Each finding as it is found: there may be as many as there are rows. */
  onFinding: (finding: RecordFinding) => void
}

export interface RecordsVerification {
  ok: boolean
  findings: number
  /** How many rows of each table were looked at. */
  rows: Record<string, number>
  /** How many values are not bound to the rest of their row yet; a rotation of the data keys binds them. */
  unbound: number
}

/**
 * Checks everything that the vault holds, page by page, beside running servers: every seal in its row, the search
 * terms, the kept versions, answers and reasons, and all of it against the log. Changes nothing, and leaves an event.
 *
 * @throws {Problem} sealed, database-unavailable, audit-unavailable
 */
export async function verifyRecords(
  deps: Pick<RecordDeps, 'database' | 'keys' | 'kinds' | 'newAuditEvent' | 'now' | 'writeAuditEvent'> & {
    authenticity: EventAuthenticity
  },
  operator: AuditCaller,
  { onProgress, onFinding }: VerifyRecordsControl,
): Promise<RecordsVerification> {
  const { database } = deps
  let dropped: Promise<KnownDrops> | undefined
  const droppedUntil = async () => {
    dropped ??= findDrops(database, async (row) => (await deps.authenticity.judge(row, database)) === 'authentic')
    return (await dropped).until
  }
  const walks = [
    createRecordsWalk({ ...deps, droppedUntil }),
    createVersionsWalk(deps),
    createTermsWalk(deps),
    createAnswersWalk(deps),
    createReasonsWalk({ ...deps, droppedUntil }),
    createLogWalk(deps),
  ]
  const result: RecordsVerification = { ok: true, findings: 0, rows: {}, unbound: 0 }
  const counted = await countRows(database)
  let moved = 0
  for (const walk of walks) {
    let after: readonly unknown[] | undefined
    do {
      const { rows, next, findings, unbound } = await checkTwice(deps, walk, after)
      for (const finding of findings) onFinding(finding)
      result.findings += findings.length
      result.unbound += unbound
      result.rows[walk.table] = (result.rows[walk.table] ?? 0) + rows
      moved += rows
      // Rows that came in the meantime were not counted.
      const total = Math.max(counted, moved)
      onProgress({ moved, total, remaining: total - moved })
      after = next
    } while (after !== undefined)
  }
  result.ok = result.findings === 0
  await deps.writeAuditEvent(
    deps.newAuditEvent({
      type: 'records.verify',
      outcome: result.ok ? 'success' : 'failed',
      caller: operator,
      count: result.findings,
    }),
  )
  return result
}

/**
 * A page that has something wrong is looked at once more, with the registry as it is then: a value may have been moved to
 * another key, and its key destroyed, between reading and opening it.
 */
async function checkTwice(
  { keys }: Pick<RecordDeps, 'keys'>,
  walk: Walk,
  after: readonly unknown[] | undefined,
): ReturnType<Walk['check']> {
  await keys.ensureFresh()
  const page = await walk.check(after)
  if (page.findings.length === 0) return page
  await keys.refresh()
  return walk.check(after)
}
