import type { Knex } from 'knex'

/**
 * Who saw a record is answered from the events that name it: one event of a search or a list names many. Its text is read, not
 * parsed: inside a string of JSON the quotation marks would be escaped, so what is found is the member itself.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    CREATE INDEX audit_events_tokens ON audit_events
      USING gin ((string_to_array(substring(body, '"tokens":\\["([^]]*)"\\]'), '","')))
      WHERE type IN ('record.search', 'approval.list');
    COMMENT ON INDEX audit_events_tokens IS 'the records that a search or a list showed';
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw('DROP INDEX audit_events_tokens')
}
