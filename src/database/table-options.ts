import type { Knex } from 'knex'

/** SQL that gives a new table the rights and the storage parameters of the one that it takes the place of. */
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
