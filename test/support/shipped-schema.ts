import { openDatabase, type Statement } from '../../src/database/database.ts'
import { toShipped } from '../../src/schema/compare-schema.ts'
import { readSchemaFacts } from '../../src/schema/schema-facts-store.ts'

/** The schema that is written down: its name occurs in no other text, so that any other name can replace it. */
export const SHIPPED_NAME = 'strongroom_shipped'

const RELATIONS: Statement = {
  name: 'shipped-relations',
  text: `SELECT relname::text AS name FROM pg_class
         WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT relispartition
         ORDER BY relname::text COLLATE "C"`,
}

/** What `src/schema/shipped-schema.json` must be: the schema of that name as the role of the server sees it. */
export async function dumpShippedSchema(serverUrl: string): Promise<string> {
  const database = openDatabase({ url: serverUrl, schema: SHIPPED_NAME, maxConnections: 1 })
  try {
    const relations = (await database.query<{ name: string }>(RELATIONS)).map(({ name }) => name)
    const facts = await readSchemaFacts(database, relations)
    return `${JSON.stringify(toShipped(facts, relations), null, 2)}\n`
  } finally {
    await database.close()
  }
}
