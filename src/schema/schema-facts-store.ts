import type { Database, Queryable, Statement } from '../database/database.ts'

/** The description of a schema: a text for each object, by a name such as `trigger access_version on clients`. */
export type Facts = Readonly<Record<string, string>>

/**
 * The schema of a vault as PostgreSQL's catalog has it. The texts contain the schema's own name as SQL writes it.
 *
 * `decisive` is all that can change, swallow or invent what is written, and what the role of the server may do:
 * triggers, rules, policies, functions, operators, defaults, the types of columns, replacements of a table, and
 * constraints and indexes that run code or act on rows. `other` is everything else.
 */
export interface SchemaFacts {
  /** The schema's name as SQL writes it. */
  schema: string
  decisive: Facts
  other: Facts
}

const SCHEMA: Statement = {
  name: 'schema-name',
  text: 'SELECT pg_catalog.current_schema() AS name, pg_catalog.quote_ident(pg_catalog.current_schema()) AS quoted',
}

/**
 * The vault's schema could hold functions and operators that fit better than PostgreSQL's own, so only those of
 * PostgreSQL are found here. Compiling the statements would take longer than running them.
 */
const CATALOG_ONLY: Statement = {
  name: 'schema-catalog-only',
  text: "SELECT pg_catalog.set_config('search_path', 'pg_catalog', true), pg_catalog.set_config('jit', 'off', true)",
}

/**
 * The beginning of the following statements. `relation` holds the vault's tables and sequences, and every table that is
 * a part of one of them, wherever it is. `mine` holds every role that the server's role may act as.
 */
const BEGIN_WITH = `
  WITH RECURSIVE here AS (SELECT oid, nspname, nspowner, nspacl FROM pg_namespace WHERE nspname = $1::text),
  part AS (
    SELECT c.oid FROM pg_class c JOIN here ON c.relnamespace = here.oid
     WHERE c.relname::text = ANY ($2::text[]) AND c.relkind NOT IN ('i', 'I', 'c')
    UNION SELECT inhrelid FROM pg_inherits JOIN part ON inhparent = part.oid
  ),
  relation AS (
    SELECT c.*, CASE WHEN c.relnamespace = here.oid THEN c.relname::text ELSE c.oid::regclass::text END AS name,
           c.relnamespace = here.oid AND c.relname::text = ANY ($2::text[]) AS is_whole
      FROM part JOIN pg_class c ON c.oid = part.oid CROSS JOIN here
  ),
  mine AS (SELECT r.* FROM pg_roles r WHERE pg_has_role(current_user, r.oid, 'MEMBER'))`

/** Whether a superuser has installed it, so that no other role can change it. */
const OF_EXTENSION = (catalog: string, oid: string, owner: string) => `(
  EXISTS (SELECT FROM pg_depend d WHERE d.classid = '${catalog}'::regclass AND d.objid = ${oid} AND d.deptype = 'e')
  AND EXISTS (SELECT FROM pg_roles r WHERE r.oid = ${owner} AND r.rolsuper))`

/** FirstNormalObjectId of PostgreSQL: what has a lower OID came with it. */
const IS_MADE = (oid: string) => `${oid} >= 16384::oid`

/**
 * Whether an expression runs a function that could have an effect: any but PostgreSQL's own immutable ones. A function
 * that a superuser has installed with an extension counts if it is not immutable. The types that the expression names
 * bring functions of their own.
 *
 * @param tree the expression as the catalog keeps it, which names functions by their OIDs
 */
const RUNS_CODE = (tree: string, catalog: string, oid: string) => `(
  EXISTS (SELECT FROM regexp_matches(${tree}, ':(?:op)?funcid ([0-9]+)', 'g') AS called (id) JOIN pg_proc p ON p.oid = called.id[1]::oid
           WHERE p.provolatile <> 'i' OR (${IS_MADE('p.oid')} AND NOT ${OF_EXTENSION('pg_proc', 'p.oid', 'p.proowner')}))
  OR EXISTS (SELECT FROM pg_depend d JOIN pg_type t ON d.refclassid = 'pg_type'::regclass AND d.refobjid = t.oid
              WHERE d.classid = '${catalog}'::regclass AND d.objid = ${oid} AND NOT ${OF_EXTENSION('pg_type', 't.oid', 't.typowner')}))`

const CHECKS_BY_CODE = `(contype = 'c' AND ${RUNS_CODE('conbin::text', 'pg_constraint', 'c.oid')})`
const ACTS_ON_ROWS = "(contype = 'f' AND (confdeltype NOT IN ('a', 'r') OR confupdtype NOT IN ('a', 'r')))"
const INDEXES_BY_CODE = RUNS_CODE('concat(indexprs::text, indpred::text)', 'pg_class', 'indexrelid')

/** Rights to write. Those to read are facts of their own, since more of them change nothing. */
const WRITES = "a.privilege_type <> 'SELECT' AND (a.grantee = 0 OR a.grantee IN (SELECT oid FROM mine))"

/** PostgreSQL's own roles with rights beyond what is granted on a table. */
const POWERS = `'{pg_write_all_data,pg_maintain,pg_execute_server_program,pg_read_server_files,pg_write_server_files,pg_create_subscription}'`

const DECISIVE: Statement = {
  name: 'schema-decisive-facts',
  text: `${BEGIN_WITH}
  SELECT 'table ' || name AS object,
         concat_ws(E'\\n', CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'v' THEN 'view'
                               WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table' ELSE relkind::text END,
                   CASE WHEN relrowsecurity THEN 'row-level security' END,
                   CASE WHEN relforcerowsecurity THEN 'forced row-level security' END,
                   CASE WHEN NOT is_whole AND NOT relispartition THEN 'inherits' END,
                   CASE WHEN relkind = 'p' THEN pg_get_partkeydef(oid) END,
                   CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid) END) AS text
    FROM relation
   WHERE relkind <> 'S' AND (is_whole OR relkind <> 'r' OR relrowsecurity OR relforcerowsecurity OR NOT relispartition)
  UNION ALL
  SELECT 'sequence ' || name,
         concat_ws(' ', seqtypid::regtype, 'from', seqstart, 'by', seqincrement, 'in', seqmin, seqmax, 'cache', seqcache,
                   CASE WHEN seqcycle THEN 'cycle' END)
    FROM relation LEFT JOIN pg_sequence ON seqrelid = oid WHERE relkind = 'S'
  UNION ALL
  SELECT 'default of ' || name || '.' || attname,
         concat_ws(' ', nullif(attidentity::text, ''), nullif(attgenerated::text, ''), pg_get_expr(adbin, adrelid))
    FROM relation JOIN pg_attribute ON attrelid = relation.oid LEFT JOIN pg_attrdef ON adrelid = relation.oid AND adnum = attnum
   WHERE is_whole AND attnum > 0 AND NOT attisdropped AND (atthasdef OR attidentity <> '')
  UNION ALL
  -- A type rounds, pads, cuts off and compares.
  SELECT 'column ' || name || '.' || attname,
         concat_ws(' ', format_type(atttypid, atttypmod), CASE WHEN attcollation NOT IN (0, typcollation) THEN attcollation::regcollation::text END)
    FROM relation JOIN pg_attribute ON attrelid = relation.oid JOIN pg_type t ON t.oid = atttypid
   WHERE is_whole AND relkind <> 'S' AND attnum > 0 AND NOT attisdropped
  UNION ALL
  SELECT 'type ' || atttypid::regtype || ' of ' || name || '.' || attname,
         (WITH RECURSIVE base AS (
            SELECT atttypid AS oid UNION SELECT typbasetype FROM base JOIN pg_type b ON b.oid = base.oid WHERE typbasetype <> 0)
          SELECT concat_ws(E'\\n', string_agg(DISTINCT format_type(base.oid, NULL), ' '),
                           string_agg(conname || ' ' || pg_get_constraintdef(c.oid), E'\\n' ORDER BY c.oid))
            FROM base LEFT JOIN pg_constraint c ON contypid = base.oid)
    FROM relation JOIN pg_attribute ON attrelid = relation.oid JOIN pg_type t ON t.oid = atttypid
   WHERE is_whole AND relkind <> 'S' AND attnum > 0 AND NOT attisdropped AND ${IS_MADE('atttypid')}
     AND NOT ${OF_EXTENSION('pg_type', 't.oid', 'typowner')}
  UNION ALL
  SELECT 'check ' || conname || ' on ' || name, pg_get_constraintdef(c.oid)
    FROM relation JOIN pg_constraint c ON conrelid = relation.oid
   WHERE (is_whole OR conislocal) AND ${CHECKS_BY_CODE}
  UNION ALL
  -- A row that goes away there takes away, or changes, a row here, or runs the triggers of other tables.
  SELECT 'foreign key ' || conname || ' on ' || conrelid::regclass, pg_get_constraintdef(c.oid)
    FROM pg_constraint c
   WHERE ${ACTS_ON_ROWS} AND conparentid = 0
     AND (conrelid IN (SELECT oid FROM relation) OR confrelid IN (SELECT oid FROM relation))
  UNION ALL
  SELECT 'code of index ' || indexrelid::regclass, pg_get_indexdef(indexrelid)
    FROM relation JOIN pg_index ON indrelid = relation.oid
   WHERE (is_whole OR NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = indexrelid)) AND ${INDEXES_BY_CODE}
  UNION ALL
  -- A partition has the triggers of its table once more.
  SELECT 'trigger ' || t.tgname || ' on ' || name,
         pg_get_triggerdef(t.oid) || CASE t.tgenabled WHEN 'O' THEN '' WHEN 'A' THEN ', always' WHEN 'R' THEN ', on replicas' ELSE ', disabled' END
    FROM relation JOIN pg_trigger t ON t.tgrelid = relation.oid JOIN pg_proc p ON p.oid = t.tgfoid
    LEFT JOIN pg_trigger parent ON parent.oid = t.tgparentid
   WHERE (NOT t.tgisinternal OR p.pronamespace <> 'pg_catalog'::regnamespace)
     AND (parent.tgenabled IS DISTINCT FROM t.tgenabled OR parent.tgfoid <> t.tgfoid)
  UNION ALL
  SELECT 'rule ' || rulename || ' on ' || name, pg_get_ruledef(w.oid) || CASE ev_enabled WHEN 'O' THEN '' ELSE ', ' || ev_enabled::text END
    FROM relation JOIN pg_rewrite w ON ev_class = relation.oid WHERE NOT (relkind IN ('v', 'm') AND rulename = '_RETURN')
  UNION ALL
  SELECT 'policy ' || polname || ' on ' || name,
         concat_ws(' ', polcmd, polpermissive, 'to', polroles::regrole[], 'using', pg_get_expr(polqual, polrelid),
                   'check', pg_get_expr(polwithcheck, polrelid))
    FROM relation JOIN pg_policy ON polrelid = relation.oid
  UNION ALL
  SELECT 'function ' || proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
         concat_ws(E'\\n', prokind, pg_get_function_arguments(p.oid), 'returns ' || pg_get_function_result(p.oid), lanname,
                   CASE WHEN prosecdef THEN 'security definer' END, provolatile, CASE WHEN proisstrict THEN 'strict' END,
                   CASE WHEN proleakproof THEN 'leakproof' END, array_to_string(proconfig, E'\\n'), probin,
                   coalesce(pg_get_function_sqlbody(p.oid), prosrc))
    FROM pg_proc p JOIN here ON pronamespace = here.oid JOIN pg_language l ON l.oid = prolang
   WHERE NOT ${OF_EXTENSION('pg_proc', 'p.oid', 'proowner')}
  UNION ALL
  SELECT 'operator ' || oprname || ' (' || oprleft::regtype || ', ' || oprright::regtype || ')', oprcode::regprocedure::text
    FROM pg_operator o JOIN here ON oprnamespace = here.oid WHERE NOT ${OF_EXTENSION('pg_operator', 'o.oid', 'oprowner')}
  UNION ALL
  SELECT 'right to ' || replace(privilege, 'usage', 'use') || ' ' || name, ''
    FROM relation CROSS JOIN LATERAL (
      SELECT 'own' AS privilege WHERE relowner IN (SELECT oid FROM mine)
      UNION SELECT lower(a.privilege_type) FROM aclexplode(relacl) a WHERE ${WRITES}
      UNION SELECT lower(a.privilege_type) || ' ' || attname || ' of'
        FROM pg_attribute, aclexplode(attacl) a WHERE attrelid = relation.oid AND NOT attisdropped AND ${WRITES}) AS rights
  UNION ALL
  SELECT 'right to read ' || name, '' FROM relation WHERE is_whole AND relkind <> 'S' AND has_table_privilege(oid, 'SELECT')
  UNION ALL
  SELECT 'right to ' || CASE WHEN proowner IN (SELECT oid FROM mine) THEN 'own' ELSE 'execute' END
         || ' ' || proname || '(' || pg_get_function_identity_arguments(p.oid) || ')', ''
    FROM pg_proc p JOIN here ON pronamespace = here.oid
   WHERE prosecdef AND has_function_privilege(p.oid, 'EXECUTE') AND NOT ${OF_EXTENSION('pg_proc', 'p.oid', 'proowner')}
  UNION ALL
  SELECT 'right to ' || replace(privilege, 'usage', 'use') || ' the schema', ''
    FROM here CROSS JOIN LATERAL (
      SELECT 'own' AS privilege WHERE nspowner IN (SELECT oid FROM mine)
      UNION SELECT lower(a.privilege_type) || CASE a.privilege_type WHEN 'CREATE' THEN ' in' ELSE '' END FROM aclexplode(nspacl) a
       WHERE ${WRITES} AND (a.privilege_type <> 'CREATE' OR a.grantee <> 0)) AS rights
  UNION ALL
  SELECT DISTINCT 'power ' || power || ' of the role of the server', ''
    FROM mine CROSS JOIN LATERAL unnest(ARRAY[
           CASE WHEN rolsuper THEN 'superuser' END, CASE WHEN rolcreaterole THEN 'createrole' END,
           CASE WHEN rolreplication THEN 'replication' END, CASE WHEN rolbypassrls THEN 'bypassrls' END,
           CASE WHEN rolname::text = ANY (${POWERS}::text[]) THEN rolname::text END]) AS power
   WHERE power IS NOT NULL`,
}

const OTHER: Statement = {
  name: 'schema-other-facts',
  text: `${BEGIN_WITH}
  SELECT 'relation ' || relname AS object, relkind::text AS text
    FROM pg_class c JOIN here ON relnamespace = here.oid
   WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.oid NOT IN (SELECT oid FROM part)
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('e', 'i', 'a'))
  UNION ALL
  SELECT 'storage of ' || name, CASE relpersistence WHEN 'p' THEN 'permanent' WHEN 'u' THEN 'unlogged' ELSE relpersistence::text END
    FROM relation WHERE relkind <> 'S' AND (is_whole OR relpersistence <> 'p')
  UNION ALL
  SELECT 'not null of ' || name || '.' || attname, ''
    FROM relation JOIN pg_attribute ON attrelid = relation.oid
   WHERE is_whole AND relkind <> 'S' AND attnum > 0 AND NOT attisdropped AND attnotnull
  UNION ALL
  -- PostgreSQL keeps NOT NULL and deferred triggers among the constraints as well.
  SELECT 'constraint ' || conname || ' on ' || name, pg_get_constraintdef(c.oid)
    FROM relation JOIN pg_constraint c ON conrelid = relation.oid
   WHERE is_whole AND contype NOT IN ('n', 't') AND NOT ${CHECKS_BY_CODE} AND NOT ${ACTS_ON_ROWS}
  UNION ALL
  SELECT 'index ' || indexrelid::regclass::text, pg_get_indexdef(indexrelid) || CASE WHEN indisvalid THEN '' ELSE ', invalid' END
    FROM relation JOIN pg_index ON indrelid = relation.oid
   WHERE is_whole AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid) AND NOT ${INDEXES_BY_CODE}
  UNION ALL
  SELECT 'rights of ' || CASE grantee WHEN 0 THEN 'everyone' ELSE 'role ' || grantee::regrole::text END || ' on ' || name,
         string_agg(DISTINCT privilege_type, ', ' ORDER BY privilege_type)
    FROM (SELECT name, relowner, a.* FROM relation, aclexplode(relacl) a
          UNION ALL
          SELECT name || '.' || attname, relowner, a.* FROM relation JOIN pg_attribute ON attrelid = relation.oid, aclexplode(attacl) a
           WHERE NOT attisdropped
          UNION ALL
          SELECT 'the schema', nspowner, a.* FROM here, aclexplode(nspacl) a) AS granted
   WHERE grantee <> relowner AND grantee NOT IN (SELECT relowner FROM relation) AND (grantee = 0 OR grantee NOT IN (SELECT oid FROM mine)) GROUP BY grantee, name
  UNION ALL
  SELECT 'event trigger ' || evtname, concat_ws(' ', evtevent, evtfoid::regprocedure)
    FROM pg_event_trigger e WHERE evtenabled <> 'D' AND NOT ${OF_EXTENSION('pg_event_trigger', 'e.oid', 'evtowner')}`,
}

/**
 * Reads the catalog as the role that is connected, which is the server's. The look is one transaction of three statements.
 *
 * @param relations the tables and sequences of the vault
 */
export function readSchemaFacts(database: Database, relations: readonly string[]): Promise<SchemaFacts> {
  return database.transaction(async (tx) => {
    const [schema] = await tx.query<{ name: string; quoted: string }>(SCHEMA)
    await tx.query(CATALOG_ONLY)
    const values = [schema!.name, relations]
    const [decisive, other] = [await factsOf(tx, DECISIVE, values), await factsOf(tx, OTHER, values)]
    return { schema: schema!.quoted, decisive, other }
  })
}

/** Two objects of one name have a text together, so that neither hides the other. */
async function factsOf(tx: Queryable, statement: Statement, values: readonly unknown[]): Promise<Facts> {
  const rows = await tx.query<{ object: string; text: string }>(statement, values)
  const byObject = Map.groupBy(rows, ({ object }) => object)
  return Object.fromEntries(
    [...byObject].map(([object, same]) => [
      object,
      same
        .map(({ text }) => text)
        .sort()
        .join('\n'),
    ]),
  )
}
