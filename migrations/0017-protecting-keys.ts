import type { Knex } from 'knex'
import { currentSchema } from '../src/database/current-schema.ts'

/** A column that names a key, the columns that this key made, and the states of keys that may make them. */
interface KeyColumn {
  key: string
  made: readonly string[]
  states: readonly string[]
}

const sealed = (part: string): KeyColumn => ({ key: `${part}_key_id`, made: [`${part}_sealed`], states: ['active'] })

/** Everything that stands on keys (`keys/reference-store.ts`). */
const TABLES: Readonly<Record<string, readonly KeyColumn[]>> = {
  records: [sealed('display'), sealed('secret')],
  record_versions: [sealed('display'), sealed('secret')],
  reveal_reasons: [sealed('reason')],
  // A request is claimed under the index key that comes next as well, which seals and finds nothing yet.
  idempotency_keys: [
    sealed('response'),
    { key: 'index_key_id', made: ['key_hash', 'request_hash'], states: ['active', 'pre-active'] },
  ],
  search_terms: [{ key: 'key_id', made: ['term', 'mac'], states: ['active'] }],
}

/**
 * The database refuses what the server's role has sealed or hashed under a key that may not protect any more, however late
 * it comes. The trigger looks the keys up with a statement of its own, so under READ COMMITTED they are those of that
 * moment. What was written before the key was retired may still commit after it, and `keys destroy` waits for that. No row
 * of `keys` is locked, so nothing waits for anything else.
 *
 * The owner of the tables may put rows of a backup back, as long as their keys open; the server's role may not.
 *
 * New rows are checked once for each statement, changed ones each by itself: a row may keep what an older key made.
 */
export async function up(knex: Knex): Promise<void> {
  const schema = await currentSchema(knex)
  for (const [table, columns] of Object.entries(TABLES)) {
    const name = `${table}_require_protecting_keys`
    await knex.raw(`
      CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF TG_OP = 'INSERT' THEN
          IF NOT EXISTS (SELECT FROM written WHERE ${columns.map((column) => isRefused(column, schema)).join(' OR ')}) THEN
            RETURN NULL;
          END IF;
        ELSIF (${columns.map((column) => `${isChanged(column)} AND ${isRefused(column, schema, 'NEW.')}`).join(' OR ')}) IS NOT TRUE THEN
          RETURN NEW;
        END IF;
        IF pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'USAGE') THEN
          RETURN NEW;
        END IF;
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'protecting_key', TABLE = '${table}',
          MESSAGE = 'only an active key may seal or hash what is stored';
      END $$;
      CREATE TRIGGER protecting_keys_of_new AFTER INSERT ON ${table} REFERENCING NEW TABLE AS written
        FOR EACH STATEMENT EXECUTE FUNCTION ${name}();
      CREATE TRIGGER protecting_keys_of_changed BEFORE UPDATE ON ${table}
        FOR EACH ROW WHEN (${columns.map(isChanged).join(' OR ')}) EXECUTE FUNCTION ${name}();`)
  }
}

export async function down(): Promise<void> {
  throw new Error('This migration cannot be undone: what comes late would be stored under a key that was destroyed.')
}

/** SQL: whether the row names a key that may not make what is stored; null when it names none. */
function isRefused({ key, states }: KeyColumn, schema: string, row = ''): string {
  const allowed = states.map((state) => `'${state}'`).join(', ')
  return `${row}${key} <> ALL (ARRAY(SELECT id FROM ${schema}.keys WHERE state IN (${allowed})))`
}

/** SQL: whether an UPDATE changes the key or what it made. */
function isChanged({ key, made }: KeyColumn): string {
  const of = (row: string) => [key, ...made].map((column) => `${row}.${column}`).join(', ')
  return `(${of('NEW')}) IS DISTINCT FROM (${of('OLD')})`
}
