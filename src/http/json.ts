import { Problem } from '../problem.ts'

/** Deeper bodies are refused: the deepest that the API knows has 4 levels. */
const MAX_DEPTH = 8

/**
 * Parses JSON as the API takes it (RFC 8259, and the I-JSON rules of RFC 7493 on member names): no duplicate members,
 * no lone surrogates, at most 8 levels.
 *
 * @throws {Problem} malformed-json, or unknown-member for `__proto__`; never with the parser's message, which quotes input
 */
export function parseJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new Problem('malformed-json')
  }
  checkMembers(text)
  return value
}

/** Walks over the text of valid JSON once, and looks at what JSON.parse hides: the names of members, and the depth. */
function checkMembers(text: string): void {
  const open: (Set<string> | undefined)[] = []
  let expectsName = false
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22 /* " */:
        {
          const end = endOfString(text, at)
          const names = open.at(-1)
          const raw = text.slice(at, end + 1)
          if (raw.includes('\\u') && !(JSON.parse(raw) as string).isWellFormed()) throw malformed('lone surrogate')
          if (expectsName && names) {
            const name = raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1)
            // An own member here, but it would become a prototype in the first careless assignment.
            if (name === '__proto__') throw new Problem('unknown-member')
            if (names.has(name)) throw malformed('a member stands twice in one object')
            names.add(name)
            expectsName = false
          }
          at = end
          break
        }
      case 0x7b /* { */:
        open.push(new Set())
        expectsName = true
        break
      case 0x5b /* [ */:
        open.push(undefined)
        expectsName = false
        break
      case 0x7d /* } */:
      case 0x5d /* ] */:
        open.pop()
        expectsName = false
        break
      case 0x2c /* , */:
        expectsName = open.at(-1) !== undefined
        break
    }
    if (open.length > MAX_DEPTH) throw malformed(`more than ${MAX_DEPTH} levels`)
  }
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1)
  return end
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0
  while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes++
  return backslashes % 2 === 1
}

function malformed(detail: string): Problem {
  return new Problem('malformed-json', { detail })
}
