import type { KindDefinition } from './kind.ts'
import { type KeysOf, type KindName, type RegisteredKind, registry } from './registry.ts'

type Checkouts = RegisteredKind['checkout']

/** A member of a checkout that holds a record. */
export type CheckoutPart = KeysOf<Checkouts>

type UseIn<Parts> = Parts extends unknown ? UseOf<Parts[keyof Parts]> : never
type UseOf<Part> = Part extends { readonly use: infer Use extends string } ? Use : never

/** What a record is used for, such as an address for billing. */
export type RecordUse = UseIn<Checkouts>

/** The parts of a checkout, by the member they come in: which kind each is, and what it is used for. */
export const checkoutParts = Object.fromEntries(
  registry.flatMap(({ name, checkout }) =>
    Object.entries<{ use?: RecordUse }>(checkout).map(([part, { use }]) => [part, { kind: name, use }]),
  ),
) as Readonly<Record<CheckoutPart, { kind: KindName; use: RecordUse | undefined }>>

const parts: readonly { kind: KindName; use: RecordUse | undefined }[] = Object.values(checkoutParts)

export const recordUses: readonly RecordUse[] = [...new Set(parts.flatMap(({ use }) => use ?? []))]

/** The kinds whose records are used for that. */
export function kindsUsedFor(use: RecordUse): KindName[] {
  return [...new Set(parts.filter((part) => part.use === use).map(({ kind }) => kind))]
}

const ranges = new Map(
  registry.flatMap(({ checkout, rangeOf }: KindDefinition) =>
    rangeOf === undefined ? [] : Object.keys(checkout).map((part) => [part, rangeOf] as const),
  ),
)

/** The range of each number in a checkout that a thief may try out, one for each part. Nothing of it is validated. */
export function rangesOf(checkout: unknown): string[] {
  if (typeof checkout !== 'object' || checkout === null) return []
  return [...ranges].flatMap(([part, rangeOf]) => {
    const sent = (checkout as Record<string, unknown>)[part]
    return sent === undefined || sent === null ? [] : [rangeOf(sent)]
  })
}
