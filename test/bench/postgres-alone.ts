import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { runProgram } from './child-process.ts'
import { query } from './cluster.ts'
import { cpuSecondsOf } from './cpu-time.ts'
import { type Measurement, percentile } from './measurement.ts'
import type { ClientsPlan } from './postgres-clients.ts'

export interface PostgresAlone {
  /** What drives it: `pgbench`, or our own clients where that is not installed. */
  driver: string
  measure(connections: number, seconds: number): Promise<Measurement>
}

/**
 * PostgreSQL without a vault: a record, its search term and its event in one prepared statement and one commit, from so
 * many clients. Sizes are those of a row that the vault wrote; the constant parts are constants, and what is
 * unique or random in the vault is so here, made by PostgreSQL itself.
 *
 * @param sampleUrl a database in which a vault stored at least one card
 * @param url the database to write to, as the server's role
 */
export async function preparePostgresAlone(options: {
  sampleUrl: string
  url: string
  superuserUrl: string
  directory: string
  postmasterPid: number
}): Promise<PostgresAlone> {
  const statement = await statementLike(options.sampleUrl)
  await makeRoom(options)
  const script = path.join(options.directory, 'insert.sql')
  writeFileSync(script, `${statement};\n`)
  const version = pgbenchVersion()
  if (version !== undefined) {
    const measure = (connections: number, seconds: number) => runPgbench({ ...options, script, connections, seconds })
    return { driver: `${version}, -M prepared`, measure }
  }
  const program = fileURLToPath(new URL('postgres-clients.ts', import.meta.url))
  return {
    driver: 'node-postgres clients in a process of their own (pgbench is not installed)',
    measure: (connections, seconds) => {
      const { url, postmasterPid } = options
      const plan: ClientsPlan = { url, statement, connections, seconds, postmasterPid }
      return runProgram<Measurement>(program, plan, seconds + 30)
    },
  }
}

/** There are no keys in that database, which triggers ask for, and no partition for terms under one. */
async function makeRoom({ sampleUrl, superuserUrl }: { sampleUrl: string; superuserUrl: string }): Promise<void> {
  for (const table of ['records', 'search_terms'])
    await query(superuserUrl, `ALTER TABLE ${table} DISABLE TRIGGER USER`)
  const [partitioned] = await query(superuserUrl, `SELECT WHERE to_regproc('attach_terms_partition') IS NOT NULL`)
  if (partitioned === undefined) return
  const [term] = await query<{ key: number }>(sampleUrl, 'SELECT max(key) AS key FROM search_terms')
  await query(superuserUrl, 'SELECT attach_terms_partition($1)', [term!.key])
}

/** What is random or unique in a row, by its column, as PostgreSQL makes it; a token is text or a uuid, as the table has it. */
const MADE: Readonly<Record<string, string>> = { token: 'token', id: 'event', term: 'term', created_at: 'at' }
const HASH = 'sha256(random()::text::bytea)'
/** Random like a token; sorted by time like the id of an event. */
const RANDOM: Readonly<Record<'token' | 'event', Readonly<Record<string, string>>>> = {
  token: { text: `'card_' || substr(encode(${HASH}, 'hex'), 1, 26)`, uuid: 'gen_random_uuid()' },
  event: {
    text: `'evt_' || lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000000)::bigint), 14, '0') || substr(md5(random()::text), 1, 12)`,
    uuid: 'uuidv7()',
  },
}

/** The columns of a table that have no default of their own, and the values of one row of it as SQL. */
async function rowLike(url: string, table: string, condition: string) {
  const columns = await query<{ name: string; type: string }>(
    url,
    `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND NOT atthasdef ORDER BY attnum`,
    [table],
  )
  const literals = columns.map(({ name, type }) => `coalesce(quote_literal(t.${name}::text), 'NULL') || '::${type}'`)
  const [row] = await query<{ values: string[] }>(
    url,
    `SELECT ARRAY[${literals}] AS values FROM ${table} t ${condition} LIMIT 1`,
  )
  if (!row) throw new Error('there is no stored card to copy the sizes of')
  const values = columns.map(({ name }, at) => MADE[name] ?? row.values[at]!)
  return { columns, sql: `INSERT INTO ${table} (${columns.map(({ name }) => name)}) SELECT ${values} FROM made` }
}

async function statementLike(url: string): Promise<string> {
  const record = await rowLike(url, 'records', 'ORDER BY length(secret_sealed)')
  const term = await rowLike(url, 'search_terms', '')
  const event = await rowLike(
    url,
    'audit_events',
    `WHERE body LIKE '%"kind":"card"%' AND body LIKE '%"type":"record.tokenize"%'`,
  )
  const typeOf = (columns: typeof record.columns, wanted: string) => columns.find(({ name }) => name === wanted)!.type
  const token = RANDOM.token[typeOf(record.columns, 'token')]!
  const id = RANDOM.event[typeOf(event.columns, 'id')]!
  const termLength = (await query<{ length: number }>(url, 'SELECT length(term) FROM search_terms LIMIT 1'))[0]!.length
  // Materialized, so that each random value is drawn once and the three tables agree on it.
  return [
    `WITH made AS MATERIALIZED (SELECT ${token} AS token, ${id} AS event, substr(${HASH}, 1, ${termLength}) AS term, now() AS at),`,
    `new_record AS (${record.sql}), new_term AS (${term.sql}) ${event.sql}`,
  ].join(' ')
}

function pgbenchVersion(): string | undefined {
  try {
    return /^pgbench \(PostgreSQL\) [\d.]+/.exec(execFileSync('pgbench', ['--version'], { encoding: 'utf8' }))?.[0]
  } catch {
    return undefined
  }
}

async function runPgbench(options: {
  url: string
  directory: string
  postmasterPid: number
  script: string
  connections: number
  seconds: number
}): Promise<Measurement> {
  const { hostname, port, username, password, pathname } = new URL(options.url)
  const logs = path.join(options.directory, 'pgbench')
  mkdirSync(logs)
  const clients = String(options.connections)
  const jobs = String(Math.min(2, options.connections))
  const where = ['-h', hostname, '-p', port, '-U', username]
  const how = ['-M', 'prepared', '-n', '-c', clients, '-j', jobs, '-T', String(options.seconds)]
  const args = [...where, ...how, '-f', options.script, '-l', '--log-prefix=log', pathname.slice(1)]
  const postgres = () => cpuSecondsOf(options.postmasterPid, { children: true })
  const before = postgres()
  const child = spawn('pgbench', args, {
    cwd: logs,
    env: { PATH: process.env.PATH, PGPASSWORD: password },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: (options.seconds + 30) * 1000,
    killSignal: 'SIGKILL',
  })
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      printed += chunk
    })
  }
  // Its own CPU time can be read only while it runs.
  let load: number | undefined
  const clock = setInterval(() => {
    load = cpuSecondsOf(child.pid!) ?? load
  }, 100)
  const code = await new Promise((resolve) => child.once('close', resolve))
  clearInterval(clock)
  const after = postgres()
  const perSecond = Number(/^tps = ([\d.]+)/m.exec(printed)?.[1])
  if (code !== 0 || !(perSecond > 0)) throw new Error(`pgbench ended with code ${code}: ${printed.slice(-500)}`)
  const latencies = readLatencies(logs)
  rmSync(logs, { recursive: true })
  return {
    perSecond,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    cpu: {
      postgres: before === undefined || after === undefined ? undefined : (after - before) / options.seconds,
      load: load === undefined ? undefined : load / options.seconds,
    },
  }
}

/** Each line of a transaction log: client, transaction number, microseconds, … */
function readLatencies(directory: string): Float64Array {
  const lines = readdirSync(directory).flatMap((file) => readFileSync(path.join(directory, file), 'latin1').split('\n'))
  const values = lines.filter(Boolean).map((line) => Number(line.split(' ')[2]) / 1000)
  return Float64Array.from(values).sort()
}
