import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type EmbeddedDatabase, openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import { BUILT, builtProgram } from '../support/built-program.ts'
import { runHosted } from '../support/hosted-commands.ts'
import { type Pgbouncer, pgbouncerIsMissing, startPgbouncer } from '../support/pgbouncer.ts'
import { withDatabase } from '../support/postgres.ts'
import { type Ended, findFreePorts, type Program, type RunningProgram, startProgram } from '../support/run-program.ts'
import { without } from '../support/without.ts'

// Programs are started one after the other, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 120_000 })

/** A user id that no system gives to a user. */
const NO_ACCOUNT = 54_321

let root: string
let database: EmbeddedDatabase
let directory: string
let env: Record<string, string>
let count = 0
const running = new Set<RunningProgram>()

beforeAll(async () => {
  root = mkdtempSync(path.join(realpathSync(tmpdir()), 'strongroom-around-'))
  chmodSync(root, 0o711)
  database = await openEmbeddedDatabase({ dataDir: path.join(root, 'database'), role: 'server', log: () => {} })
})
afterAll(async () => {
  await database.stop()
  rmSync(root, { recursive: true, force: true })
})

/** A directory and an empty database for each test. */
beforeEach(async () => {
  count += 1
  directory = path.join(root, `vault-${count}`)
  mkdirSync(directory, { mode: 0o700 })
  const [port, operatorPort] = await findFreePorts(2)
  await createDatabase(`vault_${count}`)
  env = {
    PATH: process.env.PATH ?? '/usr/bin:/bin',
    STRONGROOM_DATA_DIR: path.join(directory, 'data'),
    STRONGROOM_CERTS_DIR: path.join(directory, 'certs'),
    STRONGROOM_PORT: String(port),
    STRONGROOM_OPERATOR_PORT: String(operatorPort),
    ...urlsOf(`vault_${count}`),
  }
})
afterEach(async () => {
  for (const { child, ended } of running) {
    child.kill('SIGKILL')
    await ended
  }
  running.clear()
})

const urlsOf = (name: string) => ({
  DATABASE_URL: withDatabase(database.urls.server, name),
  DATABASE_OWNER_URL: withDatabase(database.urls.owner, name),
})

async function asSuperuser(statement: string, name?: string): Promise<Record<string, unknown>[]> {
  const { superuser } = database.urls
  const client = new pg.Client({ connectionString: name === undefined ? superuser : withDatabase(superuser, name) })
  await client.connect()
  return (await client.query(statement).finally(() => client.end())).rows
}

async function createDatabase(name: string, options = ''): Promise<void> {
  await asSuperuser(`CREATE DATABASE ${name} OWNER ${new URL(database.urls.owner).username} ${options}`)
}

type Changes = Partial<Pick<Program, 'openFiles' | 'user'>> & { env?: Record<string, string> }

function start(args: readonly string[], { env: more, ...program }: Changes = {}): RunningProgram {
  const started = startProgram({
    command: process.execPath,
    args: [builtProgram('cli'), ...(args.length === 0 ? ['serve'] : args)],
    cwd: directory,
    env: { ...env, ...more },
    ...program,
  })
  running.add(started)
  return started
}

/** Runs to the end. A command that shares everything but its environment runs in a process that has loaded the program. */
function run(args: readonly string[], { env: more, ...program }: Changes = {}): Promise<Ended> {
  const isHosted = args.length > 0 && Object.keys(program).length === 0
  if (isHosted) return runHosted(BUILT, { args, cwd: directory, env: { ...env, ...more } })
  return start(args, { ...program, ...(more && { env: more }) }).ended
}

/** The start, `migrate` and `doctor` each end with one line that names cause and cure, without a stack or a statement. */
async function expectRefused(sentence: RegExp, changes: Changes = {}): Promise<void> {
  for (const args of [['migrate'], ['doctor'], []]) {
    const { code, stdout, stderr } = await run(args, changes)
    const name = args[0] ?? 'start'
    const said = `${stdout}${stderr}`
    expect(code, `${name}: ${said}`).toBe(1)
    const lines = said.split('\n').filter((line) => sentence.test(line))
    expect(lines, `${name}: ${said}`).toHaveLength(1)
    expect(lines[0], name).toMatch(/[:;,] .*\.$/)
    expect(said, name).not.toMatch(/^\s+at |CREATE TABLE|SELECT |listening/m)
  }
}

async function expectListening(changes: Changes = {}): Promise<RunningProgram> {
  const program = start([], changes)
  const { output } = program
  await vi.waitFor(() => expect(output.stdout, output.stderr).toContain('Strongroom is open'), { timeout: 60_000 })
  return program
}

async function succeed(args: readonly string[], changes: Changes = {}): Promise<string> {
  const { code, stdout, stderr } = await run(args, changes)
  expect(code, stdout + stderr).toBe(0)
  return stdout + stderr
}

describe('the database', () => {
  it('that is not UTF8 is refused', async () => {
    const name = `ascii_${count}`
    await createDatabase(name, "ENCODING 'SQL_ASCII' LOCALE 'C' LOCALE_PROVIDER 'libc' TEMPLATE template0")
    await expectRefused(/encoding SQL_ASCII, .*UTF8/, { env: urlsOf(name) })
  })

  it('that is read-only is refused', async () => {
    await asSuperuser(`ALTER DATABASE vault_${count} SET default_transaction_read_only = on`)
    await expectRefused(/"vault_\d+" is read-only .*default_transaction_read_only/)
  })

  it('with several vaults is refused until DATABASE_SCHEMA names one, and serves that', async () => {
    await succeed(['migrate'], { env: { DATABASE_SCHEMA: 'first' } })
    await succeed(['migrate'], { env: { DATABASE_SCHEMA: 'second' } })
    const { code, stderr } = await run(['clients', 'list'])
    expect(code, stderr).toBe(1)
    expect(stderr).toMatch(/several vaults, in the schemas first, second: name .* DATABASE_SCHEMA\.$/m)
    const { child, ended } = await expectListening({ env: { DATABASE_SCHEMA: 'second' } })
    expect(await succeed(['clients', 'list'], { env: { DATABASE_SCHEMA: 'second' } })).toContain('sample checkout')
    child.kill('SIGTERM')
    expect((await ended).code).toBe(0)
    expect(await succeed(['clients', 'list'], { env: { DATABASE_SCHEMA: 'first' } })).not.toContain('sample')
  })

  it('whose dates are German serves, and its log is verified', async () => {
    await asSuperuser(`ALTER DATABASE vault_${count} SET datestyle = 'German, DMY'`)
    const { child, ended } = await expectListening()
    await vi.waitFor(() => succeed(['audit', 'verify']), { timeout: 30_000, interval: 500 })
    expect(await succeed(['clients', 'list', '--json'])).toMatch(/"created_at":"20\d\d-/)
    child.kill('SIGTERM')
    expect((await ended).code).toBe(0)
  })

  it('with a trigger that is not the vault’s is served when the operator has accepted it, which is an event', async () => {
    await succeed(['migrate'])
    await succeed(['clients', 'list'])
    await asSuperuser(
      'CREATE TRIGGER mine BEFORE UPDATE ON settings FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
      `vault_${count}`,
    )
    const found = await run(['doctor', '--json'])
    expect(found.code, found.stderr).toBe(1)
    const { detail } = JSON.parse(found.stdout).find(({ code }: { code: string }) => code === 'schema-changed')
    expect(detail).toContain('trigger mine on settings was added. Nothing is served')
    const refused = await run(['clients', 'add', '--name', 'x', '--scope', 'tokenize'])
    expect(refused.code, refused.stderr).toBe(1)
    expect(refused.stderr).toContain('was changed outside the vault (schema-changed)')
    // What changes nothing still runs.
    await succeed(['clients', 'list'])
    const [, hash] = /--accept-schema ([0-9a-f]{64})"/.exec(detail)!
    const accepted = await run(['migrate', '--accept-schema', hash!, '--json'])
    expect(accepted.code, accepted.stderr).toBe(0)
    expect(JSON.parse(accepted.stdout)).toEqual({ accepted: ['trigger mine on settings was added'], hash })
    expect(await succeed(['doctor'])).not.toContain('schema')
    const events = await asSuperuser(
      "SELECT name AS type FROM audit_events e JOIN dictionary d ON d.sort = 'type' AND d.id = e.type WHERE name IN ('migrate', 'schema.accept') ORDER BY position",
      `vault_${count}`,
    )
    expect(events).toEqual([{ type: 'migrate' }, { type: 'schema.accept' }])
    const failures = await asSuperuser(
      "SELECT body::json ->> 'route' AS route FROM audit_events WHERE type = id_of('type', 'request.refuse') ORDER BY position",
      `vault_${count}`,
    )
    expect(failures).toEqual(['doctor', 'clients add'].map((route) => ({ route })))
  })
})

const missing = pgbouncerIsMissing()

it.skipIf(missing !== undefined)(`PgBouncer in transaction mode is refused${without(missing)}`, async () => {
  const urls = [env.DATABASE_URL!, env.DATABASE_OWNER_URL!]
  const pooler: Pgbouncer = await startPgbouncer('transaction', urls)
  try {
    const [server, owner] = urls.map((url) => pooler.through(url))
    await expectRefused(/PgBouncer.*transaction .*pool_mode = session/, {
      env: { DATABASE_URL: server!, DATABASE_OWNER_URL: owner! },
    })
  } finally {
    await pooler.stop()
  }
})

it.skipIf(process.platform !== 'linux')('too few file descriptors are refused', async () => {
  await expectRefused(/may open 256 files.*ulimit -n.*LimitNOFILE=/, { openFiles: '256' })
})

describe('the volume', () => {
  it.skipIf(process.platform === 'win32')('whose root others can write to is refused', async () => {
    const volume = path.join(directory, 'volume')
    mkdirSync(volume)
    writeFileSync(path.join(volume, 'lost+found'), '')
    chmodSync(volume, 0o777)
    const withoutDatabase = { STRONGROOM_DATA_DIR: volume, DATABASE_URL: '', DATABASE_OWNER_URL: '' }
    await expectRefused(/others can write to .*STRONGROOM_DATA_DIR=\S+\/volume\/vault/, { env: withoutDatabase })
    const { code, stderr } = await run([], { env: { STRONGROOM_DATA_DIR: volume } })
    expect(code).toBe(1)
    expect(stderr).toMatch(/others can write to .*\.$/m)
    expect(await succeed(['migrate'], { env: { STRONGROOM_DATA_DIR: volume } })).toMatch(/warning: others can write/)
  })
})

/** Root alone can become another user, and the checkout must be open to that one. */
const canBeAnybody = spawnSync(process.execPath, ['-v'], { uid: NO_ACCOUNT, gid: NO_ACCOUNT, cwd: '/' }).status === 0

describe.skipIf(process.platform !== 'linux' || !canBeAnybody)('a user id without an account', () => {
  beforeEach(() => chownSync(directory, NO_ACCOUNT, NO_ACCOUNT))

  it('is refused with the embedded database, which needs one', async () => {
    const withoutDatabase = { DATABASE_URL: '', DATABASE_OWNER_URL: '' }
    const sentence = /user id 54321 has no account.*\/etc\/passwd.*DATABASE_URL/
    await expectRefused(sentence, { user: NO_ACCOUNT, env: withoutDatabase })
  })

  it('serves beside another database, says so, and is named in the log by its number', async () => {
    expect(await succeed(['migrate'], { user: NO_ACCOUNT })).toMatch(/warning: the user id 54321 has no account/)
    const { output } = await expectListening({ user: NO_ACCOUNT })
    expect(output.stdout).toMatch(/warning: the user id 54321 has no account .*\.$/m)
    const { code, stdout } = await run(['doctor'], { user: NO_ACCOUNT })
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^warning: no-account: /m) })
    const args = ['clients', 'add', '--name', 'till', '--role', 'checkout', '--scope', 'tokenize']
    await succeed(args, { user: NO_ACCOUNT })
    expect(await succeed(['audit', 'list', '--json'], { user: NO_ACCOUNT })).toContain('operator:uid-54321')
  })
})
