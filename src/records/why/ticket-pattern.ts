import { VaultError } from '../../values/vault-error.ts'

/** The longest ticket, in characters. */
export const MAX_TICKET = 64

/** Three unbounded repetitions of a character in a ticket of 64; checking all these ways takes some milliseconds. */
const MOST_WAYS = 300_000

const MAX_PATTERN = 200

/** The pattern cannot be used; the message continues "STRONGROOM_TICKET_PATTERN ". */
export class PatternError extends VaultError {
  override readonly name = 'PatternError'
}

/**
 * A regular expression that a whole ticket must match, from what an operator wrote. JavaScript's regular expressions
 * backtrack, so a pattern is refused if its repetitions can divide a ticket in too many ways. Lookarounds, references
 * and flags are refused as well.
 *
 * @throws {PatternError}
 */
export function parseTicketPattern(pattern: string): RegExp {
  if (pattern.length > MAX_PATTERN) throw new PatternError(`has more than ${MAX_PATTERN} characters`)
  const counted = countWays(pattern)
  if (counted === undefined || counted.end !== pattern.length) {
    throw new PatternError('is not a regular expression of characters, classes, groups, repetitions and alternatives')
  }
  if (counted.ways > MOST_WAYS) throw new PatternError('can match a text in too many ways: repeat less in it')
  try {
    return new RegExp(`^(?:${pattern})$`)
  } catch {
    throw new PatternError('is not a regular expression')
  }
}

interface Counted {
  /** An upper bound of how many ways there are to match some text of that length. */
  ways: number
  end: number
}

/** Alternatives with `|` between them, up to the end or a bracket that closes; undefined for what is not supported. */
function countWays(pattern: string, from = 0): Counted | undefined {
  let ways = 0
  let branch = 1
  let at = from
  while (at < pattern.length && pattern[at] !== ')') {
    if (pattern[at] === '|') {
      ways += branch
      branch = 1
      at++
      continue
    }
    const atom = countAtom(pattern, at)
    if (atom === undefined) return undefined
    const repetition = REPETITION.exec(pattern.slice(atom.end))?.[0] ?? ''
    branch *= waysToRepeat(atom.ways, repetition)
    at = atom.end + repetition.length
  }
  return { ways: ways + branch, end: at }
}

const SINGLE = /^(?:\\[dDsSwWbB]|\\u[0-9A-Fa-f]{4}|\\[^0-9A-Za-z]|\[(?:[^\]\\]|\\.)*\]|[^()[\]{}*+?|\\])/u
const GROUP = /^\((?:\?:|(?!\?))/
const REPETITION = /^(?:[*+?]|\{\d{1,3}(?:,\d{0,3})?\})\??/

function countAtom(pattern: string, at: number): Counted | undefined {
  const single = SINGLE.exec(pattern.slice(at))
  if (single !== null) return { ways: 1, end: at + single[0].length }
  const group = GROUP.exec(pattern.slice(at))
  const inner = group === null ? undefined : countWays(pattern, at + group[0].length)
  if (inner === undefined || pattern[inner.end] !== ')') return undefined
  return { ways: inner.ways, end: inner.end + 1 }
}

function waysToRepeat(ways: number, repetition: string): number {
  const [least, most] = boundsOf(repetition)
  let sum = 0
  for (let times = least; times <= most; times++) sum += ways ** times
  return sum
}

/** At most the number of characters of a ticket: a repetition that takes no character does not count. */
function boundsOf(repetition: string): [number, number] {
  if (repetition === '') return [1, 1]
  if (repetition.startsWith('?')) return [0, 1]
  if (repetition.startsWith('*')) return [0, MAX_TICKET]
  if (repetition.startsWith('+')) return [1, MAX_TICKET]
  const [least, most] = repetition.replace(/[{}?]/g, '').split(',')
  const last = most === undefined ? Number(least) : most === '' ? MAX_TICKET : Number(most)
  return [Math.min(Number(least), MAX_TICKET), Math.min(last, MAX_TICKET)]
}
