/**
 * Views over the tables whose columns are numbers and uuids, in a schema `readable`: they have the names of the tables, and the ids
 * and names as the API shows them. Tests read and change rows through them. Triggers, locks and definitions are the tables' own.
 */

/** A column as a test sees it. Without `read` and `write` it is the table's own. */
interface ReadableColumn {
  name: string
  /** The column of the table, null where it has none. Default: the same name. */
  column?: string | null
  /** SQL of what a test reads, of a row `t` of the table. */
  read?: string
  /** SQL of what is stored, of the values of a row `v` of the view. */
  write?: string
}

interface ReadableTable {
  name: string
  /** The columns of the table's primary key. */
  key: readonly string[]
  columns: readonly ReadableColumn[]
}

/** The tables whose columns are not what a test would write. */
const tables: readonly ReadableTable[] = [
  {
    name: 'records',
    key: ['token'],
    columns: [
      token(),
      ...['kind', 'site'].map((name) => named(name, name, name, 'smallint')),
      ...same('version'),
      named('policy_version', 'policy', 'policy', 'integer'),
      {
        name: 'consents',
        read: `string_to_array(public.name_of('consents', t.consents), ' ')`,
        // What is not a list of names has a name that no list of names has.
        write: `readable.number_of('consents', array_to_string(v.consents, ' ', '?'))`,
      },
      ...sealed('display', 'secret'),
      ...same('terms', 'idempotency_hash', 'created_at', 'erased_at'),
      { name: 'updated_at', read: 'coalesce(t.updated_at, t.created_at)' },
    ],
  },
  {
    name: 'record_versions',
    key: ['token', 'version'],
    columns: [
      token(),
      ...same('version'),
      ...['kind', 'site'].map((name) => named(name, name, name, 'smallint')),
      ...sealed('display', 'secret'),
      ...same('replaced_at'),
    ],
  },
  {
    name: 'idempotency_keys',
    key: ['key_hash'],
    columns: [
      ...same('key_hash', 'request_hash'),
      named('index_key_id', 'key', 'index_key', 'smallint'),
      ...sealed('response'),
      ...same('created_at', 'expires_at'),
    ],
  },
  { name: 'reveal_reasons', key: ['event'], columns: [...same('event'), ...sealed('reason')] },
  {
    name: 'checkout_sessions',
    key: ['id'],
    columns: [...same('id', 'created_at', 'expires_at', 'closed_at'), ...sealed('facts')],
  },
  {
    name: 'privacy_requests',
    key: ['id'],
    columns: [
      ...same('id', 'version', 'created_at', 'due_at', 'closed_at'),
      named('site', 'site', 'site', 'smallint'),
      ...sealed('facts'),
    ],
  },
  {
    name: 'forwards',
    key: ['id'],
    columns: [...same('id', 'state', 'attempt', 'deadline', 'expires_at'), ...sealed('facts')],
  },
  {
    name: 'destination_secrets',
    key: ['name'],
    columns: [...same('name', 'revision', 'set_at'), ...sealed('value')],
  },
  {
    name: 'search_terms',
    key: ['term', 'token', 'key'],
    columns: [
      // A test has the whole hash.
      { name: 'term', write: 'substr(v.term, 1, 16)' },
      id('token', `coalesce((SELECT ${prefixOf('r')} FROM public.records r WHERE r.token = t.token), 'cont')`),
      {
        name: 'key_id',
        column: 'key',
        read: `public.name_of('key', t.key)`,
        write: `readable.number_of('key', v.key_id)::smallint`,
      },
      ...same('mac'),
    ],
  },
  {
    name: 'audit_events',
    // If a test has removed the primary key, there may be two rows of an event.
    key: ['id', 'position'],
    columns: [
      id('id', "'evt'"),
      // The id says it.
      { name: 'occurred_at', column: null, read: 'public.audit_event_time(t.id)' },
      named('type', 'type', 'type', 'smallint'),
      named('caller', 'caller', 'caller', 'integer'),
      id('token', `coalesce(substring(t.body FROM '"token":"([a-z]+)_'), 'token')`),
      named('site', 'site', 'site', 'smallint'),
      ...same('body'),
      { name: 'position', write: "coalesce(v.position, nextval('public.audit_positions'))" },
      ...same('mac'),
      {
        ...named('purpose', 'purpose', 'purpose', 'smallint'),
        write: `readable.number_of('purpose', coalesce(v.purpose, substring(v.body FROM '"purpose":"([^"]*)"')))::smallint`,
      },
    ],
  },
  { name: 'audit_leaves', key: ['sequence'], columns: [...same('sequence'), id('event', "'evt'"), ...same('hash')] },
]

/** A sealed part, and the key that sealed it. */
function sealed(...parts: string[]): ReadableColumn[] {
  return parts.flatMap((part) => [named(`${part}_key_id`, 'key', `${part}_key`, 'smallint'), ...same(`${part}_sealed`)])
}

/** The token of a row that has the kind of its record. */
function token(): ReadableColumn {
  return id('token', prefixOf('t'))
}

function prefixOf(row: string): string {
  return `CASE public.name_of('kind', ${row}.kind) WHEN 'card' THEN 'card' WHEN 'address' THEN 'addr' ELSE 'cont' END`
}

/** A column that is the same in both. */
function same(...names: string[]): ReadableColumn[] {
  return names.map((name) => ({ name }))
}

/** A name that is a number in the table. */
function named(name: string, sort: string, column: string, type: 'smallint' | 'integer'): ReadableColumn {
  return {
    name,
    column,
    read: `public.name_of('${sort}', t.${column})`,
    write: `readable.number_of('${sort}', v.${name})::${type}`,
  }
}

/** An id that is a uuid in the table. @param prefix SQL of the id's prefix, of a row `t` of the table */
function id(name: string, prefix: string, column = name): ReadableColumn {
  return { name, column, read: `public.uuid_id(${prefix}, t.${column})`, write: `public.id_uuid(v.${name})` }
}

/** Makes the schema and its views, for a database that has every migration. */
export function readableSchemaSql(): string {
  return `
    CREATE SCHEMA readable;
    CREATE FUNCTION readable.number_of(wanted text, given text) RETURNS integer LANGUAGE plpgsql AS $$
    BEGIN
      IF given IS NULL THEN RETURN NULL; END IF;
      INSERT INTO public.dictionary (sort, id, name)
        SELECT wanted, coalesce(max(id), 0) + 1, given FROM public.dictionary WHERE sort = wanted
        ON CONFLICT DO NOTHING;
      RETURN public.id_of(wanted, given);
    END $$;
    -- To be called before search terms are put under a key that has none.
    CREATE FUNCTION readable.make_room_for_terms(key_id text) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
      PERFORM public.attach_terms_partition(readable.number_of('key', key_id));
      EXECUTE format('ALTER TABLE %s OWNER TO %s', public.terms_partition(public.id_of('key', key_id)),
        (SELECT relowner::regrole FROM pg_class WHERE oid = 'public.search_terms'::regclass));
    END $$;
    ${tables.map(viewSql).join('\n')}
    -- Each role sees and changes what it may see and change in the tables.
    GRANT USAGE ON SCHEMA readable TO PUBLIC;
    GRANT ALL ON ALL TABLES IN SCHEMA readable TO PUBLIC;`
}

function viewSql({ name, key, columns }: ReadableTable): string {
  const storedColumns = columns.filter(({ column }) => column !== null)
  const stored = (row: string) =>
    storedColumns.map(({ name, write = `v.${name}` }) => write.replaceAll(/\bv\./g, `${row}.`)).join(', ')
  const storedNames = storedColumns.map(({ name, column = name }) => column).join(', ')
  const keyOfOld = key.map((column) => {
    const { name, write = `v.${name}` } = columns.find((one) => (one.column ?? one.name) === column)!
    return `${column} = ${write.replaceAll(/\bv\./g, 'OLD.')}`
  })
  return `
    CREATE VIEW readable.${name} WITH (security_invoker = true) AS SELECT ${columns.map(({ name, read = `t.${name}` }) => `${read} AS ${name}`).join(', ')} FROM public.${name} t;
    CREATE FUNCTION readable.write_${name}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'INSERT' THEN
        INSERT INTO public.${name} (${storedNames}) VALUES (${stored('NEW')});
      ELSIF TG_OP = 'UPDATE' THEN
        UPDATE public.${name} SET (${storedNames}) = ROW (${stored('NEW')}) WHERE ${keyOfOld.join(' AND ')};
      ELSE
        DELETE FROM public.${name} WHERE ${keyOfOld.join(' AND ')};
        RETURN OLD;
      END IF;
      RETURN NEW;
    END $$;
    CREATE TRIGGER write INSTEAD OF INSERT OR UPDATE OR DELETE ON readable.${name} FOR EACH ROW EXECUTE FUNCTION readable.write_${name}();`
}
