import type { Purpose } from '../access/policy/purpose.ts'
import { type CheckoutPart, checkoutParts } from '../kinds/checkout-parts.ts'
import type { Signer, Text } from './signer.ts'
import { type CardLeaf, type Leaf, leavesOf, type Template } from './template.ts'

/** What a token of a request is used for, by the members of a checkout. */
export type TokenRole = CheckoutPart

export const methods = ['POST', 'PUT', 'PATCH'] as const
export type Method = (typeof methods)[number]

/** Where requests with stored data may go, and what such a request looks like. */
export interface Destination {
  name: string
  /** `https://host`, with a port where it is not 443. */
  origin: string
  /** Its parameters are in braces. */
  path: string
  /** The first is the one that a request has without saying so. */
  methods: readonly [Method, ...Method[]]
  encoding: 'json' | 'form'
  headers: Readonly<Record<string, Text>>
  /** What a caller may send along. */
  caller_headers: readonly string[]
  template: { readonly [name: string]: Template }
  sign: readonly Signer[]
  /** What a caller sees of the answer: JSON Pointers in which `*` is each element. `ids` are the destination's own. */
  answer: { members: readonly string[]; ids: readonly string[]; headers: readonly string[] }
  timeouts: { connect_seconds: number; answer_seconds: number }
  /** The most requests at once from one server. */
  in_flight: number
  /** The id of the partner whose contract decides. */
  partner: string
  purposes: readonly [Purpose, ...Purpose[]]
  /** The only authorities that are trusted, in PEM. */
  ca?: string | undefined
  private_addresses: boolean
}

/** Which fields of which record the template takes; the security code apart. */
export interface Taken {
  fields: Partial<Record<TokenRole, readonly string[]>>
  takesCode: boolean
}

export function takenBy({ template }: Pick<Destination, 'template'>): Taken {
  const fields = new Map<TokenRole, Set<string>>()
  let takesCode = false
  for (const { leaf } of leavesOf(template)) {
    const role = roleOf(leaf)
    if (isCode(leaf)) takesCode = true
    else if (role !== undefined) fields.set(role, new Set([...(fields.get(role) ?? []), ...fieldsOf(leaf)]))
  }
  return { fields: Object.fromEntries([...fields].map(([role, names]) => [role, [...names]])), takesCode }
}

/** What of a destination names secrets. */
type Naming = Pick<Destination, 'template' | 'headers' | 'sign'>

/** Every place in which a destination names a secret. */
export function secretPlaces({ template, headers, sign }: Naming): Named[] {
  const ofSigners = sign.flatMap((signer, at) =>
    Object.entries(namesIn(signer)).map(([member, name]): Named => ({ name, path: ['sign', at, member] })),
  )
  return [...namedIn({ headers, template, sign }, []), ...ofSigners]
}

/** The members of a signer that are the name of a secret. */
function namesIn(signer: Signer): Readonly<Record<string, string>> {
  if (signer.with === 'mutual-tls') return { certificate: signer.certificate, key: signer.key }
  return 'secret' in signer ? { secret: signer.secret } : {}
}

interface Named {
  name: string
  path: readonly (string | number)[]
}

/** The secrets of an object, however deep. */
function namedIn(value: unknown, path: Named['path']): Named[] {
  if (typeof value !== 'object' || value === null) return []
  if ('$secret' in value) return [{ name: value.$secret as string, path }]
  const inside: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value)
  return inside.flatMap(([key, member]) => namedIn(member, [...path, key]))
}

/** The names of the secrets that a request needs, each once. */
export function secretsOf(destination: Naming): string[] {
  return [...new Set(secretPlaces(destination).map(({ name }) => name))]
}

/** Which record a leaf takes its value of; undefined for none. */
export function roleOf(leaf: Leaf): TokenRole | undefined {
  if ('$card' in leaf) return 'card'
  if ('$address' in leaf) return leaf.of === 'billing' ? 'billing_address' : 'shipping_address'
  return '$contact' in leaf ? 'contact' : undefined
}

/** The fields of that record. */
export function fieldsOf(leaf: Leaf): readonly string[] {
  if ('$card' in leaf) return leaf.$card === 'expiry' ? ['exp_month', 'exp_year'] : [leaf.$card]
  if ('$address' in leaf) return [leaf.$address]
  return '$contact' in leaf ? [leaf.$contact] : []
}

export function isCode(leaf: Leaf): leaf is CardLeaf & { $card: 'security_code' } {
  return '$card' in leaf && leaf.$card === 'security_code'
}

/** What the template takes as a contract names it: `card.number`. */
export function contractFieldsOf(destination: Pick<Destination, 'template'>): string[] {
  const { fields } = takenBy(destination)
  const named = Object.entries(fields).flatMap(([role, names]) =>
    names.map((name) => `${checkoutParts[role as TokenRole].kind}.${name}`),
  )
  return [...new Set(named)]
}

/** The names in braces in a path, in their order. */
export function pathParameters(path: string): string[] {
  return [...path.matchAll(/\{([^{}]*)\}/g)].map(([, name]) => name!)
}
