import { hash } from 'node:crypto'
import type { Facts, SchemaFacts } from './schema-facts-store.ts'
import shipped from './shipped-schema.json' with { type: 'json' }

/** The placeholder for the name of the schema in the shipped texts. */
const SCHEMA = '{schema}'

/** The tables and sequences of the vault. */
export const shippedRelations: readonly string[] = shipped.relations

/**
 * A schema, compared with the one that this version ships. Each difference is a clause such as `trigger x on clients was
 * added`.
 */
export interface ComparedSchema {
  /** Names the schema as a whole: SHA-256 in hexadecimal over all that is decisive. */
  schema: string
  /** The same of what this version ships. */
  shipped: string
  /** What refuses service until it is put back or accepted. */
  differences: readonly string[]
  /** Names these differences: SHA-256 in hexadecimal over what is there in place of what was shipped. */
  hash: string
  /** What refuses nothing. */
  others: readonly string[]
}

export function compareSchema({ schema, decisive, other }: SchemaFacts): ComparedSchema {
  const expected = inSchema(shipped.decisive, schema)
  const expectedOther = inSchema(shipped.other, schema)
  const changed = differing(expected, decisive)
  const objects = changed.filter((object) => !isMoreToRead(object, expected))
  const harmless = changed.filter((object) => isMoreToRead(object, expected))
  return {
    schema: digestOf(decisive, Object.keys(decisive)),
    shipped: digestOf(expected, Object.keys(expected)),
    differences: objects.map((object) => describe(object, expected, decisive)),
    hash: digestOf(decisive, objects),
    others: [
      ...harmless.map((object) => describe(object, expected, decisive)),
      ...differing(expectedOther, other).map((object) => describe(object, expectedOther, other)),
    ],
  }
}

/** The facts with a placeholder for the name of the schema, as they are shipped. */
export function toShipped({ schema, decisive, other }: SchemaFacts, relations: readonly string[]) {
  const neutral = (facts: Facts) =>
    Object.fromEntries(
      Object.entries(facts)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map((entry) => entry.map((text) => text.replaceAll(schema, SCHEMA))),
    )
  return { relations, decisive: neutral(decisive), other: neutral(other) }
}

function inSchema(facts: Facts, schema: string): Facts {
  return Object.fromEntries(
    Object.entries(facts).map((entry) => entry.map((text) => text.replaceAll(SCHEMA, schema)) as [string, string]),
  )
}

function differing(expected: Facts, actual: Facts): string[] {
  const objects = new Set([...Object.keys(expected), ...Object.keys(actual)])
  return [...objects].filter((object) => expected[object] !== actual[object]).sort()
}

/** A column that was added, or one more right to read, changes nothing of what the vault writes. */
function isMoreToRead(object: string, expected: Facts): boolean {
  return expected[object] === undefined && /^(column|right to read) /.test(object)
}

function digestOf(facts: Facts, objects: readonly string[]): string {
  const entries = objects.toSorted().map((object) => [object, facts[object] ?? null])
  return hash('sha256', JSON.stringify(entries), 'hex')
}

function describe(object: string, expected: Facts, actual: Facts): string {
  if (actual[object] === undefined) return `${readable(object)} is missing`
  return `${readable(object)} was ${expected[object] === undefined ? 'added' : 'changed'}`
}

/** An object may have any name: one that contains none of the vault's names is not repeated. */
function readable(object: string): string {
  return object.slice(0, 200).replaceAll(/[^\w .,()[\]<>=~!@#%^&|*/+'-]/g, '?')
}
