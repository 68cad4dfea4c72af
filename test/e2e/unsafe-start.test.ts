import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, copyFileSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { migrate } from '../../src/database/migration/migrate.ts'
import { type EmbeddedDatabase, openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import { ensureDevelopmentCertificate } from '../../src/http/tls/development-certificate.ts'
import { createDevelopmentPassphrase } from '../../src/keys/root-key/passphrase-file.ts'
import { builtServer } from '../support/built-program.ts'
import { type Ended, findFreePorts, type RunningProgram, startProgram } from '../support/run-program.ts'

const PASSWORD = 'correct-horse-battery'

type Environment = Record<string, string>

let directory: string
let database: EmbeddedDatabase
let port: number
let safe: Environment
const running = new Set<RunningProgram>()

const file = (name: string) => path.join(directory, name)

/** Everything as a production start wants it; each test spoils one thing. */
beforeAll(async () => {
  directory = mkdtempSync(path.join(realpathSync(tmpdir()), 'strongroom-unsafe-'))
  await ensureDevelopmentCertificate({ certsDir: file('certs') })
  writeFileSync(file('root-key'), `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 })
  database = await openEmbeddedDatabase({ dataDir: file('database'), role: 'server', log: () => {} })
  const { urls } = database
  await migrate({ ownerUrl: urls.owner, serverRole: new URL(urls.server).username })
  await speakTls()
  const [https, operator] = await findFreePorts(2)
  port = https!
  safe = {
    PATH: process.env.PATH ?? '',
    HOME: directory,
    NODE_ENV: 'production',
    STRONGROOM_DATA_DIR: file('data'),
    STRONGROOM_CERTS_DIR: file('certs'),
    STRONGROOM_ROOT_KEY_FILE: file('root-key'),
    STRONGROOM_PORT: String(https),
    STRONGROOM_OPERATOR_PORT: String(operator),
    STRONGROOM_ISSUER: 'https://vault.example',
    DATABASE_URL: overTls(urls.server),
    DATABASE_CA: file('certs/ca.pem'),
  }
})
afterEach(async () => {
  for (const { child, ended } of running) {
    child.kill('SIGKILL')
    await ended
  }
  running.clear()
})
afterAll(async () => {
  await database.stop()
  rmSync(directory, { recursive: true, force: true })
})

/** The certificate is for names, and PostgreSQL listens on the address of this one. */
const overTls = (url: string) => Object.assign(new URL(url), { hostname: 'localhost' }).href

async function asSuperuser(...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: database.urls.superuser })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}

/** Gives the embedded database, which has no TLS of its own, the development certificate. */
async function speakTls(): Promise<void> {
  const cluster = file('database/postgres')
  const { uid, gid } = statSync(cluster)
  for (const name of ['server.pem', 'server-key.pem']) {
    copyFileSync(file(`certs/${name}`), path.join(cluster, name))
    chownSync(path.join(cluster, name), uid, gid)
    chmodSync(path.join(cluster, name), 0o600)
  }
  await asSuperuser(
    "ALTER SYSTEM SET ssl_cert_file = 'server.pem'",
    "ALTER SYSTEM SET ssl_key_file = 'server-key.pem'",
    'ALTER SYSTEM SET ssl = on',
    'SELECT pg_reload_conf()',
  )
}

function spawnMain(changes: Record<string, string | undefined>, nodeArgs: readonly string[]): RunningProgram {
  const env = Object.fromEntries(
    Object.entries({ ...safe, ...changes }).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
  const program = startProgram({
    command: process.execPath,
    args: [...nodeArgs, ...builtServer()],
    cwd: directory,
    env,
  })
  running.add(program)
  return program
}

function isListening(): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}

/** Starts the vault with something unsafe, and checks how it refuses. */
async function expectRefusedStart(
  changes: Record<string, string | undefined>,
  sentence: RegExp,
  nodeArgs: readonly string[] = [],
): Promise<void> {
  const { ended } = spawnMain(changes, nodeArgs)
  let result: Ended | undefined
  void ended.then((end) => {
    result = end
  })
  await vi.waitFor(() => expect(result).toBeDefined(), { timeout: 20_000, interval: 50 })
  const { code, signal, stdout, stderr } = result!
  expect({ code, signal }, stderr).toEqual({ code: 1, signal: null })
  expect(stderr).toMatch(sentence)
  const said = stderr.split('\n').find((line) => sentence.test(line))
  expect(said, 'one sentence that says how to mend it').toMatch(/[:;,] .*\.$/)
  expect(stderr).not.toMatch(/^\s+at /m)
  expect(stdout).not.toMatch(/listening|Strongroom is open/)
  const passwords = Object.values(database.urls).map((url) => decodeURIComponent(new URL(url).password))
  for (const secret of [PASSWORD, ...passwords]) expect(stdout + stderr).not.toContain(secret)
  expect(await isListening()).toBe(false)
}

it('starts when everything is as it should be, so that each of these is refused for its own reason', async () => {
  const { child, ended, output } = spawnMain({}, [])
  await vi.waitFor(() => expect(output.stdout + output.stderr).toContain('listening'), {
    timeout: 30_000,
    interval: 50,
  })
  expect(await isListening()).toBe(true)
  child.kill('SIGTERM')
  expect((await ended).code).toBe(0)
})

describe('the process', () => {
  it('refuses DEBUG', () => expectRefusedStart({ DEBUG: 'knex:*' }, /DEBUG/))

  it.each([
    '--inspect=127.0.0.1:0',
    '--heapsnapshot-signal=SIGUSR2',
    '--report-on-fatalerror',
    '--insecure-http-parser',
  ])('refuses %s', (flag) => expectRefusedStart({}, /can be inspected or dumps its memory/, [flag]))

  it('refuses --inspect in NODE_OPTIONS', () =>
    expectRefusedStart({ NODE_OPTIONS: '--inspect=127.0.0.1:0' }, /can be inspected/))

  it('refuses NODE_TLS_REJECT_UNAUTHORIZED=0', () =>
    expectRefusedStart({ NODE_TLS_REJECT_UNAUTHORIZED: '0' }, /NODE_TLS_REJECT_UNAUTHORIZED=0/))
})

describe('the address', () => {
  it.each([undefined, 'https://localhost:8443', 'https://127.0.0.1', 'https://[::1]:8443'])(
    'refuses the issuer %s, which no caller can reach',
    (issuer) => expectRefusedStart({ STRONGROOM_ISSUER: issuer }, /calls itself https:.*: set STRONGROOM_ISSUER/),
  )
})

describe('the files', () => {
  it.each([
    ['root-key', 0o644],
    ['root-key', 0o640],
    ['certs/server-key.pem', 0o644],
    ['certs/server-key.pem', 0o602],
  ])('refuses %s when others may open it', async (name, mode) => {
    chmodSync(file(name), mode)
    try {
      await expectRefusedStart({}, /can be read by others .*chmod 600/)
    } finally {
      chmodSync(file(name), 0o600)
    }
  })

  it('refuses a root key that was made for development', async () => {
    await createDevelopmentPassphrase(file('development-root-key'))
    await expectRefusedStart({ STRONGROOM_ROOT_KEY_FILE: file('development-root-key') }, /was made for development/)
  })

  it('refuses to make a root key in production', () =>
    expectRefusedStart({ STRONGROOM_ROOT_KEY_FILE: file('nowhere') }, /there is no root-key file/))
})

describe('the database', () => {
  it.each(['sslmode=disable', 'sslmode=no-verify', 'sslmode=require', 'ssl=0', 'sslrootcert=/dev/null'])(
    'refuses %s in the URL',
    (parameter) =>
      expectRefusedStart(
        { DATABASE_URL: `postgresql://vault:${PASSWORD}@db.example/vault?${parameter}` },
        /DATABASE_URL must not carry "ssl/,
      ),
  )

  it('refuses the embedded database in production', () =>
    expectRefusedStart({ DATABASE_URL: undefined, DATABASE_CA: undefined }, /embedded database is for development/))

  it('refuses a database that cannot be verified', () =>
    expectRefusedStart({ DATABASE_CA: undefined }, /certificate cannot be verified/))

  it('refuses a database whose certificate is of another authority', async () => {
    await ensureDevelopmentCertificate({ certsDir: file('other-certs') })
    const { ended } = spawnMain({ DATABASE_CA: file('other-certs/ca.pem') }, [])
    expect((await ended).code).toBe(1)
    expect(await isListening()).toBe(false)
  })

  it.each(['owner', 'superuser'] as const)('refuses the role that is the %s', (role) =>
    expectRefusedStart({ DATABASE_URL: overTls(database.urls[role]) }, /could rewrite the audit log/),
  )

  it('refuses a role that was granted too much', async () => {
    const role = new URL(database.urls.server).username
    await asSuperuser(`GRANT UPDATE ON audit_events TO "${role}"`)
    try {
      await expectRefusedStart({}, /could rewrite the audit log/)
    } finally {
      await asSuperuser(`REVOKE UPDATE ON audit_events FROM "${role}"`)
    }
  })

  it.each([
    ['log_min_duration_statement', '0'],
    ['log_statement', 'all'],
    ['log_parameter_max_length_on_error', '-1'],
  ])('refuses PostgreSQL that logs values because of %s', async (setting, value) => {
    const role = new URL(database.urls.server).username
    // What PostgreSQL has by default, and the embedded one has not.
    await asSuperuser(
      `ALTER ROLE "${role}" SET log_parameter_max_length = -1`,
      `ALTER ROLE "${role}" SET ${setting} = '${value}'`,
    )
    try {
      await expectRefusedStart({}, /would write bound values to its log/)
    } finally {
      await asSuperuser(`ALTER ROLE "${role}" RESET ALL`)
    }
  })

  it('refuses sample callers in production', async () => {
    await asSuperuser(
      `INSERT INTO clients (id, name, scopes, site, secret_hash, created_at)
       VALUES ('client_sample', 'sample billing', '{}', 'default', 'x', now())`,
    )
    try {
      await expectRefusedStart({}, /sample callers/)
    } finally {
      await asSuperuser("DELETE FROM clients WHERE id = 'client_sample'")
    }
  })

  it('refuses a database without the schema', async () => {
    await asSuperuser('CREATE DATABASE empty')
    const url = Object.assign(new URL(safe.DATABASE_URL!), { pathname: '/empty' }).href
    await expectRefusedStart({ DATABASE_URL: url }, /strongroom migrate/)
  })
})

it('names everything that is wrong at once', async () => {
  const { ended } = spawnMain({ DEBUG: '*', NODE_TLS_REJECT_UNAUTHORIZED: '0', DATABASE_CA: undefined }, [])
  const { stderr } = await ended
  for (const sentence of [/DEBUG/, /NODE_TLS_REJECT_UNAUTHORIZED/, /DATABASE_CA/]) expect(stderr).toMatch(sentence)
})
