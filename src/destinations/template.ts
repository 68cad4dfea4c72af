/** A leaf of a template: where a value comes from, and in what form it is written. */
export type Leaf = CardLeaf | AddressLeaf | ContactLeaf | InputLeaf | SecretLeaf

/** Whether a number is written as text, which is the default, or as a number. */
type NumberType = 'string' | 'integer'

interface Optional {
  /** The member is left out when the record has no such value, or the caller sends none. */
  optional?: boolean | undefined
}

/** What a template takes of a card beside its fields: both parts of the expiry, and the code that is kept apart. */
export const cardParts = ['number', 'holder_name', 'exp_month', 'exp_year', 'expiry', 'security_code'] as const
export const monthForms = ['mm', 'm'] as const
export const yearForms = ['yyyy', 'yy'] as const
export const expiryForms = ['mmyy', 'mmyyyy', 'mm/yy', 'yymm', 'yyyy-mm'] as const

type DateForm = (typeof monthForms)[number] | (typeof yearForms)[number] | (typeof expiryForms)[number]

export interface CardLeaf extends Optional {
  $card: (typeof cardParts)[number]
  /** Of a month, a year and an expiry. */
  as?: DateForm | undefined
  type?: NumberType | undefined
}

interface AddressLeaf extends Optional {
  $address: string
  of: 'billing' | 'shipping'
}

interface ContactLeaf extends Optional {
  $contact: string
}

export const characterSets = ['text', 'printable', 'identifier', 'alphanumeric', 'digits'] as const

/** A text of one of these, or of so many of these characters. */
export interface TextRule {
  type?: 'string' | undefined
  max_length?: number | undefined
  characters?: (typeof characterSets)[number] | undefined
  one_of?: readonly string[] | undefined
}

/** What a caller may send as one input. */
export type InputRule =
  | TextRule
  | { type: 'integer'; minimum?: number | undefined; maximum?: number | undefined }
  /** Sent as text, such as `"10.90"`, so that nothing is rounded; written as text or as a number. */
  | { type: 'decimal'; max_decimals?: number | undefined; as?: 'string' | 'number' | undefined }
  | { type: 'boolean' }

export type InputLeaf = { $in: string } & InputRule & Optional

interface SecretLeaf {
  $secret: string
}

/** A JSON tree with leaves. An object with a member whose name begins with `$` is a leaf. */
export type Template =
  | Leaf
  | string
  | number
  | boolean
  | null
  | readonly Template[]
  | { readonly [name: string]: Template }

/** Whether a value of a template is a leaf, by the one member that names its source. */
export function isLeaf(template: unknown): template is Leaf {
  if (typeof template !== 'object' || template === null || Array.isArray(template)) return false
  return Object.keys(template).some((name) => name.startsWith('$'))
}

/** A leaf with its place in the template. */
export interface Placed<L extends Leaf = Leaf> {
  leaf: L
  path: readonly (string | number)[]
}

/** Every leaf, in the order of the template. */
export function* leavesOf(template: Template, path: readonly (string | number)[] = []): Generator<Placed> {
  if (isLeaf(template)) yield { leaf: template, path }
  else if (Array.isArray(template)) {
    for (const [at, element] of template.entries()) yield* leavesOf(element, [...path, at])
  } else if (typeof template === 'object' && template !== null) {
    for (const [name, member] of Object.entries(template)) yield* leavesOf(member, [...path, name])
  }
}
