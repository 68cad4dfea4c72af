import { z } from 'zod'
import { purposes } from '../access/policy/purpose.ts'
import { issue, parseFile, SENSITIVE_AUTHENTICATION_DATA } from '../values/parse-input.ts'
import { type Destination, methods, pathParameters, takenBy } from './destination.ts'
import { certificates, hostFault, isHttpsOrigin, partnerId } from './endpoint-schema.ts'
import { answerHeader, callerHeader, ownHeader } from './header-name.ts'
import type { Receivers } from './receiver.ts'
import { receivers } from './receivers-schema.ts'
import { DERIVED_COMPONENTS, headersOf, signer, text } from './signer-schema.ts'
import { leavesOf, type Template } from './template.ts'
import { template } from './template-schema.ts'

const MAX_DESTINATIONS = 200
const DESTINATION_NAME = /^[a-z][a-z0-9-]{0,62}$/

/** A file of destinations, and what is stored of it: every default is written out. */
export interface DestinationsFile {
  format: 1
  destinations: Readonly<Record<string, Omit<Destination, 'name'>>>
  receivers?: Receivers | undefined
}

const unique = (values: readonly string[]) => new Set(values).size === values.length

const origin = z
  .string()
  .max(300)
  .refine(isHttpsOrigin, issue('invalid-input', 'expected https://host in small letters, with a port if it is not 443'))

/** RFC 3986 section 3.3 without escapes. A parameter may be a whole segment or a part of one. */
const PATH = /^(\/([A-Za-z0-9._~!$&'()*+,;=:@-]|\{[a-z][a-z0-9_]{0,62}\})*)+$/
const path = z
  .string()
  .max(500)
  .regex(PATH)
  .refine((value) => !/\}\{/.test(value), issue('invalid-input', 'two parameters need a character between them'))
  .refine((value) => !/(^|\/)\.{1,2}(\/|$)/.test(value), issue('invalid-input', 'has a segment of dots'))
  .refine((value) => !pathParameters(value).some((name) => SENSITIVE_AUTHENTICATION_DATA.test(name)), {
    // A caller that sends such an input is refused, so the destination could not be used.
    ...issue('invalid-input', 'a parameter has the name of a code'),
  })
  .refine((value) => unique(pathParameters(value)), issue('invalid-input', 'a parameter comes twice'))

/** RFC 6901, with `*` for each element of an array or each member of an object. */
const pointer = z
  .string()
  .max(300)
  .regex(/^(\/([^~/]|~[01])*)+$/)

const answer = z
  .strictObject({
    members: z.array(pointer).max(100).default([]),
    ids: z.array(pointer).max(100).default([]),
    headers: z.array(answerHeader).max(30).default([]),
  })
  .superRefine(({ members, ids }, context) => {
    for (const [at, id] of ids.entries()) {
      if (!members.includes(id)) fault(context, ['ids', at], 'is not among the members')
    }
  })

const destination = z
  .strictObject({
    origin,
    path,
    methods: z
      .tuple([z.enum(methods)], z.enum(methods))
      .refine(unique, issue('invalid-input', 'a method comes twice'))
      .default(['POST']),
    encoding: z.enum(['json', 'form']),
    headers: z.record(ownHeader, text).default({}),
    caller_headers: z.array(callerHeader).max(30).default([]),
    template,
    sign: z.array(signer).max(8).default([]),
    answer: answer.default({ members: [], ids: [], headers: [] }),
    timeouts: z
      .strictObject({
        connect_seconds: z.int().min(1).max(30).default(5),
        answer_seconds: z.int().min(1).max(120).default(30),
      })
      .default({ connect_seconds: 5, answer_seconds: 30 }),
    in_flight: z.int().min(1).max(1000).default(20),
    partner: partnerId,
    purposes: z
      .tuple([z.enum(purposes)], z.enum(purposes))
      .refine(unique, issue('invalid-input', 'a purpose comes twice')),
    ca: certificates.optional(),
    private_addresses: z.boolean().default(false),
  })
  .superRefine(checkWhole, { when: ({ issues }) => issues.length === 0 })

const file = z.strictObject({
  format: z.literal(1),
  destinations: z
    .record(z.string().regex(DESTINATION_NAME), destination)
    .refine((value) => Object.keys(value).length <= MAX_DESTINATIONS, {
      ...issue('invalid-input', `at most ${MAX_DESTINATIONS} destinations`),
    }),
  receivers: receivers.optional(),
})

/**
 * Parses a file of destinations. Nothing in it is passed over: a member, a leaf or a form that is not known is a fault.
 *
 * @throws {Problem} invalid-input, unknown-member, with a pointer for each fault
 */
export function parseDestinationsFile(input: unknown): DestinationsFile {
  return parseFile(file, input)
}

type Context = z.core.$RefinementCtx

function fault(context: Context, at: PropertyKey[], detail: string): void {
  context.addIssue({ code: 'custom', ...issue('invalid-input', detail, at) })
}

/** What no member can say by itself. */
function checkWhole(value: Omit<Destination, 'name'>, context: Context): void {
  const atHost = hostFault(value.origin, value.private_addresses)
  if (atHost !== undefined) fault(context, ['origin'], atHost)
  checkHeaders(value, context)
  checkPathInputs(value, context)
  if (value.encoding === 'form') checkForm(value.template, context, ['template'])
  const { fields, takesCode } = takenBy(value)
  if (Object.keys(fields).length === 0) fault(context, ['template'], 'takes nothing of a record')
  if (takesCode && fields.card === undefined) fault(context, ['template'], 'takes the security code of no card')
}

/** A header has one value, from one place. */
function checkHeaders({ headers, caller_headers, sign }: Omit<Destination, 'name'>, context: Context): void {
  const places: [name: string, path: PropertyKey[]][] = [
    ...Object.keys(headers).map((name): [string, PropertyKey[]] => [name, ['headers', name]]),
    ...caller_headers.map((name, at): [string, PropertyKey[]] => [name, ['caller_headers', at]]),
    ...sign.flatMap((one, at) => headersOf(one).map((name): [string, PropertyKey[]] => [name, ['sign', at]])),
  ]
  const seen = new Set<string>()
  for (const [name, at] of places) {
    if (seen.has(name.toLowerCase())) fault(context, at, 'another member sets this header already')
    seen.add(name.toLowerCase())
  }
  const known = new Set(['content-digest', 'content-type', ...Object.keys(headers).map((name) => name.toLowerCase())])
  for (const [at, one] of sign.entries()) {
    if (one.with !== 'message-signature') continue
    for (const [place, name] of (one.components ?? []).entries()) {
      const isKnown = (DERIVED_COMPONENTS as readonly string[]).includes(name) || known.has(name)
      if (!isKnown) fault(context, ['sign', at, 'components', place], 'no request has this component')
    }
  }
  if (sign.filter((one) => one.with === 'mutual-tls').length > 1) fault(context, ['sign'], 'has two certificates')
}

function checkPathInputs({ path, template }: Omit<Destination, 'name'>, context: Context): void {
  const names = pathParameters(path)
  for (const { leaf, path: at } of leavesOf(template)) {
    if (!('$in' in leaf) || !names.includes(leaf.$in)) continue
    if ((leaf.type ?? 'string') !== 'string')
      fault(context, ['template', ...at], 'is a part of the path, and so a text')
  }
}

/** A form has texts alone, and names in which brackets say what is inside what. */
function checkForm(node: Template, context: Context, at: PropertyKey[]): void {
  if (node === null) fault(context, at, 'a form has no null')
  if (typeof node !== 'object' || node === null) return
  for (const [name, member] of Object.entries(node)) {
    if (/[[\]]/.test(name)) fault(context, [...at, name], 'a form has brackets of its own')
    if (!name.startsWith('$')) checkForm(member as Template, context, [...at, name])
  }
}
