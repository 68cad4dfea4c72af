import type { Knex } from 'knex'

/** Limits count before the work: what is in flight is reserved, and is given back or becomes a point. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    ALTER TABLE rate_limits
      ADD COLUMN reserved integer NOT NULL DEFAULT 0,
      ADD COLUMN granted integer NOT NULL DEFAULT 0,
      ADD COLUMN pauses integer NOT NULL DEFAULT 0;
    COMMENT ON COLUMN rate_limits.key IS 'what is limited, and a keyed hash of whose count it is';
    COMMENT ON COLUMN rate_limits.points IS 'what counted';
    COMMENT ON COLUMN rate_limits.reserved IS 'what is in flight and counts until it is given back';
    COMMENT ON COLUMN rate_limits.granted IS 'how much of the last reservation or settlement was taken';
    COMMENT ON COLUMN rate_limits.pauses IS 'how often the limit was reached before a day went by without it';
    COMMENT ON COLUMN rate_limits.expire IS 'when the count begins again, in milliseconds since 1970';

    -- Logged, unlike the other: a crash must not begin the count of a day or of a month again.
    CREATE TABLE kept_limits (LIKE rate_limits INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMMENTS);
    ALTER TABLE kept_limits ADD CONSTRAINT kept_limits_pkey PRIMARY KEY (key);
    CREATE INDEX rate_limits_expire ON rate_limits (expire);
    CREATE INDEX kept_limits_expire ON kept_limits (expire);
    COMMENT ON TABLE kept_limits IS 'limits of a day and longer';
    GRANT SELECT, INSERT, UPDATE, DELETE ON kept_limits TO strongroom_runtime;
  `)
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    DROP TABLE kept_limits;
    DROP INDEX rate_limits_expire;
    ALTER TABLE rate_limits DROP COLUMN reserved, DROP COLUMN granted, DROP COLUMN pauses;
  `)
}
