import type { Statement } from './database.ts'

/** The SQL type of each parameter, by its name. The parameters are numbered in this order. */
export type ParameterTypes = Readonly<Record<string, string>>

/** What the text has for each parameter: its number and its type, such as `$3::uuid[]`. */
export type Parameters<Types extends ParameterTypes> = { readonly [Name in keyof Types]: string }

/** A value for each parameter. */
export type ParameterValues<Types extends ParameterTypes> = { readonly [Name in keyof Types]: unknown }

/** A statement that puts its values in the order of its parameters. */
export interface BuiltStatement<Types extends ParameterTypes = never> extends Statement {
  valuesOf(values: ParameterValues<Types>): unknown[]
  /** Values with which a statement about lists is about nothing: no list has an element. */
  readonly noValues: readonly unknown[]
}

/**
 * Builds a statement whose parameters have names, so that statements can share fragments without counting their numbers. A
 * fragment is a list of types, which is spread into those of the statement, and a function of the parameters. Call it once, when
 * a file is loaded: PostgreSQL prepares a statement by its name and its text.
 *
 * @throws {Error} when the text leaves a parameter out
 */
export function buildStatement<const Types extends ParameterTypes>(
  name: string,
  types: Types,
  text: (parameters: Parameters<Types>) => string,
): BuiltStatement<Types> {
  const names = Object.keys(types)
  const placeholders = names.map((parameter, at) => [parameter, `$${at + 1}::${types[parameter]}`] as const)
  const built = text(Object.fromEntries(placeholders) as Parameters<Types>)
  for (const [parameter, placeholder] of placeholders) {
    if (!built.includes(placeholder)) throw new Error(`the statement ${name} does not use its parameter ${parameter}`)
  }
  return {
    name,
    text: built,
    valuesOf: (values) => names.map((parameter) => values[parameter]),
    noValues: names.map((parameter) => (types[parameter]!.endsWith('[]') ? '{}' : null)),
  }
}
