import type { Knex } from 'knex'

/** The spelling of a person's name in this version; `access/person.ts` has the present one. */
function folded(id: string): string {
  return `staff:${id.slice('staff:'.length).normalize('NFKC').toLowerCase().normalize('NFKC').trim()}`
}

/** May be the `sub` of an identity provider, which is never changed. */
const MAY_BE_FROM_ISSUER = /^staff:[a-z0-9-]+\//

/**
 * An approval is for one version of its record. People named by the vault itself have one spelling: what is kept of them
 * moves to it, so that a limit or a suspension goes on.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE approvals ADD COLUMN record_version integer;
    COMMENT ON COLUMN approvals.record_version IS 'the version of the record that is asked for; empty for requests that were decided before there was this column';
    -- What waits is decided from now on, by somebody who sees the record as it stands.
    UPDATE approvals a SET record_version = r.version FROM records r
     WHERE r.token = a.token AND r.site = a.site AND r.erased_at IS NULL AND a.state = 'pending';
    UPDATE approvals SET expires_at = now() WHERE state = 'pending' AND record_version IS NULL AND expires_at > now();

    DROP INDEX approvals_open;
    CREATE INDEX approvals_open ON approvals (site, (state <> 'unreviewed'), id) WHERE state IN ('pending', 'unreviewed');
    DROP INDEX approvals_caller;
    CREATE INDEX approvals_caller ON approvals (caller) WHERE state IN ('pending', 'approved', 'unreviewed');

    ALTER TABLE disabled_staff ADD COLUMN folded text;
    COMMENT ON COLUMN disabled_staff.folded IS 'the id as it is compared: NFKC, lower case; empty when an earlier version wrote the row';
    CREATE INDEX disabled_staff_folded ON disabled_staff (folded);

    COMMENT ON COLUMN budget_records.purpose IS 'a purpose; empty for masked views and searches, * for everything together, a scope for what is corrected or erased';
  `)
  const { rows: disabled } = await knex.raw<{ rows: { id: string }[] }>(
    "SELECT id FROM disabled_staff WHERE id LIKE 'staff:%'",
  )
  for (const { id } of disabled)
    await knex('disabled_staff')
      .where({ id })
      .update({ folded: folded(id) })

  const { rows: named } = await knex.raw<{ rows: { id: string }[] }>(
    `SELECT caller AS id FROM budget_records WHERE caller LIKE 'staff:%'
     UNION SELECT caller FROM suspended_callers WHERE caller LIKE 'staff:%'
     UNION SELECT caller FROM approvals WHERE caller LIKE 'staff:%' AND state = 'pending'`,
  )
  for (const { id } of named) {
    const name = folded(id)
    if (name === id) continue
    await knex.raw(
      `INSERT INTO budget_records (caller, role, purpose, span, starts_at, record)
       SELECT :name, role, purpose, span, starts_at, record FROM budget_records WHERE caller = :id
       ON CONFLICT DO NOTHING`,
      { id, name },
    )
    await knex.raw(
      `INSERT INTO suspended_callers (caller, role, purpose, suspended_at)
       SELECT :name, role, purpose, suspended_at FROM suspended_callers WHERE caller = :id ON CONFLICT DO NOTHING`,
      { id, name },
    )
    // Should it be a provider's after all, it stays under its own id too.
    if (MAY_BE_FROM_ISSUER.test(id)) continue
    await knex('budget_records').where({ caller: id }).delete()
    await knex('suspended_callers').where({ caller: id }).delete()
    await knex('approvals').where({ caller: id, state: 'pending' }).update({ caller: name })
  }
}

export async function down(): Promise<void> {
  throw new Error('This migration cannot be undone: an approval would hold for another version of its record.')
}
