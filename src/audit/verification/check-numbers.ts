import type { Made } from '../made.ts'
import { NumberRanges } from '../number-ranges.ts'
import type { Findings } from './log-finding.ts'

/** What was read of the events of one process. */
interface ProcessEvents {
  /** Numbers that are accounted for: of events, and those that the process calls rolled back. */
  seen: NumberRanges
  lost: NumberRanges
  settled: number
  /** The number of the first event of it, and how many leaves before it have no event. */
  first: number
  absentBefore: number
}

export interface NumberCheck {
  add(made: Made | undefined): void
  /** So many leaves have no event: their numbers are not known. */
  skip(count: number): void
  /** Says which numbers are missing. */
  end(): void
}

/** Checks that no event is missing among those that each process of the vault has numbered. */
export function createNumberCheck(findings: Findings): NumberCheck {
  const processes = new Map<string, ProcessEvents>()
  let absent = 0

  function processOf({ process, number }: Made): ProcessEvents {
    const known = processes.get(process)
    if (known !== undefined) return known
    const ranges = { seen: new NumberRanges(), lost: new NumberRanges() }
    const begun = { ...ranges, settled: 1, first: number, absentBefore: absent }
    processes.set(process, begun)
    return begun
  }

  function sayMissing(process: string, ranges: NumberRanges, what: string): void {
    if (ranges.isEmpty) return
    const detail = `${what}: ${ranges.texts().join(', ')} of ${process}`
    findings.add({ code: 'missing', detail })
  }

  return {
    add(made) {
      if (made === undefined) return
      const known = processOf(made)
      known.seen.add(made.number)
      known.seen.addAll(made.skipped)
      known.seen.addAll(made.lost)
      known.lost.addAll(made.lost)
      known.settled = Math.max(known.settled, made.settled)
      known.first = Math.min(known.first, made.number)
    },
    skip(count) {
      absent += count
    },
    end() {
      for (const [process, { seen, lost, settled, first, absentBefore }] of processes) {
        // What comes before may be among the events that are not there, which retention takes from the oldest on.
        const missing = new NumberRanges(seen.missing(absentBefore > 0 ? first : 1, settled))
        // Leaves without an event are findings of their own, or were dropped.
        if (missing.count > absent - absentBefore) {
          sayMissing(process, missing, 'events that the vault has made are not in the log')
        }
        sayMissing(
          process,
          lost,
          'events were not stored as the vault had made them, and nothing was released under them',
        )
      }
    },
  }
}
