import type { Database } from '../../database/database.ts'
import type { Alert } from '../../observability/alert.ts'
import { Problem } from '../../values/problem.ts'
import type { AuditCaller, NewAuditEvent } from '../event/audit-event.ts'
import type { WriteAuditEvent } from '../event/write-audit-event.ts'

/**
 * The problem that answers a call whose event cannot be written. The log is in the database, so both are away together.
 */
const CODES_OF_THE_LOG = ['audit-unavailable', 'database-unavailable'] as const
type CodeOfTheLog = (typeof CODES_OF_THE_LOG)[number]
const isOfTheLog = (code: string): code is CodeOfTheLog => CODES_OF_THE_LOG.some((one) => one === code)

const TRY_EVERY_MS = 1_000
/** A log that hangs looks `busy`, like a vault with much to do. After this time without an answer it counts as away. */
const HANGS_AFTER_MS = 10_000
/** A log that fails again within this time was not repaired, and the alert was raised already. */
const SAME_OUTAGE_MS = 60_000

/** What is known of an answer. */
export interface ObservedAnswer {
  /** Whether the route leaves events. */
  audited: boolean
  status: number
  code: string | undefined
}

export interface Outage {
  observe(answer: ObservedAnswer): void
  /** Counts an answer that left, or a command that failed, without the event that it should have. @param code why */
  missed(code: string): void
  isOpen(): boolean
  /** @throws {Problem} the problem of the log, until it takes an event again */
  requireOver(): void
  /** Records the gap, if possible. Later refusals are not counted any more. */
  stop(): Promise<void>
}

export interface OutageDeps {
  database: Pick<Database, 'renew'>
  newAuditEvent: NewAuditEvent
  writeAuditEvent: WriteAuditEvent
  now: () => Date
  alert: Alert
  caller: AuditCaller
}

/**
 * Notices when the log cannot be written, raises one alert, and records the gap when it can be written again: from when
 * to when, and how many calls this process refused. PCI DSS 10.7.2, 10.7.3.
 */
export function watchOutage({ database, newAuditEvent, writeAuditEvent, now, alert, caller }: OutageDeps): Outage {
  let gap: { since: Date; code: CodeOfTheLog | 'busy'; refused: number } | undefined
  /** The calls that were answered `busy` since the last one that was served. */
  let busy: { since: Date; startedAt: number; refused: number } | undefined
  let endedAt = Number.NEGATIVE_INFINITY
  let timer: NodeJS.Timeout | undefined

  function observe({ audited, status, code }: ObservedAnswer): void {
    if (!audited) return
    if (status < 400) busy = undefined
    if (status !== 503 || code === undefined) return
    if (gap === undefined && code === 'busy') countBusy()
    else count(code)
  }

  function countBusy(): void {
    busy ??= { since: now(), startedAt: performance.now(), refused: 0 }
    busy.refused++
    if (performance.now() - busy.startedAt < HANGS_AFTER_MS) return
    begin({ since: busy.since, code: 'busy', refused: busy.refused })
    busy = undefined
  }

  function count(code: string): void {
    if (gap !== undefined) gap.refused++
    else if (isOfTheLog(code)) begin({ since: now(), code, refused: 1 })
  }

  function begin(begun: NonNullable<typeof gap>): void {
    gap = begun
    if (performance.now() - endedAt > SAME_OUTAGE_MS) alert('audit-unavailable', { code: begun.code })
    tryLater()
  }

  function tryLater(): void {
    timer = setTimeout(() => void record().then(tryLaterUnlessOver, tryInNewSessions), TRY_EVERY_MS).unref()
  }

  /** A session may fail to write even after the cause is gone. */
  function tryInNewSessions(): void {
    database.renew()
    tryLater()
  }

  function tryLaterUnlessOver(): void {
    if (gap !== undefined) tryLater()
  }

  /** The outage ends when this event can be written. */
  async function record(): Promise<void> {
    if (gap === undefined) return
    const { since, code, refused } = gap
    const until = now()
    const times = { since: since.toISOString(), until: until.toISOString() }
    await writeAuditEvent(
      newAuditEvent({ type: 'audit.gap', outcome: 'failed', caller, code, count: refused, ...times }),
    )
    endedAt = performance.now()
    // Calls may have been refused while the event was being written: they are the next gap.
    const later = gap.refused - refused
    gap = later > 0 ? { since: until, code, refused: later } : undefined
  }

  return {
    observe,
    missed: count,
    isOpen: () => gap !== undefined,
    requireOver(): void {
      if (gap !== undefined) throw new Problem(gap.code)
    },
    async stop(): Promise<void> {
      clearTimeout(timer)
      await record().catch(() => {})
    },
  }
}
