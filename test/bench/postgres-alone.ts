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
  directory: string
  postmasterPid: number
}): Promise<PostgresAlone> {
  const statement = await statementLike(options.sampleUrl)
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

const RANDOM_HASH = 'sha256(random()::text::bytea)'

async function statementLike(url: string): Promise<string> {
  const [row] = await query<Record<string, string>>(
    url,
    `SELECT r.site, r.display_key_id, encode(r.display_sealed, 'hex') AS display, r.secret_key_id,
            encode(r.secret_sealed, 'hex') AS secret, t.key_id, e.caller, e.body
     FROM records r JOIN audit_events e ON e.token = r.token JOIN search_terms t ON t.token = r.token
     WHERE r.kind = 'card' LIMIT 1`,
  )
  if (!row) throw new Error('there is no stored card to copy the sizes of')
  const text = (name: string) => `'${row[name]?.replaceAll("'", "''")}'`
  const bytes = (name: string) => `'\\x${row[name]}'::bytea`
  // Random like a token; sorted by time like an event's id.
  const token = `'card_' || substr(encode(${RANDOM_HASH}, 'hex'), 1, 26)`
  const event = `'evt_' || lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000000)::bigint), 14, '0') || substr(md5(random()::text), 1, 12)`
  // Materialized, so that each random value is drawn once and the three tables agree on it.
  return [
    `WITH made AS MATERIALIZED (SELECT ${token} AS token, ${event} AS event, ${RANDOM_HASH} AS term, now() AS at),`,
    'new_record AS (INSERT INTO records (token, kind, site, version, consents, display_key_id, display_sealed, secret_key_id, secret_sealed, terms, created_at, updated_at)',
    `SELECT token, 'card', ${text('site')}, 1, '{}', ${text('display_key_id')}, ${bytes('display')}, ${text('secret_key_id')}, ${bytes('secret')}, term, at, at FROM made),`,
    `new_term AS (INSERT INTO search_terms (term, token, key_id) SELECT term, token, ${text('key_id')} FROM made)`,
    `INSERT INTO audit_events (id, occurred_at, type, caller, token, body) SELECT event, at, 'record.tokenize', ${text('caller')}, token, ${text('body')} FROM made`,
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
