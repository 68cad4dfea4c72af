-- Keys: the root keys, the keys that they wrap, the manifest that authenticates both, what the keys were used for,
-- and rotations. A key's life follows NIST SP 800-57 part 1, section 7.

CREATE TABLE root_keys (
  id             text PRIMARY KEY,
  provider       text NOT NULL,
  parameters     jsonb NOT NULL,
  created_at     timestamptz NOT NULL,
  state          text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'deactivated', 'compromised', 'destroyed')),
  activated_at   timestamptz,
  deactivated_at timestamptz,
  expires_at     timestamptz
);
GRANT SELECT, INSERT, UPDATE (state, activated_at, deactivated_at, expires_at) ON root_keys TO strongroom_runtime;

-- The manifest says which keys there are, and of which purposes.
CREATE TABLE keys (
  id             text PRIMARY KEY,
  purpose        text NOT NULL,
  state          text NOT NULL CHECK (state IN ('pre-active', 'active', 'deactivated', 'compromised', 'destroyed')),
  root_key_id    text NOT NULL,
  wrapped        bytea,
  created_at     timestamptz NOT NULL,
  activated_at   timestamptz,
  deactivated_at timestamptz,
  expires_at     timestamptz,
  compromised_at timestamptz,
  destroyed_at   timestamptz
);
CREATE UNIQUE INDEX keys_one_active ON keys (purpose) WHERE state = 'active';
COMMENT ON COLUMN keys.wrapped IS 'the key, sealed under the root key (seal format 1)';
GRANT SELECT, INSERT, UPDATE ON keys TO strongroom_runtime;

CREATE TABLE key_registry (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  manifest text NOT NULL,
  wrapped  bytea,
  mac      bytea NOT NULL
);
COMMENT ON TABLE key_registry IS 'authenticates every row of keys and root_keys';
COMMENT ON COLUMN key_registry.manifest IS 'the rows as they must be, RFC 8785, with a generation that only grows';
COMMENT ON COLUMN key_registry.wrapped IS 'the key of the MAC of a manifest of an earlier version, until the first start of this one; null since';
COMMENT ON COLUMN key_registry.mac IS 'HMAC-SHA-256 over the manifest, under the key of the registry that it names';
GRANT SELECT, INSERT, UPDATE ON key_registry TO strongroom_runtime;

-- Not columns of keys: uses change all the time, keys only when an operator or their age changes them.
CREATE TABLE key_uses (
  key_id   text PRIMARY KEY,
  uses     bigint NOT NULL DEFAULT 0,
  reserved bigint NOT NULL DEFAULT 0
);
COMMENT ON COLUMN key_uses.uses IS 'how often the key sealed, signed, hashed or wrapped, as far as the servers have reported';
COMMENT ON COLUMN key_uses.reserved IS 'uses handed out to servers and not reported; count as used until they are given back';
GRANT SELECT, INSERT, UPDATE ON key_uses TO strongroom_runtime;

CREATE TABLE key_retirements (
  key_id   text PRIMARY KEY,
  moved    bigint NOT NULL,
  empty_at timestamptz,
  event    text
);
COMMENT ON TABLE key_retirements IS 'how many values were moved off a key, and when a census found none left';
COMMENT ON COLUMN key_retirements.event IS 'the audit event of that census';
GRANT SELECT, INSERT, UPDATE ON key_retirements TO strongroom_runtime;

CREATE TABLE rotations (
  purpose         text PRIMARY KEY,
  operator        text NOT NULL,
  requested_at    timestamptz NOT NULL,
  begun_at        timestamptz,
  detached        boolean NOT NULL,
  rows_per_second integer,
  runner          text,
  runner_since    timestamptz,
  moved           bigint NOT NULL DEFAULT 0,
  total           bigint NOT NULL DEFAULT 0,
  damaged         integer NOT NULL DEFAULT 0,
  finished_at     timestamptz,
  keeps_keys      boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE rotations IS 'the latest rotation of the keys of each purpose; unfinished ones are gone on with';
COMMENT ON COLUMN rotations.detached IS 'a server runs it, whichever takes the lock first';
COMMENT ON COLUMN rotations.runner IS 'host and process that runs it, or ran it last';
COMMENT ON COLUMN rotations.keeps_keys IS 'index keys that it empties are kept, rather than destroyed';
GRANT SELECT, INSERT, UPDATE ON rotations TO strongroom_runtime;
