import type { z } from 'zod'
import { parseInput } from '../values/parse-input.ts'
import { merge } from './correction.ts'
import type { Correction, Details, KindDefinition, KindRules, SearchBy } from './kind.ts'
import { type KeysOf, type KindName, namesIn, type RegisteredKind, registry } from './registry.ts'
import { schemaName } from './schema-name.ts'

/** A type of search: by the customer, or by what kinds are found by. */
export type SearchType = 'customer' | KeysOf<RegisteredKind['searchBy']>

/** A value that a record can be found by. `value` is normalised; only its keyed hash reaches the database. */
export interface SearchTerm {
  type: SearchType
  value: string
}

const rules: readonly (readonly [SearchType, SearchBy, KindName])[] = registry.flatMap(({ name, searchBy }) =>
  Object.entries<SearchBy>(searchBy).map(([type, rule]) => [type as SearchType, rule, name] as const),
)

/** A field of a kind. */
export interface ConfirmedField {
  kind: KindName
  field: string
}

const confirmed: ReadonlyMap<string, ConfirmedField> = new Map(
  rules.flatMap(([type, { confirms: field }, kind]) => (field === undefined ? [] : [[type, { kind, field }]])),
)

/** In the order of their names, the customer first, and last those that confirm a field. */
export const searchTypes: readonly SearchType[] = [
  'customer',
  ...namesIn<SearchType>(({ searchBy }) => searchBy)
    .sort()
    .sort((one, other) => Number(confirmed.has(one)) - Number(confirmed.has(other))),
]

/** The types of search that confirm a field. */
export const confirmingTypes = searchTypes.filter((type) => confirmed.has(type))

/** The field that a hit of such a search confirms; undefined when it confirms none. */
export function confirmedBy(type: string): ConfirmedField | undefined {
  return confirmed.get(type)
}

/**
 * A value to search by, normalised as the index terms are, and in the forms of earlier versions; empty when it cannot
 * be such a value.
 */
export function normaliseSearchValue(type: SearchType, value: string): string[] {
  if (type === 'customer') return [value.normalize('NFC').trim()].filter((customer) => customer !== '')
  for (const [name, rule] of rules) {
    const normalised = name === type ? rule.normalise(value) : []
    if (normalised.length > 0) return normalised
  }
  return []
}

/** A kind at work: what its file declares, with a clock and the settings of the vault. */
export interface Kind<D extends Details = Details> extends KindRules<D> {
  readonly name: KindName
  readonly schema: z.ZodType<D>
  /**
   * Applies a parsed correction to the details and parses the result, so that a corrected record keeps every rule that
   * a new one does (a telephone number's E.164 form, no card number over two lines).
   *
   * @throws {Problem} as `parseInput` with the kind's schema
   */
  correct(details: D, correction: Correction): D
  /** Everything the record can be found by, apart from its customer. */
  terms(details: D): SearchTerm[]
}

export type Kinds = Readonly<Record<KindName, Kind>>

type DetailsOf<Definition> = Definition extends { schema(now: () => Date): z.ZodType<infer D extends Details> }
  ? D
  : never

/** Every kind of record that the vault holds. @param findsCards whether cards are found by their numbers */
export function createKinds(now: () => Date = () => new Date(), findsCards = true) {
  const kinds = registry.map((definition) => [definition.name, createKind(definition, now, findsCards)])
  return Object.fromEntries(kinds) as {
    readonly [Definition in RegisteredKind as Definition['name']]: Kind<DetailsOf<Definition>>
  }
}

function createKind(definition: KindDefinition & RegisteredKind, now: () => Date, findsCards: boolean): Kind {
  const schema: z.ZodType<Details> = definition.schema(now).meta({ id: schemaName(definition.name) })
  const { correctedInput = merge, searchBy }: KindDefinition = definition
  const found = (Object.entries(searchBy) as [SearchType, SearchBy][]).filter(
    ([type]) => findsCards || type !== 'card_number',
  )
  return {
    ...(definition as KindDefinition & { name: KindName }),
    schema,
    correct: (details, correction) => parseInput(schema, correctedInput(details, correction)) as Details,
    terms: (details) =>
      found.flatMap(([type, { term }]) => {
        const value = term(details)
        return value === undefined ? [] : [{ type, value }]
      }),
  }
}
