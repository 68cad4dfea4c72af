import { z } from 'zod'
import { mayBeCardNumber } from '../../kinds/clear-value.ts'
import { typedText } from '../../kinds/text.ts'
import { issue, parseInput } from '../../values/parse-input.ts'
import { Problem } from '../../values/problem.ts'
import { type Destination, type Method, pathParameters } from '../destination.ts'
import { HEADER_VALUE } from '../header-name.ts'
import { type InputLeaf, type InputRule, leavesOf, type TextRule } from '../template.ts'

const DEFAULT_MAX_LENGTH = 255
const MAX_PATH_PARAMETER = 128
const MAX_HEADER = 1024
const MAX_DECIMAL_DIGITS = 15
const DEFAULT_DECIMALS = 6

/** What a caller sends beside the tokens. */
export interface CallerInput {
  method?: string | undefined
  input: Readonly<Record<string, unknown>>
  headers: Readonly<Record<string, string>>
}

/** The same, checked against the destination. */
export interface CheckedInput {
  method: Method
  input: Readonly<Record<string, string | number | boolean | undefined>>
  /** In the spelling of the destination. */
  headers: Readonly<Record<string, string>>
}

/**
 * Checks what the caller sends beside the tokens, before any record is opened.
 *
 * @throws {Problem} invalid-input, unknown-member, card-number-in-text, sensitive-authentication-data
 */
export function checkInput(destination: Destination, { method, input, headers }: CallerInput): CheckedInput {
  const spelt = inSpellingOf(destination, headers)
  const checked = parseInput(schemaOf(destination), { method, input, headers: spelt })
  return {
    method: checked.method ?? destination.methods[0],
    input: checked.input as CheckedInput['input'],
    headers: checked.headers as CheckedInput['headers'],
  }
}

/** Names of headers have no case. @throws {Problem} invalid-input for a name that comes twice */
function inSpellingOf(
  { caller_headers }: Destination,
  headers: Readonly<Record<string, string>>,
): Record<string, string> {
  const spelt = new Map<string, string>()
  for (const [name, value] of Object.entries(headers)) {
    const known = caller_headers.find((header) => header.toLowerCase() === name.toLowerCase()) ?? name
    if (spelt.has(known)) {
      throw new Problem('invalid-input', { errors: [{ pointer: '#/headers', detail: 'a header comes twice' }] })
    }
    spelt.set(known, value)
  }
  return Object.fromEntries(spelt)
}

/** A destination is an immutable value, so its schema is made once. */
const schemas = new WeakMap<Destination, ReturnType<typeof createSchema>>()

function schemaOf(destination: Destination) {
  const known = schemas.get(destination)
  if (known !== undefined) return known
  const schema = createSchema(destination)
  schemas.set(destination, schema)
  return schema
}

function createSchema(destination: Destination) {
  const { methods, caller_headers } = destination
  return z.strictObject({
    method: z.enum(methods).optional(),
    input: z.strictObject(inputShape(destination)),
    headers: z.strictObject(Object.fromEntries(caller_headers.map((name) => [name, headerValue.optional()]))),
  })
}

/** Each input once. A name with several leaves keeps the rules of all of them. */
function inputShape({ template, path }: Destination): Record<string, z.ZodType> {
  const shape = new Map<string, z.ZodType>()
  const add = (name: string, rule: z.ZodType) => {
    const before = shape.get(name)
    shape.set(name, before === undefined ? rule : before.pipe(rule))
  }
  const leaves = [...leavesOf(template)].map(({ leaf }) => leaf).filter((leaf): leaf is InputLeaf => '$in' in leaf)
  for (const [name, same] of Map.groupBy(leaves, ({ $in }) => $in)) {
    const isOptional = same.every(({ optional }) => optional)
    for (const leaf of same) add(name, isOptional ? orNone(inputValue(leaf)) : inputValue(leaf))
  }
  // A parameter of a path is never left out, so its rule comes first.
  for (const name of pathParameters(path)) {
    const inBody = shape.get(name)
    shape.delete(name)
    add(name, pathParameter)
    if (inBody !== undefined) add(name, inBody)
  }
  return Object.fromEntries(shape)
}

/** Some clients send `null` for what they leave out. A blank text is one that the caller chose. */
function orNone(rule: z.ZodType): z.ZodType {
  return z.preprocess((value) => value ?? undefined, rule.optional()).optional()
}

const pathParameter = inClear(
  z
    .string()
    .max(MAX_PATH_PARAMETER)
    // RFC 3986 section 2.3. What is not in there would need an escape, or begin another segment.
    .regex(/^[A-Za-z0-9._~-]+$/)
    .refine((value) => !/^\.+$/.test(value), issue('invalid-input', 'expected more than dots')),
)

const headerValue = inClear(z.string().max(MAX_HEADER).regex(HEADER_VALUE))

/** The sets that are closed. `text` is any text on one or more lines. */
const CHARACTERS = {
  printable: /^[ -~]+$/,
  identifier: /^[A-Za-z0-9._~:/+=-]+$/,
  alphanumeric: /^[A-Za-z0-9]+$/,
  digits: /^[0-9]+$/,
} as const

function inputValue(rule: InputRule): z.ZodType {
  switch (rule.type) {
    case undefined:
    case 'string':
      return textValue(rule)
    case 'integer':
      return integerValue(rule)
    case 'decimal':
      return z
        .string()
        .regex(/^(0|[1-9][0-9]*)(\.[0-9]+)?$/)
        .refine((text) => isExact(text, rule.max_decimals ?? DEFAULT_DECIMALS), {
          ...issue('invalid-input', `expected at most ${rule.max_decimals ?? DEFAULT_DECIMALS} decimals`),
        })
    case 'boolean':
      return z.boolean()
  }
}

function textValue({ max_length = DEFAULT_MAX_LENGTH, characters = 'text', one_of }: TextRule): z.ZodType {
  if (one_of !== undefined) return z.enum(one_of as [string, ...string[]])
  if (characters === 'text') return inClear(typedText(max_length))
  return inClear(z.string().max(max_length).regex(CHARACTERS[characters]))
}

/** `z.int` takes what a double holds exactly. */
function integerValue({ minimum, maximum }: InputRule & { type: 'integer' }): z.ZodType {
  const above = minimum === undefined ? z.int() : z.int().min(minimum)
  return maximum === undefined ? above : above.max(maximum)
}

/** A double holds 15 decimal digits exactly. */
function isExact(text: string, maxDecimals: number): boolean {
  const [whole = '', decimals = ''] = text.split('.')
  return decimals.length <= maxDecimals && whole.length + decimals.length <= MAX_DECIMAL_DIGITS
}

/** A number of a card comes as a token. */
function inClear(text: z.ZodString): z.ZodString {
  return text.refine((value) => !mayBeCardNumber(value), issue('card-number-in-text', 'remove the card number'))
}
