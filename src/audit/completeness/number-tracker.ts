import type { Made, NumberReport } from '../event/made.ts'
import { type NumberRange, NumberRanges } from '../event/number-ranges.ts'

/** Numbers of a process that must be there and are not. */
export interface MissingNumbers extends NumberRange {
  process: string
}

/** Which numbers of a process came into the log, as ranges with spaces between them. */
export interface SeenNumbers {
  process: string
  seen: string
}

/**
 * The numbers of each process that came into the log. An event is written after those that it calls settled, so a
 * reader of it sees them as well. A number that is missing below is lost.
 */
export class NumberTracker {
  readonly #processes = new Map<string, { seen: NumberRanges; settled: number }>()
  readonly #changed = new Set<string>()

  knows(process: string): boolean {
    return this.#processes.has(process)
  }

  /** Begins with what an earlier sequencer has seen of a process; with nothing for a new process. */
  take(process: string, seen: NumberRanges = new NumberRanges()): void {
    this.#processes.set(process, { seen, settled: 1 })
  }

  /** Takes note of an event that the vault made. */
  add({ process, number, settled, skipped, lost }: Made): void {
    const known = this.#processes.get(process)
    if (known === undefined) throw new Error('a process is taken up before its events')
    known.seen.add(number)
    known.seen.addAll(skipped)
    known.seen.addAll(lost)
    known.settled = Math.max(known.settled, settled)
    this.#changed.add(process)
  }

  /** Takes note of a report, whether events of the process were seen or not. */
  report({ process, settled, skipped, lost }: NumberReport): void {
    const known = this.#processes.get(process)
    if (known === undefined) throw new Error('a process is taken up before its reports')
    known.seen.addAll(skipped)
    known.seen.addAll(lost)
    known.settled = Math.max(known.settled, settled)
  }

  /**
   * Answers with the numbers of a process whose report is missing. It is unknown how many follow, so the first number
   * represents them.
   */
  cutOff(process: string): MissingNumbers {
    const known = this.#processes.get(process)
    if (known === undefined) throw new Error('a process is taken up before it is missed')
    const [next = known.settled] = known.seen.missing(1, Number.MAX_SAFE_INTEGER).map(({ from }) => from)
    known.seen.add(next)
    this.#changed.add(process)
    return { process, from: next, to: next }
  }

  /** Answers with what is missing now, once. */
  takeMissing(): MissingNumbers[] {
    const missing: MissingNumbers[] = []
    for (const [process, { seen, settled }] of this.#processes) {
      const found = seen.missing(1, settled)
      missing.push(...found.map((range) => ({ process, ...range })))
      if (found.length === 0) continue
      seen.addAll(found)
      this.#changed.add(process)
    }
    return missing
  }

  /** What has changed since the last time. */
  takeChanges(): SeenNumbers[] {
    const changes = [...this.#changed].map((process) => ({
      process,
      seen: this.#processes.get(process)!.seen.texts().join(' '),
    }))
    this.#changed.clear()
    return changes
  }
}
