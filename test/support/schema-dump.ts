import type { ClientBase } from 'pg'

const TABLES = `
  SELECT c.oid, c.relname AS name FROM pg_class c
  WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.relname`

/** Those of the table, then those of its TOAST table with that word before. */
const STORAGE = `
  SELECT string_agg(prefix || option_name || '=' || option_value, ', ' ORDER BY prefix, option_name) AS line
  FROM (SELECT '' AS prefix, o.* FROM pg_class c, pg_options_to_table(c.reloptions) o WHERE c.oid = $1
        UNION ALL
        SELECT 'toast.', o.* FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid, pg_options_to_table(t.reloptions) o
         WHERE c.oid = $1) AS storage
  HAVING count(*) > 0`

const COLUMNS = `
  SELECT quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
         || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
         || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') AS line
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

/** PostgreSQL keeps NOT NULL and triggers that are deferred among the constraints as well; columns and triggers say it already. */
const CONSTRAINTS = `
  SELECT 'CONSTRAINT ' || quote_ident(conname) || ' ' || pg_get_constraintdef(oid) AS line
  FROM pg_constraint WHERE conrelid = $1 AND contype NOT IN ('n', 't') ORDER BY contype = 'p' DESC, conname`

const INDEXES = `
  SELECT pg_get_indexdef(indexrelid) || ';' AS line FROM pg_index
  WHERE indrelid = $1 AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
  ORDER BY indexrelid::regclass::text`

const COMMENTS = `
  SELECT 'COMMENT ON ' || CASE d.objsubid WHEN 0 THEN 'TABLE ' || c.relname ELSE 'COLUMN ' || c.relname || '.' || a.attname END
         || ' IS ' || quote_literal(d.description) || ';' AS line
  FROM pg_description d JOIN pg_class c ON c.oid = d.objoid LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid
  WHERE d.classoid = 'pg_class'::regclass AND c.oid = $1 ORDER BY d.objsubid`

/**
 * What is granted to roles other than the owner, PUBLIC among them: on tables, single columns, sequences and the
 * schema.
 */
const GRANTS = `
  SELECT 'GRANT ' || string_agg(privilege_type, ', ' ORDER BY privilege_type) || ' ON ' || object || ' TO '
         || CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END || ';' AS line
  FROM (
    SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || c.relname AS object, c.relowner AS owner, acl.*
      FROM pg_class c, aclexplode(c.relacl) acl WHERE c.relnamespace = quote_ident(current_schema())::regnamespace
    UNION ALL
    SELECT 'TABLE ' || c.relname || ' (' || a.attname || ')', c.relowner, acl.*
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) acl
      WHERE c.relnamespace = quote_ident(current_schema())::regnamespace
    UNION ALL
    SELECT 'SCHEMA ' || quote_ident(n.nspname), n.nspowner, acl.* FROM pg_namespace n, aclexplode(n.nspacl) acl WHERE n.nspname = current_schema()
  ) AS granted
  WHERE grantee <> owner GROUP BY object, grantee ORDER BY object, grantee::regrole::text`

/** Other objects that a migration may make one day; they are listed by name, so that the diff shows them. */
const OTHERS = `
  SELECT '-- ' || line AS line FROM (
    SELECT 'function ' || oid::regprocedure::text AS line FROM pg_proc WHERE pronamespace = quote_ident(current_schema())::regnamespace
    UNION ALL
    SELECT 'trigger ' || tgname || ' on ' || tgrelid::regclass::text
           || CASE tgenabled WHEN 'O' THEN '' WHEN 'A' THEN ', always' ELSE ', disabled' END || ': ' || pg_get_triggerdef(pg_trigger.oid)
      FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
      WHERE NOT tgisinternal AND relnamespace = quote_ident(current_schema())::regnamespace
    UNION ALL
    SELECT 'view ' || relname || ': ' || pg_get_viewdef(oid) FROM pg_class
      WHERE relnamespace = quote_ident(current_schema())::regnamespace AND relkind IN ('v', 'm')
    UNION ALL
    SELECT 'sequence ' || relname FROM pg_class WHERE relnamespace = quote_ident(current_schema())::regnamespace AND relkind = 'S'
    UNION ALL
    SELECT 'policy ' || polname || ' on ' || polrelid::regclass::text FROM pg_policy
    UNION ALL
    SELECT 'extension ' || extname FROM pg_extension WHERE extname <> 'plpgsql'
  ) AS other ORDER BY line`

/**
 * One schema of a database as SQL to be read, in an order that depends on names only: the embedded PostgreSQL brings no
 * pg_dump. Holds no row of any table.
 */
export async function dumpSchema(client: ClientBase, schema = 'public'): Promise<string> {
  // Definitions are written with as few qualifications as the search path allows.
  const path = client.escapeIdentifier(schema)
  await client.query(`SET search_path TO ${path}, pg_catalog; SET quote_all_identifiers TO 'off'`)
  const lines = async (text: string, values: unknown[] = []) =>
    (await client.query<{ line: string }>(text, values)).rows.map(({ line }) => line)
  const blocks = ['-- The schema after every migration. Written by `npm run db:schema`; do not edit.']
  for (const { oid, name } of (await client.query<{ oid: number; name: string }>(TABLES)).rows) {
    const parts = [...(await lines(COLUMNS, [oid])), ...(await lines(CONSTRAINTS, [oid]))]
    const storage = (await lines(STORAGE, [oid])).map((options) => ` WITH (${options})`).join('')
    const table = `CREATE TABLE ${name} (\n${parts.map((part) => `  ${part}`).join(',\n')}\n)${storage};`
    blocks.push([table, ...(await lines(INDEXES, [oid])), ...(await lines(COMMENTS, [oid]))].join('\n'))
  }
  blocks.push((await lines(GRANTS)).join('\n'), (await lines(OTHERS)).join('\n'))
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`
}
