/**
 * In the manifest of the key registry when every search term under that index key has a MAC: from the beginning for a
 * key that this version makes, for an older one from the rotation that has emptied it.
 */
export function termMacsMark(indexKeyId: string): string {
  return `search-term-macs ${indexKeyId}`
}

/**
 * In the manifest when no card number was ever hashed under that `index` key: for each that this version makes. An
 * older one may have terms of card numbers, which are found until a rotation has moved them to a `card-index` key.
 */
export function noCardTermsMark(indexKeyId: string): string {
  return `no-card-terms ${indexKeyId}`
}

/**
 * In the manifest of the key registry for an index key that a rotation has emptied: it is destroyed as soon as nothing
 * needs it. With such a key and a copy of `search_terms` card numbers and telephone numbers are found by trying, and no
 * row of a backup needs it to be opened.
 */
export function destroyWhenFreeMark(indexKeyId: string): string {
  return `destroy-when-free ${indexKeyId}`
}

/**
 * In the manifest of the key registry when every value in a row with more facts is bound to it (format 2) under that
 * data key: from the beginning for a key that this version makes, for an older one from the rotation that has emptied
 * it. Values of an earlier version under it do not open.
 */
export function boundRowsMark(dataKeyId: string): string {
  return `bound-rows ${dataKeyId}`
}

/**
 * An operator has answered for tables of keys that are older than the log beside them. From then on the log's
 * statements about keys up to that position do not count. It is among the marks of the manifest: under its MAC, which a
 * person with only the database lacks.
 */
const ANSWERED = 'answered '

export function answeredMark(position: number): string {
  return `${ANSWERED}${position}`
}

/** The marks of earlier answers. */
export function answersIn(marks: readonly string[]): string[] {
  return marks.filter((mark) => mark.startsWith(ANSWERED))
}

/** The last position of the log that the last answer was about; -1 if there was none. */
export function answeredUpTo(marks: readonly string[]): number {
  return Math.max(-1, ...answersIn(marks).map((mark) => Number(mark.slice(ANSWERED.length))))
}
