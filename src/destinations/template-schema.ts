import { z } from 'zod'
import { address } from '../kinds/address.ts'
import { contact } from '../kinds/contact.ts'
import { issue, SENSITIVE_AUTHENTICATION_DATA } from '../values/parse-input.ts'
import {
  cardParts,
  characterSets,
  expiryForms,
  isLeaf,
  leavesOf,
  monthForms,
  type Template,
  yearForms,
} from './template.ts'

const MAX_LEVELS = 12
const MAX_NODES = 500
const MAX_TEXT = 1000

export const SECRET_NAME = /^[a-z][a-z0-9-]{0,62}$/
/** Names of inputs and of parameters in paths. */
const INPUT_NAME = /^[a-z][a-z0-9_]{0,62}$/

const optional = z.boolean().optional()

/** In what forms each part of a card is written. A number or a code as an integer would lose digits. */
const FORMS = { exp_month: monthForms, exp_year: yearForms, expiry: expiryForms } as const

const cardLeaf = z
  .strictObject({
    $card: z.enum(cardParts),
    as: z.enum([...monthForms, ...yearForms, ...expiryForms]).optional(),
    type: z.enum(['string', 'integer']).optional(),
    optional,
  })
  .superRefine(({ $card, as, type }, context) => {
    const forms: readonly string[] = $card in FORMS ? FORMS[$card as keyof typeof FORMS] : []
    if (as !== undefined && !forms.includes(as)) {
      const detail = forms.length === 0 ? `${$card} has one form` : `expected one of: ${forms.join(', ')}`
      context.addIssue({ code: 'custom', ...issue('invalid-input', detail, ['as']) })
    }
    if (type === 'integer' && $card !== 'exp_month' && $card !== 'exp_year') {
      const detail = 'only exp_month and exp_year may be integers'
      context.addIssue({ code: 'custom', ...issue('invalid-input', detail, ['type']) })
    }
  })

const addressLeaf = z.strictObject({
  $address: z.enum(address.fields),
  of: z.enum(['billing', 'shipping']),
  optional,
})

const contactLeaf = z.strictObject({ $contact: z.enum(contact.fields), optional })

const inputName = z
  .string()
  .regex(INPUT_NAME)
  // A code comes as a security code, and a caller who sends one as an input is refused.
  .refine((name) => !SENSITIVE_AUTHENTICATION_DATA.test(name), issue('invalid-input', 'this is the name of a code'))

const integer = z.int()
const someText = z.string().min(1).max(MAX_TEXT)
const integerLeaf = z
  .strictObject({
    $in: inputName,
    type: z.literal('integer'),
    minimum: integer.optional(),
    maximum: integer.optional(),
    optional,
  })
  .refine(({ minimum, maximum }) => minimum === undefined || maximum === undefined || minimum <= maximum, {
    ...issue('invalid-input', 'no number is between these', ['maximum']),
  })
const inputLeaf = z.discriminatedUnion('type', [
  z.strictObject({
    $in: inputName,
    type: z.literal('string').optional(),
    max_length: integer.min(1).max(10_000).optional(),
    characters: z.enum(characterSets).optional(),
    one_of: z.array(someText).min(1).max(200).optional(),
    optional,
  }),
  integerLeaf,
  z.strictObject({
    $in: inputName,
    type: z.literal('decimal'),
    max_decimals: integer.min(0).max(9).optional(),
    as: z.enum(['string', 'number']).optional(),
    optional,
  }),
  z.strictObject({ $in: inputName, type: z.literal('boolean'), optional }),
])

export const secretName = z.string().regex(SECRET_NAME)
export const secretLeaf = z.strictObject({ $secret: secretName })

const LEAVES: Readonly<Record<string, z.ZodType>> = {
  $card: cardLeaf,
  $address: addressLeaf,
  $contact: contactLeaf,
  $in: inputLeaf,
  $secret: secretLeaf,
}

type Context = z.core.$RefinementCtx
type Path = readonly PropertyKey[]

function fault(context: Context, path: Path, detail: string): void {
  context.addIssue({ code: 'custom', ...issue('invalid-input', detail, [...path]) })
}

/** The template of a body. Every member is walked over; a leaf has the members of its source, and no other. */
export const template = z
  .record(z.string(), z.unknown())
  .superRefine((value, context) => {
    const walk: Walk = { context, nodes: 0 }
    checkMembers(value, walk, [])
  })
  .superRefine(checkInputs, { when: ({ issues }) => issues.length === 0 })
  .transform((value) => value as { readonly [name: string]: Template })

interface Walk {
  context: Context
  nodes: number
}

function checkMembers(object: object, walk: Walk, path: Path): void {
  for (const [name, member] of Object.entries(object)) {
    if (!/^[ -~]{1,100}$/.test(name) || name.startsWith('$')) fault(walk.context, path, 'has a member with a bad name')
    else checkNode(member, walk, [...path, name])
  }
}

function checkNode(node: unknown, walk: Walk, path: Path): void {
  walk.nodes++
  if (walk.nodes === MAX_NODES + 1) fault(walk.context, [], `has more than ${MAX_NODES} members`)
  if (path.length > MAX_LEVELS) fault(walk.context, path, `has more than ${MAX_LEVELS} levels`)
  else if (isLeaf(node)) checkLeaf(node, walk, path)
  else if (Array.isArray(node)) for (const [at, element] of node.entries()) checkNode(element, walk, [...path, at])
  else if (typeof node === 'object' && node !== null) checkMembers(node, walk, path)
  else if (typeof node === 'string' && node.length > MAX_TEXT) fault(walk.context, path, `a text is too long`)
  else if (typeof node === 'number' && !Number.isFinite(node)) fault(walk.context, path, 'is not a number of JSON')
}

function checkLeaf(leaf: object, { context }: Walk, path: Path): void {
  const sources = Object.keys(leaf).filter((name) => name.startsWith('$'))
  const schema = sources.length === 1 ? LEAVES[sources[0]!] : undefined
  if (schema === undefined) fault(context, path, `expected one of: ${Object.keys(LEAVES).join(', ')}`)
  for (const found of schema?.safeParse(leaf).error?.issues ?? [])
    context.issues.push({ ...found, path: [...path, ...found.path] } as never)
}

/** Two leaves may share an input, if it means the same in both. */
function checkInputs(value: object, context: Context): void {
  const types = new Map<string, string>()
  for (const { leaf, path } of leavesOf(value as { readonly [name: string]: Template })) {
    if (!('$in' in leaf)) continue
    const { $in, type = 'string' } = leaf
    if ((types.get($in) ?? type) !== type) fault(context, path, 'this input has another type elsewhere')
    types.set($in, type)
  }
}
