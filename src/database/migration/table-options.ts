import type { Knex } from 'knex'

/** SQL that gives a new table the rights and the storage parameters of the table that it replaces. */
export async function whatOperatorsDecided(knex: Knex, name: string): Promise<string> {
  const { rows: rights } = await knex.raw(
    `SELECT privilege_type AS privilege, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS role,
            CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS option
     FROM pg_class, aclexplode(relacl) WHERE oid = ?::regclass AND grantee <> relowner`,
    [name],
  )
  const { rows: parameters } = await knex.raw(
    `SELECT unnest(c.reloptions) AS parameter FROM pg_class c WHERE c.oid = :name::regclass
     UNION ALL SELECT 'toast.' || unnest(t.reloptions) FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid
     WHERE c.oid = :name::regclass`,
    { name },
  )
  const list = parameters.map(({ parameter }: { parameter: string }) => parameter).join(', ')
  return [
    ...rights.map(
      (right: Record<string, string>) => `GRANT ${right.privilege} ON ${name} TO ${right.role}${right.option};`,
    ),
    ...(list === '' ? [] : [`ALTER TABLE ${name} SET (${list});`]),
  ].join('\n')
}

/**
 * @throws {Error} when an object that is not the vault's depends on rewritten tables, and would be dropped with them
 */
export async function refuseDependents(knex: Knex, tables: readonly string[]): Promise<void> {
  const { rows } = await knex.raw(
    `WITH table_to_replace AS (SELECT unnest(?::regclass[])::oid AS oid)
     SELECT ev_class::regclass::text AS name FROM table_to_replace t
     JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.classid = 'pg_rewrite'::regclass
     JOIN pg_rewrite w ON w.oid = d.objid AND ev_class <> t.oid
     UNION SELECT conrelid::regclass::text FROM pg_constraint JOIN table_to_replace t ON confrelid = t.oid WHERE contype = 'f'
     ORDER BY 1`,
    [`{${tables.join(',')}}`],
  )
  if (rows.length === 0) return
  const names = rows.map(({ name }: { name: string }) => name).join(', ')
  throw new Error(
    `views or foreign keys of others (${names}) depend on tables that are rewritten: drop them, then run "strongroom migrate" again.`,
  )
}
