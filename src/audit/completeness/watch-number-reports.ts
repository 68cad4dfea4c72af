import type { Queryable } from '../../database/database.ts'
import { type NumberReport, readEvidence } from '../event/made.ts'
import { type StoredReport, selectReports, selectWithoutReport } from '../event/number-report-store.ts'

/** The sequencer reads the reports this often. */
const READ_EVERY_MS = 1_000
/** Two reports that are written at the same time may be seen in the other order. */
const OVERLAP = 100
/** An earlier sequencer has compared older reports. */
const MOST_READ = 10_000
/** When the key of events is replaced, a process writes its report again within seconds. */
const PATIENCE_MS = 5_000
/**
 * A report that has not changed for that long was compared long ago. A process that still runs notices itself when its
 * report is missing.
 */
const FORGOTTEN_AFTER_MS = 10 * 60_000

/** What a look at the reports has found. */
interface ReadReports {
  /** New reports of processes of the vault. */
  reports: NumberReport[]
  /** Processes that must have a report and have none. */
  vanished: string[]
}

export interface ReportMacs {
  /** Whether a process of the vault wrote the report. @throws {Problem} sealed */
  verify(report: string, mac: Buffer): Promise<boolean>
  /** Whether the vault has the key that a MAC names. @throws {Problem} sealed */
  knows(mac: Buffer): boolean
}

export interface ReportWatch {
  /** Reads the reports that have changed since the last look, if it is time for one. */
  read(): Promise<ReadReports>
  /** A process has events in the log, and so must have a report. */
  expect(process: string): void
}

/**
 * Follows the reports of processes about their numbers. It finds a report that was removed, edited or exchanged by what is
 * known of the process: its events in the log, or an earlier look.
 */
export function watchReports(session: Queryable, macs: ReportMacs): ReportWatch {
  /** The MACs of reports that were believed, by process. */
  const believed = new Map<string, Buffer>()
  /** Processes that may still run: since when nothing of them has changed, and since when their report is not theirs. */
  const open = new Map<string, { since: number; wrongSince: number | undefined }>()
  let readAt: number | undefined
  let after = 0

  function expect(process: string): void {
    if (believed.has(process) || open.has(process)) return
    open.set(process, { since: performance.now(), wrongSince: undefined })
  }

  /** Whether the report is the process's own; what it says goes among the reports, if it is news. */
  async function take({ process, report, mac }: StoredReport, reports: NumberReport[]): Promise<boolean> {
    if (believed.get(process)?.equals(mac)) {
      const state = open.get(process)
      if (state !== undefined) state.wrongSince = undefined
      return true
    }
    if (!(await macs.verify(report, mac))) {
      // A report under a destroyed key belongs to a process that ended long ago.
      if (macs.knows(mac)) expect(process)
      return false
    }
    const said = JSON.parse(report) as { closed?: boolean }
    const news = readEvidence(said)
    if (news?.process !== process) {
      expect(process)
      return false
    }
    believed.delete(process)
    believed.set(process, mac)
    if (believed.size > 2 * MOST_READ) believed.delete(believed.keys().next().value!)
    if (said.closed === true) open.delete(process)
    else open.set(process, { since: performance.now(), wrongSince: undefined })
    reports.push(news)
    return true
  }

  /** Among those that were expected before the look. */
  function findVanished(
    expected: readonly string[],
    rows: readonly StoredReport[],
    good: ReadonlySet<string>,
  ): string[] {
    const there = new Set(rows.map(({ process }) => process))
    const now = performance.now()
    return expected.filter((process) => {
      const state = open.get(process)
      if (state === undefined || good.has(process)) return false
      if (!there.has(process)) return true
      state.wrongSince ??= now
      return now - state.wrongSince > PATIENCE_MS
    })
  }

  function forget(): void {
    for (const [process, { since }] of open) {
      if (performance.now() - since > FORGOTTEN_AFTER_MS) open.delete(process)
    }
  }

  return {
    expect,
    async read() {
      if (readAt !== undefined && performance.now() - readAt < READ_EVERY_MS) return { reports: [], vanished: [] }
      if (readAt === undefined) for (const process of await selectWithoutReport(session)) expect(process)
      readAt = performance.now()
      const expected = [...open.keys()]
      const rows = await selectReports(session, after - OVERLAP, expected, MOST_READ)
      after = rows.reduce((last, { change }) => Math.max(last, change), after)
      const reports: NumberReport[] = []
      const good = new Set<string>()
      for (const row of rows) if (await take(row, reports)) good.add(row.process)
      const vanished = findVanished(expected, rows, good)
      for (const process of vanished) open.delete(process)
      forget()
      return { reports, vanished }
    },
  }
}
