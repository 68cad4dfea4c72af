/**
 * An operator has answered for tables of keys that are older than the log beside them. From then on what the log said of keys up to
 * that position counts no more. Stands among the marks of the manifest: under its MAC, which somebody with the database alone lacks.
 */
const ANSWERED = 'answered '

export function answeredMark(position: number): string {
  return `${ANSWERED}${position}`
}

/** The marks of earlier answers. */
export function answersIn(marks: readonly string[]): string[] {
  return marks.filter((mark) => mark.startsWith(ANSWERED))
}

/** The last position of the log that the last answer was about; -1 when there was none. */
export function answeredUpTo(marks: readonly string[]): number {
  return Math.max(-1, ...answersIn(marks).map((mark) => Number(mark.slice(ANSWERED.length))))
}
