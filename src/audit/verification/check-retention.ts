import { minimumIndexOf } from '../formats/tile.ts'
import { MIN_MONTHS_KEPT, monthsBefore } from '../retention/months.ts'
import type { ReadEvent } from './check-event.ts'
import { type Findings, leaves } from './log-finding.ts'
import type { TrustedKeys } from './trusted-keys.ts'

/** The time of an event is taken before it commits, so events may be a little out of the order of time. */
export const TIME_TOLERANCE_MS = 5 * 60 * 1000

/** PCI DSS 10.5.1: events are kept for a year at least. */
const KEPT_MS = 365 * 24 * 60 * 60 * 1000

/** Missing events. */
interface Gap {
  from: number
  /** The last one. */
  to: number
  /** The event of its first leaf, if that leaf is there. */
  event: string | undefined
  /** The latest time of them as far as it is known, and no earlier than the event before allows. */
  latest: number
  /** The time of the event after it. */
  after: number
}

interface Range {
  from: number
  to: number
}

/** An `audit.drop` event, as far as what it says is well-formed. */
interface Drop {
  event: string
  /** Undefined while it waits for its place. */
  sequence: number | undefined
  at: number
  until: number
  ranges: readonly Range[]
  /** Whether its leaf is the hash of it. */
  isIntact: boolean
  /** Whether a version wrote it that drops nothing but the beginning of the log. */
  isOfBeginning: boolean
}

export interface RetentionCheck {
  /**
   * An event that is not there.
   *
   * @param time when it was made, as its leaf or a receipt says; undefined when neither does
   * @param before the time of the event before it
   */
  miss(range: Range, event: string | undefined, time: number | undefined, before: number): void
  /** Events were dropped before that leaf was read, and those before it were read while they were there. */
  continueAfterDrop(sequence: number): void
  /** An event that is there. @param sequence undefined while it waits for its place */
  pass(event: ReadEvent, sequence: number | undefined, isIntact: boolean): void
  /** Says which events were removed, when it is known which part of the log a trusted key has signed. */
  end(): void
  /** How many events were dropped as retention may. */
  readonly dropped: number
  /** The minimum index of a log of that size (C2SP tlog-tiles). */
  minimumIndex(size: number): number
}

/**
 * Distinguishes events that retention dropped from events that were removed. A drop counts if it is in the signed part
 * of the log and if it holds: it takes whole months from the beginning of the log, and everything that is missing there
 * is older than its time, which is twelve months before the drop.
 *
 * Earlier versions dropped months that were not the beginning of the log. Their drops count if they precede the first
 * event of this version, where new events cannot be added.
 */
export function createRetentionCheck(findings: Findings, trusted: TrustedKeys): RetentionCheck {
  const gaps: Gap[] = []
  const drops: Drop[] = []
  /** The first leaf that says a minimum index, as this version does and no earlier one. */
  let firstOfVersion = Number.POSITIVE_INFINITY
  /** For each month with a missing event: the first such leaf. */
  const firstOfMonth = new Map<number, number>()
  /** The first missing leaf without a known time. It is not younger than the events that follow. */
  let timeless: number | undefined
  let dropped = 0
  let firstKept = 0
  /** Leaves that were the first to be read after a drop. */
  const afterDrops = new Set<number>()

  function noteMonth(sequence: number, time: number): void {
    const month = monthOf(time)
    firstOfMonth.set(month, Math.min(sequence, firstOfMonth.get(month) ?? sequence))
  }

  function settleTimeless(time: number): void {
    if (timeless === undefined) return
    noteMonth(timeless, time)
    timeless = undefined
  }

  /** Why a drop does not count; undefined when it counts. */
  function objection(drop: Drop): string | undefined {
    const { sequence, at, until, ranges, isIntact, isOfBeginning } = drop
    if (sequence === undefined) return 'it waits for its place in the log'
    if (!isIntact) return 'it was edited'
    if (sequence >= trusted.believed) return 'no checkpoint that a trusted key has signed covers it'
    if (!isOfBeginning) {
      return sequence < firstOfVersion ? undefined : 'only the beginning of the log is dropped since this version'
    }
    const [range] = ranges
    if (range === undefined) return 'it says no places'
    if (ranges.length > 1 || range.from !== 0) return 'it is not of the beginning of the log'
    if (range.to >= sequence) return 'it is of events after itself'
    if (monthsBefore(new Date(until), 0).getTime() !== until) return 'it is not of whole months'
    if (until > monthsBefore(new Date(at), MIN_MONTHS_KEPT).getTime())
      return `it is of events younger than ${MIN_MONTHS_KEPT} months`
    const next = gaps.find(({ to }) => to === range.to)?.after
    if (next !== undefined && next < until - TIME_TOLERANCE_MS) return 'the month was not dropped whole'
    const young = [...firstOfMonth].filter(([month, first]) => month >= monthOf(until) && first <= range.to)
    if (young.length === 0) return undefined
    return `leaf ${Math.min(...young.map(([, first]) => first))} is of an event that was made later than it says`
  }

  function sayGap(gap: Gap, judged: readonly { drop: Drop; reason: string | undefined }[]): void {
    const { from, to, event, latest } = gap
    const counted = judged.filter(({ reason }) => reason === undefined).map(({ drop }) => drop)
    // A gap that does not begin with the log is not its beginning, unless the events before it were dropped after they
    // were read.
    const covering = counted
      .filter(({ isOfBeginning }) => !isOfBeginning || from === 0 || afterDrops.has(from))
      .flatMap(({ ranges, at, isOfBeginning }) => ranges.map((range) => ({ ...range, at, isOfBeginning })))
      .filter((one) => one.from <= to && from <= one.to)
    for (let at = from; at <= to; ) {
      const drop = covering.find((one) => one.from <= at && at <= one.to)
      const next = Math.min(...covering.map((one) => one.from).filter((one) => one > at))
      const until = Math.min(to, drop?.to ?? next - 1)
      if (drop === undefined) sayRemoved(at, until, at === from ? event : undefined, judged)
      else dropped += until - at + 1
      at = until + 1
    }
    const ofEarlier = covering.filter(({ isOfBeginning }) => !isOfBeginning)
    const isProved = covering.some((one) => one.isOfBeginning && one.to >= to)
    if (isProved || ofEarlier.length === 0) return
    if (latest > Math.max(...ofEarlier.map(({ at }) => at)) - KEPT_MS + TIME_TOLERANCE_MS) {
      const detail = `events of the ${leaves(from, to)} were dropped before they were a year old`
      findings.add({ code: 'removed', sequence: from, detail })
    }
  }

  function sayRemoved(
    from: number,
    to: number,
    event: string | undefined,
    judged: readonly { drop: Drop; reason: string | undefined }[],
  ): void {
    const isOne = from === to
    const named = judged.find(({ drop, reason }) => reason !== undefined && drop.ranges.some(overlaps(from, to)))
    const why = named === undefined ? '' : `; ${named.drop.event} says that retention dropped them, and ${named.reason}`
    const detail = `the ${isOne ? 'event' : 'events'} of the ${leaves(from, to)} ${isOne ? 'is' : 'are'} not there${why}`
    findings.add({ code: 'removed', sequence: from, event, detail })
  }

  return {
    get dropped() {
      return dropped
    },
    minimumIndex: (size) => minimumIndexOf(firstKept, size),
    miss({ from, to }, event, time, before) {
      const last = gaps.at(-1)
      const latest = Math.max(time ?? Number.NEGATIVE_INFINITY, before - TIME_TOLERANCE_MS)
      if (last?.to === from - 1) Object.assign(last, { to, latest: Math.max(last.latest, latest) })
      else gaps.push({ from, to, event, latest, after: Number.NaN })
      if (time === undefined) timeless ??= from
      else {
        settleTimeless(time)
        noteMonth(from, time)
      }
    },
    continueAfterDrop(sequence) {
      afterDrops.add(sequence)
    },
    pass(event, sequence, isIntact) {
      const { id, at, type, until, minimumIndex } = event
      if (sequence !== undefined) {
        const last = gaps.at(-1)
        if (last?.to === sequence - 1) last.after = at
        settleTimeless(at)
        if (minimumIndex !== undefined) firstOfVersion = Math.min(firstOfVersion, sequence)
      }
      if (type !== 'audit.drop' || event.outcome !== 'success') return
      drops.push({
        event: id,
        sequence,
        at,
        until,
        ranges: (event.ranges ?? []).flatMap(readRange),
        isIntact,
        isOfBeginning: minimumIndex !== undefined,
      })
    },
    end() {
      settleTimeless(Number.POSITIVE_INFINITY)
      const judged = drops.map((drop) => ({ drop, reason: objection(drop) }))
      for (const { drop, reason } of judged) {
        if (reason === undefined && drop.isOfBeginning) firstKept = Math.max(firstKept, drop.ranges[0]!.to + 1)
      }
      for (const gap of gaps) sayGap(gap, judged)
    },
  }
}

const overlaps = (from: number, to: number) => (range: Range) => range.from <= to && from <= range.to

function readRange(range: string): Range[] {
  const [, from, to = from] = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(range) ?? []
  return from === undefined ? [] : [{ from: Number(from), to: Number(to) }]
}

/** Months are counted from year 0; an invalid time is later than all. */
function monthOf(time: number): number {
  if (!Number.isFinite(time)) return Number.POSITIVE_INFINITY
  const date = new Date(time)
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}
