import { nameEvent } from '../event/named-event.ts'
import { hashLeaf } from '../formats/merkle.ts'
import type { ReadEvent } from './check-event.ts'
import type { Findings } from './log-finding.ts'
import type { WaitingEvent } from './log-source.ts'

export interface UnprovenCheck {
  /** An event of the log, or one that waits for it. */
  add(event: ReadEvent): void
  /** An event that the log has passed, and that has no leaf. */
  pass(event: WaitingEvent): void
  /** Says which of those no `audit.unproven` names. */
  end(): void
  /** How many are named. */
  readonly count: number
}

/** Checks what the log has passed: commands without keys write events that the log only names. */
export function createUnprovenCheck(findings: Findings): UnprovenCheck {
  const named = new Set<string>()
  /** The names of events without a leaf, with their ids. */
  const passed = new Map<string, string>()
  let count = 0
  return {
    add({ type, events }) {
      if (type === 'audit.unproven') for (const name of events) named.add(name)
    },
    pass({ columns: { id }, body }) {
      passed.set(nameEvent({ event: id, hash: hashLeaf(Buffer.from(body)) }), id)
    },
    end() {
      for (const [name, event] of passed) {
        if (named.has(name)) count += 1
        else {
          const detail =
            'the event has no leaf, and the log has gone past it: it was put in later, or its leaf was removed'
          findings.add({ code: 'inserted', event, detail })
        }
      }
    },
    get count() {
      return count
    },
  }
}
