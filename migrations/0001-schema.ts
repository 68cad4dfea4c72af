import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { Knex } from 'knex'
import { currentSchema } from '../src/database/migration/current-schema.ts'

/** In an order in which each needs only what stands before it. */
const PARTS = ['dictionary', 'keys', 'records', 'search-terms', 'access', 'audit-log']

/** What the files have in place of the name of the schema, to which functions are pinned. */
const SCHEMA = /\{schema\}/g

/** Makes every table, function, trigger and right of a new vault. */
export async function up(knex: Knex): Promise<void> {
  const schema = await currentSchema(knex)
  for (const part of PARTS) {
    const text = readFileSync(path.join(import.meta.dirname, '0001-schema', `${part}.sql`), 'utf8')
    await knex.raw(text.replace(SCHEMA, () => schema))
  }
}
