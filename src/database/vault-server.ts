import pg from 'pg'
import { SCHEMA_NAME } from '../config/option-values.ts'
import { VaultError } from '../values/vault-error.ts'
import { connectionOptions, type DatabaseOptions } from './database.ts'
import { translate, unavailable } from './database-error.ts'

/** A fault of the database server that makes it unfit for a vault. `detail` is one sentence with the cure. */
export interface ServerFault {
  code: 'database-pooler' | 'database-encoding' | 'database-standby' | 'database-read-only' | 'database-schema'
  detail: string
}

/** The facts of the server, and the schema that the vault's tables are in or are to be created in. */
export interface VaultServer {
  faults: ServerFault[]
  schema: string
}

/** The message is one sentence for each fault. */
export class UnfitServer extends VaultError {
  override readonly name = 'UnfitServer'

  constructor(faults: readonly ServerFault[]) {
    super(faults.map(({ detail }) => detail).join(' '))
  }
}

type Place = Pick<DatabaseOptions, 'url' | 'caFile' | 'schema'>

/** PostgreSQL sends the id of the session's process when it begins; the types leave it out. */
type Session = pg.Client & { readonly processID: number | null }

/** How often two sessions are compared before they count as two. Other users of a pooler may come between. */
const COMPARISONS = 5

/** SQLSTATE protocol_violation, with which PgBouncer refuses transactions when it pools statements. */
const PROTOCOL_VIOLATION = '08P01'

interface Row {
  database: string
  role: string
  encoding: string
  is_standby: boolean
  is_read_only: boolean
  current_schema: string | null
  vaults: string[]
}

/** One transaction, so that it is one session of the server even behind a pooler, and its limits do not hold. */
const READ_FACTS = `
  BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;
  SELECT pg_catalog.current_database() AS database, current_user AS role,
    pg_catalog.current_setting('server_encoding') AS encoding,
    pg_catalog.pg_is_in_recovery() AS is_standby,
    pg_catalog.current_setting('transaction_read_only')::pg_catalog.bool AS is_read_only,
    pg_catalog.current_schema() AS current_schema,
    ARRAY(
      SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_namespace n
      WHERE pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND 2 OPERATOR(pg_catalog.=) (
        SELECT pg_catalog.count(*) FROM pg_catalog.pg_class c
        WHERE c.relnamespace OPERATOR(pg_catalog.=) n.oid
          AND (c.relname OPERATOR(pg_catalog.=) 'root_keys' OR c.relname OPERATOR(pg_catalog.=) 'audit_events'))
      ORDER BY n.nspname) AS vaults;
  COMMIT`

/**
 * Examines the server through a session without any of the vault's settings, and finds the schema of the vault: the one
 * that is named, or the current schema of the role if it holds a vault, or the only one in the database that does.
 *
 * @throws {Problem} if there is no connection
 */
export function examineServer(place: Place): Promise<VaultServer> {
  return examine(place, (row) => {
    const { current_schema, vaults } = row
    const [only] = vaults
    if (current_schema !== null && vaults.includes(current_schema)) return { schema: current_schema }
    if (vaults.length > 1) {
      return fault(
        'database-schema',
        `the database holds several vaults, in the schemas ${vaults.join(', ')}: name this one's in DATABASE_SCHEMA.`,
      )
    }
    return { schema: only ?? current_schema ?? 'public' }
  })
}

/**
 * Examines the server as the owner of the schema sees it, before a migration. The tables belong into the schema that is
 * named, or into the owner's current schema.
 *
 * @throws {UnfitServer}
 * @throws {Problem} when there is no connection
 */
export async function requireFitServer(place: Place): Promise<string> {
  const { faults, schema } = await examine(place, ({ current_schema, role }) =>
    current_schema === null
      ? fault(
          'database-schema',
          `the search path of the role "${role}" names no schema that it may use: name one in DATABASE_SCHEMA.`,
        )
      : { schema: current_schema },
  )
  if (faults.length > 0) throw new UnfitServer(faults)
  return schema
}

async function examine(
  place: Place,
  chooseSchema: (row: Row) => { schema: string } | { fault: ServerFault },
): Promise<VaultServer> {
  const named = place.schema ?? 'public'
  const session = await connect(place)
  try {
    if (await isShared(session, place)) return { faults: [POOLED], schema: named }
    const row = await readFacts(session)
    const chosen = place.schema === undefined ? chooseSchema(row) : { schema: place.schema }
    const faults = faultsOf(row)
    if ('fault' in chosen) return { faults: [...faults, chosen.fault], schema: named }
    return SCHEMA_NAME.test(chosen.schema)
      ? { faults, schema: chosen.schema }
      : { faults: [...faults, UNUSABLE_NAME], schema: named }
  } catch (error) {
    throw error instanceof UnfitServer ? error : translate(error)
  } finally {
    await session.end().catch(() => {})
  }
}

async function connect(place: Place): Promise<Session> {
  const session = new pg.Client(connectionOptions(place)) as Session
  session.on('error', () => {})
  try {
    await session.connect()
    return session
  } catch (error) {
    throw unavailable(error)
  }
}

async function readFacts(session: Session): Promise<Row> {
  // Several statements in one query have a result each, which the types do not say.
  const results = (await session.query(READ_FACTS)) as unknown as pg.QueryResult<Row>[]
  return results.flatMap(({ rows }) => rows)[0]!
}

const UNUSABLE_NAME: ServerFault = {
  code: 'database-schema',
  detail:
    'the current schema has a name with other characters than letters, digits, _ and -: name another one in DATABASE_SCHEMA.',
}

const POOLED: ServerFault = {
  code: 'database-pooler',
  detail:
    'a connection pooler (such as PgBouncer) in transaction or statement mode is in front of the database, and the vault needs sessions of its own: name PostgreSQL itself in the URL, or set pool_mode = session for the vault.',
}

/**
 * Whether another session of the server may serve the next transaction, which is what a pooler does in transaction mode. Two
 * sessions that are open at once then have the same process, or one of them another process than before.
 */
async function isShared(session: Session, place: Place): Promise<boolean> {
  const first = await processOf(session)
  // A pooler answers the handshake itself. Without a pooler the process is the one that PostgreSQL has named.
  if (first === session.processID) return false
  const other = await connect(place)
  try {
    for (let round = 0; round < COMPARISONS; round += 1) {
      await other.query('BEGIN')
      const isSame = (await processOf(other)) === first || (await processOf(session)) !== first
      await other.query('COMMIT')
      if (isSame) return true
    }
    return false
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === PROTOCOL_VIOLATION) return true
    // A pooler in session mode without a second session of the server.
    if (!(error instanceof pg.DatabaseError)) return false
    throw error
  } finally {
    await other.end().catch(() => {})
  }
}

async function processOf(session: Session): Promise<number> {
  const { rows } = await session.query<{ pid: number }>('SELECT pg_catalog.pg_backend_pid() AS pid')
  return Number(rows[0]?.pid)
}

function faultsOf({ database, role, encoding, is_standby, is_read_only }: Row): ServerFault[] {
  const faults: ServerFault[] = []
  if (encoding !== 'UTF8') {
    faults.push({
      code: 'database-encoding',
      detail: `the database "${database}" has the encoding ${encoding}, and the vault needs UTF8: create one with ENCODING 'UTF8' TEMPLATE template0, and move what there is with pg_dump.`,
    })
  }
  if (is_standby) {
    faults.push({
      code: 'database-standby',
      detail: `the database "${database}" is on a standby, which is read-only: name the primary server in the URL, or promote this one.`,
    })
  } else if (is_read_only) {
    faults.push({
      code: 'database-read-only',
      detail: `the database "${database}" is read-only for the role "${role}": turn off default_transaction_read_only for the server, the database and the role.`,
    })
  }
  return faults
}

function fault(code: ServerFault['code'], detail: string): { fault: ServerFault } {
  return { fault: { code, detail } }
}
