import type { z } from 'zod'
import { type InputError, Problem } from './problem.ts'
import type { ProblemCode } from './problem-codes.ts'

/**
 * Parses untrusted input once, at the edge. What comes back is typed and normalised and is not validated again.
 * A schema names its own code with `issue(code, detail)` in a refinement; without one the code is `invalid-input`.
 *
 * @throws {Problem} the code of the gravest issue, with the pointers of the first 100 issues; nothing quotes the input
 */
export function parseInput<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  return parse(schema, input, MAX_ERRORS)
}

/**
 * The same for a file of the operator, who wants to see everything that is wrong with it.
 *
 * @throws {Problem} with the pointers of all issues
 */
export function parseFile<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  return parse(schema, input, Number.POSITIVE_INFINITY)
}

function parse<S extends z.ZodType>(schema: S, input: unknown, mostErrors: number): z.output<S> {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const found = result.error.issues.flatMap((issue) => translate(issue))
  const code = GRAVEST_FIRST.find((candidate) => found.some((f) => f.code === candidate)) ?? found[0]?.code
  const errors = found.slice(0, mostErrors).map(({ pointer, detail }) => ({ pointer, detail }))
  throw new Problem(code ?? 'invalid-input', { errors })
}

/** More faults help no caller, and an answer must not be longer than the request. */
const MAX_ERRORS = 100

/** The options of a zod refinement that carries one of our own codes. */
export function issue(code: ProblemCode, detail: string, path?: PropertyKey[]) {
  return { message: detail, params: { code }, ...(path ? { path } : {}) }
}

/** Names under which card verification codes, track data and PINs arrive (PCI DSS 3.3.1): refused by a code of their own. */
export const SENSITIVE_AUTHENTICATION_DATA =
  /^(card_?)?((cvc|cvv|cvn|csc|cav)2?(_?(code|number|value))?|cid|pin|pin_?block|security_?(code|number)|verification_?(code|value|number)|track(_?data|_?[123])?)[0-9]?$/i

const GRAVEST_FIRST: ProblemCode[] = ['sensitive-authentication-data', 'card-number-in-text', 'unknown-member']

interface Found extends InputError {
  code: ProblemCode
}

function translate(found: z.core.$ZodIssue): Found[] {
  const pointer = toPointer(found.path)
  switch (found.code) {
    case 'unrecognized_keys': {
      // A member's name is input too: it is not repeated, only the object that holds it is pointed at.
      const forbidden = found.keys.some((key) => SENSITIVE_AUTHENTICATION_DATA.test(key))
      return forbidden
        ? [{ pointer, code: 'sensitive-authentication-data', detail: 'remove the card verification data' }]
        : [{ pointer, code: 'unknown-member', detail: 'has a member that is not known' }]
    }
    case 'custom': {
      const code = (found.params?.code as ProblemCode | undefined) ?? 'invalid-input'
      return [{ pointer, code, detail: found.message }]
    }
    case 'invalid_type':
      return [{ pointer, code: 'invalid-input', detail: `expected ${article(found.expected)}` }]
    case 'invalid_value':
      return [{ pointer, code: 'invalid-input', detail: `expected one of: ${found.values.map(String).join(', ')}` }]
    case 'too_small':
      return [{ pointer, code: 'invalid-input', detail: `expected at least ${found.minimum} (${found.origin})` }]
    case 'too_big':
      return [{ pointer, code: 'invalid-input', detail: `expected at most ${found.maximum} (${found.origin})` }]
    default:
      return [{ pointer, code: 'invalid-input', detail: 'is not in the expected form' }]
  }
}

export function toPointer(path: readonly PropertyKey[]): string {
  // RFC 6901 section 6: the URI fragment form. A path contains only the code's own member names and array indices.
  return `#${path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')}`
}

function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`
}
