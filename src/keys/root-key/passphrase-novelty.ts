/** Shorter stretches are repeated, or lie side by side on a keyboard, in random text too. */
const MIN_REPEAT = 3
const MIN_WALK = 4
/** Looking for repetitions takes the square of the length. */
const MAX_LENGTH = 1024

/** The rows of a keyboard, without and with shift; a space represents no key. */
const ROWS = [
  ['`1234567890-=', '~!@#$%^&*()_+'],
  [' qwertyuiop[]\\', ' QWERTYUIOP{}|'],
  [" asdfghjkl;'", ' ASDFGHJKL:"'],
  [' zxcvbnm,./', ' ZXCVBNM<>?'],
]
/** How far each row is to the right of the one above the letters, in keys. */
const OFFSETS = [0, 0.5, 0.75, 1.25]
const NEAR = 1.5

const keys = new Map(
  ROWS.flatMap((both, row) =>
    both.flatMap((letters) =>
      [...letters].map((letter, at) => [letter.charCodeAt(0), { row, column: at + OFFSETS[row]! }] as const),
    ),
  ).filter(([code]) => code !== ' '.charCodeAt(0)),
)

/**
 * The places of a text, given as codes of its characters, that do not follow from what comes before: a repetition of an
 * earlier stretch is left out, in letters of either case, and a walk over neighbouring keys or letters counts as its
 * first key. No more than the first 1024 are looked at.
 */
export function novelPlaces(codes: ArrayLike<number>): number[] {
  const length = Math.min(codes.length, MAX_LENGTH)
  const places: number[] = []
  for (let at = 0; at < length; ) {
    const walk = walkFrom(codes, at, length)
    const repeat = repeatFrom(codes, at, length)
    if (walk >= MIN_WALK || repeat < MIN_REPEAT) places.push(at)
    at += walk >= MIN_WALK ? Math.max(walk, repeat) : repeat >= MIN_REPEAT ? repeat : 1
  }
  return places
}

function walkFrom(codes: ArrayLike<number>, start: number, length: number): number {
  let end = start + 1
  while (end < length && isBeside(codes[end - 1]!, codes[end]!)) end += 1
  return end - start
}

function repeatFrom(codes: ArrayLike<number>, start: number, length: number): number {
  let longest = 0
  for (let earlier = 0; earlier < start; earlier++) {
    let same = 0
    while (
      earlier + same < start &&
      start + same < length &&
      fold(codes[earlier + same]!) === fold(codes[start + same]!)
    ) {
      same += 1
    }
    longest = Math.max(longest, same)
  }
  return longest
}

function isBeside(one: number, other: number): boolean {
  if (Math.abs(fold(one) - fold(other)) <= 1) return true
  const [first, second] = [keys.get(one), keys.get(other)]
  if (first === undefined || second === undefined) return false
  return Math.abs(first.row - second.row) <= 1 && Math.abs(first.column - second.column) <= NEAR
}

/** Small letters for capital ones, in ASCII. */
function fold(code: number): number {
  return code >= 0x41 && code <= 0x5a ? code + 0x20 : code
}
