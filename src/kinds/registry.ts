import { address } from './address.ts'
import { card } from './card.ts'
import { contact } from './contact.ts'
import type { KindDefinition } from './kind.ts'

/** Every kind of record, in the order in which a caller meets them. A new kind is its file and its place here. */
export const registry = [card, address, contact] as const satisfies readonly KindDefinition[]

/** Any of them, with the names that it declares. */
export type RegisteredKind = (typeof registry)[number]

export type KindName = RegisteredKind['name']

/** The keys of each part of a union. */
export type KeysOf<Union> = Union extends unknown ? Extract<keyof Union, string> : never

export const kindNames: readonly KindName[] = registry.map(({ name }) => name)

/** What the tokens of each kind begin with. */
export const tokenPrefixes = byName(({ tokenPrefix }) => tokenPrefix)

/** Something of each kind, by the name of the kind. */
export function byName<T>(of: (definition: KindDefinition) => T): Readonly<Record<KindName, T>> {
  return Object.fromEntries(registry.map((kind) => [kind.name, of(kind)])) as Record<KindName, T>
}

/** Each once, in the order in which they come first. */
export function namesIn<Name extends string>(of: (definition: KindDefinition) => object): Name[] {
  return [...new Set(registry.flatMap((kind) => Object.keys(of(kind))))] as Name[]
}
