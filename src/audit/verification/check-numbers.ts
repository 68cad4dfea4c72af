import { parseMissing } from '../completeness/missing-name.ts'
import type { Made, NumberReport } from '../event/made.ts'
import { NumberRanges } from '../event/number-ranges.ts'
import type { ReadEvent } from './check-event.ts'
import type { Findings } from './log-finding.ts'

/** What was read of the events of one process. */
interface ProcessEvents {
  /** Numbers that are accounted for: those of events, and those that the process calls rolled back. */
  seen: NumberRanges
  lost: NumberRanges
  /** What a server has found to be missing, as events of the log say. */
  reported: NumberRanges
  settled: number
  /** The number of the first event of it, and how many leaves before it have no event. */
  first: number
  absentBefore: number
}

export interface NumberCheck {
  add(event: Pick<ReadEvent, 'made' | 'type' | 'missing'>): void
  /** How many leaves have no event, so that their numbers are unknown. */
  skip(count: number): void
  /** Says which numbers are missing. */
  end(): void
}

/** Checks that no event is missing among those that each process of the vault has numbered. */
export function createNumberCheck(findings: Findings): NumberCheck {
  const processes = new Map<string, ProcessEvents>()
  let absent = 0

  /** @param first a number of it that is there, or from which on it is looked at */
  function processOf(process: string, first: number): ProcessEvents {
    const known = processes.get(process)
    if (known !== undefined) return known
    const ranges = { seen: new NumberRanges(), lost: new NumberRanges(), reported: new NumberRanges() }
    const begun = { ...ranges, settled: 1, first, absentBefore: absent }
    processes.set(process, begun)
    return begun
  }

  function addMade({ process, number, skipped, lost, settled }: Made): void {
    const known = processOf(process, number)
    known.seen.add(number)
    addReport(known, { skipped, lost, settled })
    known.first = Math.min(known.first, number)
  }

  function addReport(known: ProcessEvents, { skipped, lost, settled }: Omit<NumberReport, 'process'>): void {
    known.seen.addAll(skipped)
    known.seen.addAll(lost)
    known.lost.addAll(lost)
    known.settled = Math.max(known.settled, settled)
  }

  function sayMissing(process: string, ranges: NumberRanges, what: string): void {
    if (ranges.isEmpty) return
    const detail = `${what}: ${ranges.texts().join(', ')} of ${process}`
    findings.add({ code: 'missing', detail })
  }

  return {
    add({ made, type, missing }) {
      if (made !== undefined) addMade(made)
      if (type !== 'audit.missing') return
      for (const one of missing.map(parseMissing)) {
        if (one !== undefined) processOf(one.process, 1).reported.add(one.from, one.to)
      }
    },
    skip(count) {
      absent += count
    },
    end() {
      for (const [process, { seen, lost, reported, settled, first, absentBefore }] of processes) {
        // What comes before may be among the events that are not there, which retention takes from the oldest on.
        const missing = new NumberRanges(seen.missing(absentBefore > 0 ? first : 1, settled))
        // Leaves without an event are findings of their own, or were dropped.
        if (missing.count > absent - absentBefore) reported.addAll(missing)
        sayMissing(process, reported, 'events that the vault has made are not in the log')
        sayMissing(
          process,
          lost,
          'events were not stored as the vault had made them, and nothing was released under them',
        )
      }
    },
  }
}
