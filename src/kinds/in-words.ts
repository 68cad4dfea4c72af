import type { KindDefinition, SearchBy } from './kind.ts'
import { searchTypes } from './kinds.ts'
import { registry } from './registry.ts'

const kinds: readonly KindDefinition[] = registry

/** What records are found by, for the description of the API: `customer, e-mail, phone or card number`. */
export function searchTypesInWords(): string {
  const called = new Map(
    kinds.flatMap(({ searchBy }) => Object.entries<SearchBy>(searchBy).map(([type, { called }]) => [type, called])),
  )
  return listed(searchTypes.map((type) => called.get(type) ?? type))
}

/** What a correction changes, first of the kinds that it may change as a whole. */
export function correctionsInWords(): string {
  const whole = kinds.filter(({ corrected }) => corrected === undefined).map(({ called }) => called)
  return listed([...whole, ...kinds.flatMap(({ corrected }) => corrected ?? [])])
}

function listed(words: readonly string[]): string {
  return new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(words)
}
