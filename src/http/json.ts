import { Problem } from '../values/problem.ts'
import { giveWay } from '../values/time-slice.ts'

interface Limits {
  /** Levels of objects and arrays. */
  depth: number
  /** Members of one object. */
  members: number
}

/** Deeper bodies are refused. The deepest that the API knows has 4 levels, and no object more than 16 members. */
const API: Limits = { depth: 8, members: 64 }
/** A batch has a thousand items, and no other list is longer. The schema judges lists that are slightly too long. */
const MAX_ELEMENTS = 2000
/** Characters as they are sent. The longest text that the API takes has 500, and each may be two escapes of six. */
const MAX_TEXT = 16 * 1024
/** Members and elements of all objects and arrays together: a thousand checkouts with all their parts have fewer than 80,000. */
const MAX_VALUES = 100_000

/** A longer text is parsed piece by piece, with other work in between. */
const LONG = 64 * 1024
/** After this many characters of a long text, other requests get a turn. */
const STRIDE = 32 * 1024

/**
 * Parses JSON as the API takes it (RFC 8259, and the I-JSON rules of RFC 7493 on member names): no duplicate members,
 * no lone surrogates, at most 8 levels. Its amount is bounded before anything is made of it: 64 members in an object,
 * 2,000 elements in an array, 100,000 of both in all, 16,384 characters in a text.
 *
 * @param limits of a file of the operator, which may be deeper than what callers send
 * @throws {Problem} malformed-json, unknown-member for `__proto__` and for an object with too many members,
 *   invalid-input
 *   for an array or a text that is too long, body-too-large for more in all; never with the parser's message, which quotes input
 */
export function parseJson(text: string, limits: Partial<Limits> = {}): unknown {
  const faults: Problem[] = []
  for (const _ of checkText(text, faults, { ...API, ...limits }));
  const value = parse(text)
  if (faults[0] !== undefined) throw faults[0]
  return value
}

/** Does the same, and gives way to other requests while it parses a long text. */
export async function parseLongJson(text: string): Promise<unknown> {
  if (text.length < LONG) return parseJson(text)
  const elements: Span[] = []
  const faults: Problem[] = []
  for (const _ of checkText(text, faults, API, elements)) await giveWay()
  // The text with a number in place of each element is JSON, and each element is JSON, if and only if the text is.
  let outline = ''
  let end = 0
  for (const [at, element] of elements.entries()) {
    outline += `${text.slice(end, element.start)}${at}`
    end = element.end
  }
  const whole = parse(outline + text.slice(end))
  const pieces: unknown[] = []
  for (const { start, end } of elements) {
    await giveWay()
    pieces.push(parse(text.slice(start, end)))
  }
  if (faults[0] !== undefined) throw faults[0]
  return fillIn(whole, pieces)
}

/** An object with one list as JSON, made element by element: a long list gives way to other requests. */
export async function writeLongList(name: string, elements: readonly unknown[]): Promise<string> {
  const texts: string[] = []
  for (const element of elements) {
    await giveWay()
    texts.push(JSON.stringify(element))
  }
  return `{${JSON.stringify(name)}:[${texts.join(',')}]}`
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Problem('malformed-json')
  }
}

/** The position of an element in the text. */
interface Span {
  start: number
  end: number
}

/** Replaces the numbers in an object by the elements of the arrays. */
function fillIn(whole: unknown, pieces: readonly unknown[]): unknown {
  if (typeof whole !== 'object' || whole === null) return whole
  for (const value of Object.values(whole)) {
    if (!Array.isArray(value)) continue
    for (const at of value.keys()) value[at] = pieces[value[at]]
  }
  return whole
}

/** An object or an array that has begun and not ended. */
interface Container {
  /** Of an object. */
  names: Set<string> | undefined
  /** Commas so far. */
  commas: number
}

/**
 * Walks over the text once, and looks at what JSON.parse hides or makes too much of: the names of members, how many
 * there are, and the depth. It ends on any text, also on one that is not JSON. Pauses every so many characters.
 *
 * @param faults filled with what is wrong with the text if it is JSON
 * @param elements filled with where the elements of arrays are that are members of the outermost object
 */
function* checkText(text: string, faults: Problem[], limits: Limits, elements?: Span[]): Generator<undefined, void> {
  const open: Container[] = []
  let values = 0
  let expectsName = false
  let elementStart = 0
  let pauseAt = STRIDE
  /** An element ends at a comma of its array or at the bracket; an array may have none. */
  const endElement = (end: number) => {
    if (open.length !== 2 || open[0]!.names === undefined || open[1]!.names !== undefined) return
    if (text.slice(elementStart, end).trim() !== '') elements?.push({ start: elementStart, end })
    elementStart = end + 1
  }
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22 /* " */:
        {
          const end = endOfString(text, at)
          if (end < 0) return
          if (end - at > MAX_TEXT) throw tooMuch(`a text has more than ${MAX_TEXT} characters`)
          const fault = faultOfString(text.slice(at, end + 1), expectsName ? open.at(-1)?.names : undefined)
          if (fault !== undefined && faults.length === 0) faults.push(fault)
          expectsName = false
          at = end
          break
        }
      case 0x7b /* { */:
        values++
        open.push({ names: new Set(), commas: 0 })
        expectsName = true
        break
      case 0x5b /* [ */:
        values++
        open.push({ names: undefined, commas: 0 })
        expectsName = false
        elementStart = open.length === 2 ? at + 1 : elementStart
        break
      case 0x7d /* } */:
        open.pop()
        expectsName = false
        break
      case 0x5d /* ] */:
        endElement(at)
        open.pop()
        expectsName = false
        break
      case 0x2c /* , */:
        {
          endElement(at)
          values++
          const container = open.at(-1)
          if (container !== undefined) countComma(container, limits)
          expectsName = container?.names !== undefined
          break
        }
    }
    if (open.length > limits.depth) throw malformed(`more than ${limits.depth} levels`)
    if (values > MAX_VALUES) throw new Problem('body-too-large', { detail: `it has more than ${MAX_VALUES} values` })
    if (at >= pauseAt) {
      pauseAt = at + STRIDE
      yield
    }
  }
}

/** @throws {Problem} unknown-member, invalid-input */
function countComma(container: Container, { members }: Limits): void {
  container.commas++
  if (container.names !== undefined && container.commas >= members) throw new Problem('unknown-member')
  if (container.names === undefined && container.commas >= MAX_ELEMENTS) {
    throw tooMuch(`an array has more than ${MAX_ELEMENTS} elements`)
  }
}

/** @param raw with its quotation marks @param names those of the object whose member it names; undefined for a value */
function faultOfString(raw: string, names: Set<string> | undefined): Problem | undefined {
  let text = raw.slice(1, -1)
  if (raw.includes('\\')) {
    text = unescaped(raw)
    if (!text.isWellFormed()) return malformed('lone surrogate')
  }
  if (names === undefined) return undefined
  // It is an own member here, and would become a prototype in a careless assignment.
  if (text === '__proto__') return new Problem('unknown-member')
  if (names.has(text)) return malformed('a member occurs twice in one object')
  names.add(text)
  return undefined
}

function unescaped(raw: string): string {
  try {
    return JSON.parse(raw) as string
  } catch {
    // The text is not JSON at all, and the problem says that.
    return raw
  }
}

/** Negative when it does not end. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes++
  return backslashes % 2 === 1
}

function tooMuch(detail: string): Problem {
  return new Problem('invalid-input', { detail })
}

function malformed(detail: string): Problem {
  return new Problem('malformed-json', { detail })
}
