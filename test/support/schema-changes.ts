const VIEW = `
  CREATE VIEW settings AS SELECT * FROM real_settings;
  GRANT SELECT, INSERT, UPDATE ON settings TO strongroom_runtime;`

/**
 * Changes of the schema that refuse service: what is done, how it is undone, and what is said of it. What they use of the schema
 * `elsewhere` the test makes.
 */
export const schemaChanges: readonly [name: string, change: string, undo: string, said: string][] = [
  [
    'a trigger before',
    'CREATE TRIGGER swallow BEFORE INSERT ON reveal_reasons FOR EACH ROW EXECUTE FUNCTION elsewhere.swallow()',
    'DROP TRIGGER swallow ON reveal_reasons',
    'trigger swallow on reveal_reasons was added',
  ],
  [
    'a trigger after',
    'CREATE TRIGGER undo AFTER INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION elsewhere.swallow()',
    'DROP TRIGGER undo ON audit_events',
    'trigger undo on audit_events was added',
  ],
  [
    'a deferred trigger',
    `CREATE CONSTRAINT TRIGGER late AFTER INSERT ON records DEFERRABLE INITIALLY DEFERRED
       FOR EACH ROW EXECUTE FUNCTION elsewhere.swallow()`,
    'DROP TRIGGER late ON records',
    'trigger late on records was added',
  ],
  [
    'a trigger on one partition',
    'CREATE TRIGGER swallow BEFORE INSERT ON audit_events_early FOR EACH ROW EXECUTE FUNCTION elsewhere.swallow()',
    'DROP TRIGGER swallow ON audit_events_early',
    'trigger swallow on audit_events_early was added',
  ],
  [
    'a trigger that is turned off on one table',
    'ALTER TABLE clients DISABLE TRIGGER access_version',
    'ALTER TABLE clients ENABLE ALWAYS TRIGGER access_version',
    'trigger access_version on clients was changed',
  ],
  [
    'a trigger that is gone',
    'DROP TRIGGER access_version_truncated ON partners',
    `CREATE TRIGGER access_version_truncated AFTER TRUNCATE ON partners EXECUTE FUNCTION change_access_version();
     ALTER TABLE partners ENABLE ALWAYS TRIGGER access_version_truncated`,
    'trigger access_version_truncated on partners is missing',
  ],
  [
    'a rule',
    'CREATE RULE swallow AS ON INSERT TO audit_events DO INSTEAD NOTHING',
    'DROP RULE swallow ON audit_events',
    'rule swallow on audit_events was added',
  ],
  [
    'a view in place of a table, with a trigger instead of writing',
    `ALTER TABLE settings RENAME TO real_settings; ${VIEW}
     CREATE TRIGGER swallow INSTEAD OF INSERT ON settings FOR EACH ROW EXECUTE FUNCTION elsewhere.swallow()`,
    'DROP VIEW settings; ALTER TABLE real_settings RENAME TO settings',
    'table settings was changed; trigger swallow on settings was added',
  ],
  [
    'a policy',
    `ALTER TABLE disabled_staff ENABLE ROW LEVEL SECURITY;
     CREATE POLICY hide ON disabled_staff USING (false)`,
    'DROP POLICY hide ON disabled_staff; ALTER TABLE disabled_staff DISABLE ROW LEVEL SECURITY',
    'policy hide on disabled_staff was added; table disabled_staff was changed',
  ],
  [
    'rows hidden without a policy',
    'ALTER TABLE disabled_staff ENABLE ROW LEVEL SECURITY',
    'ALTER TABLE disabled_staff DISABLE ROW LEVEL SECURITY',
    'table disabled_staff was changed',
  ],
  [
    'a function that does something else',
    'ALTER FUNCTION audit_prepare_partitions() SET search_path = elsewhere, pg_catalog',
    'ALTER FUNCTION audit_prepare_partitions() SET search_path = pg_catalog, public, pg_temp',
    'function audit_prepare_partitions() was changed',
  ],
  [
    "a function that fits better than PostgreSQL's own",
    'CREATE FUNCTION length(varchar) RETURNS integer LANGUAGE sql AS $$ SELECT 32 $$',
    'DROP FUNCTION length(varchar)',
    'function length(character varying) was added',
  ],
  [
    "an operator that fits better than PostgreSQL's own",
    'CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = varchar, FUNCTION = elsewhere.differs)',
    'DROP OPERATOR public.= (text, varchar)',
    'operator = (text, character varying) was added',
  ],
  [
    'a default that puts events where the log never looks',
    'ALTER TABLE audit_events ALTER position SET DEFAULT -1',
    "ALTER TABLE audit_events ALTER position SET DEFAULT nextval('audit_positions')",
    'default of audit_events.position was changed',
  ],
  [
    'a sequence that goes backwards',
    'ALTER SEQUENCE audit_positions INCREMENT BY -1',
    'ALTER SEQUENCE audit_positions INCREMENT BY 1',
    'sequence audit_positions was changed',
  ],
  [
    'another table whose rows are read with those of one',
    'CREATE TABLE elsewhere.more () INHERITS (clients)',
    'DROP TABLE elsewhere.more',
    'table elsewhere.more was added',
  ],
  [
    'rights of the role',
    'GRANT DELETE ON records TO strongroom_runtime',
    'REVOKE DELETE ON records FROM strongroom_runtime',
    'right to delete records was added',
  ],
  [
    'rights of everyone',
    'GRANT UPDATE (body) ON audit_events TO PUBLIC',
    'REVOKE UPDATE (body) ON audit_events FROM PUBLIC',
    'right to update body of audit_events was added',
  ],
  [
    'rights that are taken away',
    'REVOKE DELETE ON disabled_staff FROM strongroom_runtime',
    'GRANT DELETE ON disabled_staff TO strongroom_runtime',
    'right to delete disabled_staff is missing',
  ],
  [
    'a check that runs a function',
    'ALTER TABLE records ADD CONSTRAINT looked CHECK (elsewhere.takes(site::text)) NOT VALID',
    'ALTER TABLE records DROP CONSTRAINT looked',
    'check looked on records was added',
  ],
  [
    "a check that runs a function of PostgreSQL's own with an effect",
    "ALTER TABLE records ADD CONSTRAINT looked CHECK (set_config('a.site', site::text, true) IS NOT NULL) NOT VALID",
    'ALTER TABLE records DROP CONSTRAINT looked',
    'check looked on records was added',
  ],
  [
    'a shipped check that runs a function besides',
    `ALTER TABLE records DROP CONSTRAINT records_version_check,
       ADD CONSTRAINT records_version_check CHECK (version > 0 AND elsewhere.takes(site::text))`,
    `ALTER TABLE records DROP CONSTRAINT records_version_check, ADD CONSTRAINT records_version_check CHECK (version > 0)`,
    'check records_version_check on records was added',
  ],
  [
    'a foreign key that takes rows away',
    'ALTER TABLE reveal_reasons ADD CONSTRAINT owned FOREIGN KEY (event) REFERENCES elsewhere.orders ON DELETE CASCADE NOT VALID',
    'ALTER TABLE reveal_reasons DROP CONSTRAINT owned',
    'foreign key owned on public.reveal_reasons was added',
  ],
  [
    'a foreign key of another table that acts when a row goes',
    `CREATE TABLE elsewhere.notes (client text REFERENCES clients ON DELETE SET NULL ON UPDATE CASCADE)`,
    'DROP TABLE elsewhere.notes',
    'foreign key notes_client_fkey on elsewhere.notes was added',
  ],
  [
    'a column whose type is a domain that runs a function',
    'ALTER TABLE settings ADD COLUMN note elsewhere.taken',
    'ALTER TABLE settings DROP COLUMN note',
    'type elsewhere.taken of settings.note was added',
  ],
  [
    'a type that stores less',
    'ALTER TABLE disabled_staff ALTER disabled_at TYPE timestamptz(0)',
    'ALTER TABLE disabled_staff ALTER disabled_at TYPE timestamptz',
    'column disabled_staff.disabled_at was changed',
  ],
  [
    'a generated column',
    'ALTER TABLE disabled_staff ADD COLUMN upper text GENERATED ALWAYS AS (lower(id)) STORED',
    'ALTER TABLE disabled_staff DROP COLUMN upper',
    'default of disabled_staff.upper was added',
  ],
  [
    'an index over what a function says',
    'CREATE INDEX looked ON settings (elsewhere.takes(value))',
    'DROP INDEX looked',
    'code of index public.looked was added',
  ],
  [
    'rights on a partition',
    'GRANT UPDATE ON audit_events_early TO strongroom_runtime',
    'REVOKE UPDATE ON audit_events_early FROM strongroom_runtime',
    'right to update audit_events_early was added',
  ],
]
