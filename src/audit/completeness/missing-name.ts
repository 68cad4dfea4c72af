import type { MissingNumbers } from './number-tracker.ts'

/** An entry of a bundle has at most 65,535 bytes (C2SP tlog-tiles), and such a name has some sixty. */
export const MOST_NAMES = 500

/** As an event names them: `process/first-last`. */
export function describeMissing({ process, from, to }: MissingNumbers): string {
  return from === to ? `${process}/${from}` : `${process}/${from}-${to}`
}

/** Undefined for what `describeMissing` did not write. */
export function parseMissing(name: string): MissingNumbers | undefined {
  const [, process, from, to = from] = /^([^/]+)\/(\d{1,15})(?:-(\d{1,15}))?$/.exec(name) ?? []
  return process === undefined ? undefined : { process, from: Number(from), to: Number(to) }
}

/** How many numbers they are. */
export function countMissing(missing: readonly MissingNumbers[]): number {
  return missing.reduce((sum, { from, to }) => sum + to - from + 1, 0)
}
