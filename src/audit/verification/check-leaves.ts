import { timeOfId } from '../../identifier.ts'
import { hashLeaf } from '../merkle.ts'
import { checkEvent, type ReadEvent } from './check-event.ts'
import type { NumberCheck } from './check-numbers.ts'
import { type Findings, leaves } from './log-finding.ts'
import type { LoggedLeaf } from './log-source.ts'
import type { RecordHistories } from './record-history.ts'
import type { TrustedKeys } from './trusted-keys.ts'

/** The time of an event is taken before it commits, so that events may stand a little out of the order of time. */
const TIME_TOLERANCE_MS = 5 * 60 * 1000

/** PCI DSS 10.5.1: events are kept for a year at least. */
const KEPT_MS = 365 * 24 * 60 * 60 * 1000

/** So many edited events are remembered, to see whether they were only swapped. */
const MOST_COMPARED = 10_000

/** Events that are not there any more. */
interface Gap {
  from: number
  /** The last one. */
  to: number
  /** The event of its first leaf, if that is there. */
  event: string | undefined
  /** The latest time of them, as the ids in their leaves say; of a leaf that is gone, the time of the event before. */
  latest: number
}

/** Events that were dropped by retention, as an event of it says. */
interface Drop {
  from: number
  to: number
  at: number
}

export interface LeafCheck {
  /** Checks the next leaf, and answers with its hash for the tree. */
  check(leaf: LoggedLeaf): Buffer | undefined
  /** Leaves that are not there, up to and without the second. */
  skip(from: number, to: number): void
  /** Takes note of what an event says of the log itself that waits for its place in it. */
  heed(event: ReadEvent): void
  /** Says what is left to say. */
  end(): void
  /** How many events were dropped as retention may. */
  readonly dropped: number
}

/** Checks the events of the log, one after the other: that they are there, unchanged, and in the order of time. */
export function createLeafCheck(
  findings: Findings,
  histories: RecordHistories,
  trusted: TrustedKeys,
  numbers: NumberCheck,
): LeafCheck {
  const gaps: Gap[] = []
  const drops: Drop[] = []
  /** Leaves whose event has another hash, by that hash. */
  const edited = new Map<string, { leaf: LoggedLeaf; expected: string }>()
  let lastTime = Number.NEGATIVE_INFINITY
  let isAfterGap = false
  let dropped = 0

  function miss(from: number, to: number, event?: string): void {
    const last = gaps.at(-1)
    const latest = (event === undefined ? undefined : timeOfId(event)) ?? lastTime
    if (last?.to === from - 1) Object.assign(last, { to, latest: Math.max(last.latest, latest) })
    else gaps.push({ from, to, event, latest })
    isAfterGap = true
    numbers.skip(to - from + 1)
  }

  function heed(event: ReadEvent): void {
    if (event.type !== 'audit.drop') return
    for (const range of event.ranges ?? []) {
      const [, from, to = from] = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(range) ?? []
      if (from !== undefined) drops.push({ from: Number(from), to: Number(to), at: event.at })
    }
  }

  function follow(event: ReadEvent, sequence: number): void {
    if (isAfterGap) histories.expectOldRecords(new Date(event.at + TIME_TOLERANCE_MS))
    isAfterGap = false
    if (!(event.at >= lastTime - TIME_TOLERANCE_MS)) {
      const detail = `the event is of ${describe(event.at)}, the one before it of ${describe(lastTime)}`
      findings.add({ code: 'time-runs-back', sequence, event: event.id, detail })
    }
    lastTime = event.at
    if (event.publicKey !== undefined && (event.type === 'audit.key' || event.type === 'key.create')) {
      trusted.announce(sequence, event.publicKey)
    }
    heed(event)
    numbers.add(event.made)
    histories.add(event, sequence)
  }

  function sayEdited(): void {
    for (const [hash, { leaf, expected }] of edited) {
      const other = edited.get(expected)
      const { sequence, event } = leaf
      if (other?.expected !== hash) {
        findings.add({ code: 'edited', sequence, event, detail: 'the event is not the one whose hash is in its leaf' })
      } else if (other.leaf.sequence > sequence) {
        const detail = `the events of the leaves ${sequence} and ${other.leaf.sequence} (${other.leaf.event}) were swapped`
        findings.add({ code: 'reordered', sequence, event, detail })
      }
    }
    edited.clear()
  }

  function sayGap({ from, to, event, latest }: Gap): void {
    const covering = drops.filter((one) => one.from <= to && from <= one.to)
    for (let at = from; at <= to; ) {
      const drop = covering.find((one) => one.from <= at && at <= one.to)
      const next = Math.min(...covering.map((one) => one.from).filter((one) => one > at))
      const until = Math.min(to, drop?.to ?? next - 1)
      if (drop === undefined) sayRemoved(at, until, at === from ? event : undefined)
      else dropped += until - at + 1
      at = until + 1
    }
    if (covering.length > 0 && latest > Math.max(...covering.map(({ at }) => at)) - KEPT_MS + TIME_TOLERANCE_MS) {
      const detail = `events of the ${leaves(from, to)} were dropped before they were a year old`
      findings.add({ code: 'removed', sequence: from, detail })
    }
  }

  function sayRemoved(from: number, to: number, event: string | undefined): void {
    const detail = `the ${from === to ? 'event' : 'events'} of the ${leaves(from, to)} ${from === to ? 'is' : 'are'} not there`
    findings.add({ code: 'removed', sequence: from, event, detail })
  }

  return {
    get dropped() {
      return dropped
    },
    check(leaf) {
      const { sequence, stored, hash } = leaf
      if (stored === undefined) {
        miss(sequence, sequence, leaf.event)
        return hash
      }
      const computed = hashLeaf(Buffer.from(stored.body))
      if (hash !== undefined && !computed.equals(hash)) {
        if (edited.size >= MOST_COMPARED) sayEdited()
        edited.set(computed.toString('base64'), { leaf, expected: hash.toString('base64') })
      }
      const event = checkEvent(findings, stored, { sequence, event: leaf.event })
      if (event !== undefined) follow(event, sequence)
      return hash ?? computed
    },
    skip: (from, to) => miss(from, to - 1),
    heed,
    end() {
      sayEdited()
      for (const gap of gaps) sayGap(gap)
    },
  }
}

function describe(time: number): string {
  return Number.isFinite(time) ? new Date(time).toISOString() : 'no time'
}
