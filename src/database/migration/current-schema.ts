import type { Knex } from 'knex'

/** The schema that a migration creates in, as SQL writes it: the first of the search path, to which functions are pinned. */
export async function currentSchema(knex: Knex): Promise<string> {
  const { rows } = await knex.raw('SELECT quote_ident(current_schema()) AS schema')
  return rows[0].schema
}
