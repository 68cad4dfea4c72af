import { comparisons } from './comparison.ts'
import type { Comparable, Comparison, Details } from './kind.ts'
import { byName, type KeysOf, type KindName, kindNames, namesIn, type RegisteredKind } from './registry.ts'

/** The names that may be compared without being shown. */
export type ComparableName = KeysOf<RegisteredKind['comparable']>

/** The common ones first, whichever kinds have them. */
export const comparableNames: readonly ComparableName[] = namesOfAll()

const comparables = byName(({ comparable }): Readonly<Partial<Record<string, Comparable>>> => comparable)

/** How a value is compared under each name. */
export const comparisonOf = Object.fromEntries(
  comparableNames.map((name) => [name, kindNames.flatMap((kind) => comparables[kind][name] ?? [])[0]]),
) as Record<string, unknown> as Readonly<Record<ComparableName, Comparison>>

/** The names that a kind can be compared by. */
export function comparableNamesOf(kind: KindName): ComparableName[] {
  return comparableNames.filter((name) => comparables[kind][name] !== undefined)
}

/** Whether every masked view of that kind shows it whole. */
export function isShownMasked(kind: KindName, name: ComparableName): boolean {
  return comparables[kind][name]?.isShownMasked ?? false
}

/** What a record has under that name, normalised; undefined when it has nothing there. */
export function comparableOf(kind: KindName, name: ComparableName, details: Details): string | undefined {
  const comparable = comparables[kind][name]
  const value = comparable?.of(details)
  return value === undefined ? undefined : comparable?.form(value)
}

/** A value of a caller, in the same form as that of a record. */
export function comparableInput(name: ComparableName, value: string | Details): string | undefined {
  return comparisonOf[name].form(value)
}

function namesOfAll(): ComparableName[] {
  const names = namesIn<ComparableName>(({ comparable }) => comparable)
  const common = Object.keys(comparisons).filter((name) => (names as string[]).includes(name)) as ComparableName[]
  return [...new Set([...common, ...names])]
}
