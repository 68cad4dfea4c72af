/**
 * How far the sequencer has come along the positions of events. A position is taken when an event is inserted, and seen
 * when it commits. Missing positions belong to transactions that still run, or to transactions that were rolled back,
 * which never come.
 */
export interface Frontier {
  /** The first position after all that were seen. */
  readonly next: number
  /** What is missing before it, in ascending order. */
  readonly gaps: readonly Gap[]
}

/** Positions from the first up to, and without, the second. */
export interface PositionRange {
  from: number
  to: number
}

interface Gap extends PositionRange {
  /** The transactions that may still fill it: those that ran when the gap was first seen. Undefined for a new gap. */
  readonly waitsFor: ReadonlySet<string> | undefined
}

/** Every event of a lower position has been seen, or never will be. */
export function settledBelow({ next, gaps }: Frontier): number {
  return gaps[0]?.from ?? next
}

/**
 * The frontier after a look at the events in its gaps and after it.
 *
 * @param seen the positions found, in ascending order
 * @param running the transactions that ran just before that look. If none of those that a gap waits for is among them,
 *   the look has seen all that they committed, and what is still missing was rolled back
 */
export function advanceFrontier(frontier: Frontier, seen: readonly number[], running: ReadonlySet<string>): Frontier {
  const open = frontier.gaps
    .filter(({ waitsFor }) => waitsFor === undefined || !waitsFor.isDisjointFrom(running))
    .flatMap((gap) => without(gap, seen).map((range) => ({ ...range, waitsFor: gap.waitsFor ?? running })))
  const beyond = seen.filter((position) => position >= frontier.next)
  const next = (beyond.at(-1) ?? frontier.next - 1) + 1
  const fresh = without({ from: frontier.next, to: next }, beyond).map((range) => ({ ...range, waitsFor: undefined }))
  return { next, gaps: [...open, ...fresh] }
}

/** A range without those positions. */
function without({ from, to }: PositionRange, seen: readonly number[]): PositionRange[] {
  const ranges: PositionRange[] = []
  let start = from
  for (const position of seen) {
    if (position < start || position >= to) continue
    if (position > start) ranges.push({ from: start, to: position })
    start = position + 1
  }
  if (start < to) ranges.push({ from: start, to })
  return ranges
}
