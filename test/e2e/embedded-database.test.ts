import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { identifyProcess } from '../../src/database/data-dir-lock.ts'
import { type EmbeddedDatabase, openEmbeddedDatabase } from '../../src/database/embedded.ts'

const script = fileURLToPath(new URL('../support/open-embedded-database.ts', import.meta.url))

interface OtherProcess {
  child: ChildProcess
  logged: string[]
  /** Resolves when it has opened the database, rejects when it could not. */
  opened: Promise<EmbeddedDatabase['urls']>
}

let dataDir: string
let lines: string[]
let databases: EmbeddedDatabase[]
let children: ChildProcess[]

beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'strongroom-embedded-'))
  lines = []
  databases = []
  children = []
})

afterEach(async () => {
  for (const child of children) await killed(child)
  for (const database of databases) await database.stop()
  // Whatever a killed process left running is taken over, and stopped.
  if (existsSync(path.join(dataDir, 'postgres', 'postmaster.pid'))) {
    await (await openEmbeddedDatabase({ dataDir, role: 'command', log: () => {} })).stop()
  }
  rmSync(dataDir, { recursive: true })
})

async function open(role: 'server' | 'command', waitSeconds?: number): Promise<EmbeddedDatabase> {
  const log = (line: string) => lines.push(line)
  const database = await openEmbeddedDatabase({
    dataDir,
    role,
    command: 'doctor',
    log,
    ...(waitSeconds && { waitSeconds }),
  })
  databases.push(database)
  return database
}

function openInOtherProcess(role: 'server' | 'command'): OtherProcess {
  const child = spawn(process.execPath, [script, dataDir, role], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const logged: string[] = []
  const opened = new Promise<EmbeddedDatabase['urls']>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = JSON.parse(line)
      if (event.log) logged.push(event.log)
      if (event.urls) resolve(event.urls)
      if (event.error) reject(new Error(event.error))
    })
    child.once('exit', () => reject(new Error('ended before it had opened the database')))
  })
  opened.catch(() => {})
  return { child, logged, opened }
}

async function killed(child: ChildProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

const postmasterPid = () =>
  Number(readFileSync(path.join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0])

/** Not process.kill(pid, 0): an orphan that has ended is still there until the init process collects it. */
const isRunning = (pid: number) => identifyProcess(pid) !== undefined

describe('the first start', { timeout: 60_000 }, () => {
  it('creates the roles and the database, with the order of strings built in and checksums on', async () => {
    const { urls } = await open('server')
    const [cluster] = await query(
      urls.superuser,
      `select datlocprovider, datlocale, pg_encoding_to_char(encoding) as encoding, pg_get_userbyid(datdba) as owner,
         current_setting('data_checksums') as checksums from pg_database where datname = current_database()`,
    )
    expect(cluster).toEqual({
      datlocprovider: 'b',
      datlocale: 'C.UTF-8',
      encoding: 'UTF8',
      owner: 'strongroom_owner',
      checksums: 'on',
    })
    await query(urls.owner, 'create table notes (note text)')
    await expect(query(urls.server, 'select * from notes')).rejects.toMatchObject({ code: '42501' })
    await expect(query(urls.server, 'create table own (note text)')).rejects.toMatchObject({ code: '42501' })
    await query(urls.owner, 'grant select on notes to strongroom_server')
    await expect(query(urls.server, 'select * from notes')).resolves.toEqual([])
  })

  it('lets nobody in without the password, and listens on loopback only', async () => {
    const { urls } = await open('server')
    const wrong = new URL(urls.owner)
    wrong.password = 'wrong'
    await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' })
    const methods = await query(urls.superuser, 'select distinct auth_method from pg_hba_file_rules')
    expect(methods).toEqual([{ auth_method: 'scram-sha-256' }])
    const [settings] = await query(
      urls.superuser,
      `select current_setting('listen_addresses') as listen, current_setting('unix_socket_directories') as sockets,
         current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit`,
    )
    expect(settings).toEqual({ listen: '127.0.0.1', sockets: '', fsync: 'on', commit: 'on' })
  })

  it.skipIf(process.platform === 'win32')('keeps the directory and the passwords to its user', async () => {
    await open('server')
    const mode = (name: string) => statSync(path.join(dataDir, name)).mode & 0o777
    expect(mode('.')).toBe(process.getuid?.() === 0 ? 0o710 : 0o700)
    expect(mode('database.json')).toBe(0o600)
    expect(mode('strongroom.lock')).toBe(0o600)
    expect(mode('postgres')).toBe(0o700)
    expect(readdirSync(dataDir).sort()).toEqual(['database.json', 'postgres', 'strongroom.lock'])
  })

  it.skipIf(process.platform !== 'linux')(
    'starts PostgreSQL outside our session, without our environment',
    async () => {
      await open('server')
      const stat = readFileSync(`/proc/${postmasterPid()}/stat`, 'latin1')
      const [, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      expect(Number(session)).toBe(postmasterPid())
      const environment = readFileSync(`/proc/${postmasterPid()}/environ`, 'latin1')
      expect(environment).not.toContain('VITEST')
      expect(environment).not.toContain('HOME=')
    },
  )

  it('leaves our handlers for signals alone', async () => {
    const before = process.listenerCount('SIGINT') + process.listenerCount('SIGTERM')
    await open('server')
    expect(process.listenerCount('SIGINT') + process.listenerCount('SIGTERM')).toBe(before)
  })

  it('writes no statement and no value to the log', async () => {
    const { urls } = await open('server')
    await query(urls.owner, 'create table cards (number text primary key)')
    const insert = "insert into cards values ('4242424242424242')"
    await query(urls.owner, insert)
    await expect(query(urls.owner, insert)).rejects.toMatchObject({ code: '23505' })
    await expect(query(urls.owner, "select '4242424242424242'::uuid")).rejects.toMatchObject({ code: '22P02' })
    await expect(query(urls.owner, 'selec 4242424242424242')).rejects.toMatchObject({ code: '42601' })
    expect(readFileSync(path.join(dataDir, 'postgres', 'postgres.log'), 'utf8')).not.toContain('4242')
  })

  it('is done again when it was killed in the middle', async () => {
    const first = openInOtherProcess('server')
    await vi.waitFor(() => expect(readdirSync(dataDir).join()).toContain('postgres-init-'), {
      timeout: 10_000,
      interval: 5,
    })
    await killed(first.child)
    const { urls } = await open('server')
    expect(await query(urls.server, 'select 1 as one')).toEqual([{ one: 1 }])
    expect(readdirSync(dataDir).join()).not.toContain('postgres-init-')
  })

  it('is finished when it was killed before the roles were there', async () => {
    const { urls } = await open('command')
    await query(urls.superuser.replace(/strongroom$/, 'postgres'), 'drop database strongroom')
    await query(urls.superuser.replace(/strongroom$/, 'postgres'), 'drop role strongroom_server, strongroom_owner')
    await databases.pop()?.stop()
    const again = await open('server')
    expect(await query(again.urls.server, 'select 1 as one')).toEqual([{ one: 1 }])
  })
})

describe('a later start', { timeout: 60_000 }, () => {
  it('finds the data and the passwords of the earlier one', async () => {
    const first = await open('server')
    await query(first.urls.owner, "create table notes as select 'kept' as note")
    await first.stop()
    await first.stop()
    expect(existsSync(path.join(dataDir, 'strongroom.lock'))).toBe(false)
    await expect(query(first.urls.owner, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })

    const second = await open('server')
    expect(await query(second.urls.owner, 'select note from notes')).toEqual([{ note: 'kept' }])
    expect(new URL(second.urls.owner).password).toBe(new URL(first.urls.owner).password)
  })

  it('says what is missing when the passwords are gone', async () => {
    await (await open('command')).stop()
    const passwords = readFileSync(path.join(dataDir, 'database.json'))
    rmSync(path.join(dataDir, 'database.json'))
    await expect(open('server')).rejects.toThrow(/database\.json with its passwords; put it back/)
    writeFileSync(path.join(dataDir, 'database.json'), passwords)
    expect(existsSync(path.join(dataDir, 'strongroom.lock'))).toBe(false)
  })

  it("says PostgreSQL's own reason when that does not start", async () => {
    await (await open('command')).stop()
    const file = path.join(dataDir, 'postgres', 'PG_VERSION')
    writeFileSync(file, '12\n')
    await expect(open('server')).rejects.toThrow(/PostgreSQL did not start; .*incompatible with server/)
    writeFileSync(file, '18\n')
  })
})

describe('beside a running server', { timeout: 60_000 }, () => {
  it('a second server is refused, and told who is in the way', async () => {
    const first = openInOtherProcess('server')
    await first.opened
    await expect(open('server')).rejects.toThrow(
      `the data directory ${dataDir} is in use by the vault with process id ${first.child.pid}; ` +
        'stop it or choose another STRONGROOM_DATA_DIR',
    )
  })

  it('a command uses its database, and leaves it running', async () => {
    const server = openInOtherProcess('server')
    // Not waiting for the server: the command does that.
    await vi.waitFor(() => expect(existsSync(path.join(dataDir, 'strongroom.lock'))).toBe(true), 10_000)
    const command = await open('command')
    expect(command.urls).toEqual(await server.opened)
    await command.stop()
    expect(await query(command.urls.server, 'select 1 as one')).toEqual([{ one: 1 }])
  })
})

describe('beside a running command', { timeout: 60_000 }, () => {
  it('a server waits until the command is done', async () => {
    const command = openInOtherProcess('command')
    await command.opened
    const server = open('server')
    await expect(open('command', 0.3)).rejects.toThrow(
      /still in use by "strongroom test" with process id \d+ after 0.3 s/,
    )
    await killed(command.child, 'SIGTERM')
    expect(await query((await server).urls.server, 'select 1 as one')).toEqual([{ one: 1 }])
    expect(lines).toEqual([])
  })
})

describe('after a SIGKILL of the process in charge', { timeout: 60_000 }, () => {
  it('the next one takes over the running database, and stops it in the end', async () => {
    const killedServer = openInOtherProcess('server')
    const urls = await killedServer.opened
    await query(urls.owner, "create table notes as select 'kept' as note")
    const pid = postmasterPid()
    await killed(killedServer.child)
    expect(isRunning(pid)).toBe(true)

    const next = await open('server')
    expect(next.urls).toEqual(urls)
    expect(postmasterPid()).toBe(pid)
    expect(lines).toEqual([
      expect.stringContaining(`the vault with process id ${killedServer.child.pid} is gone`),
      expect.stringContaining('took over the running database'),
    ])
    expect(await query(next.urls.owner, 'select note from notes')).toEqual([{ note: 'kept' }])
    await next.stop()
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false), 5000)
  })

  it('the next one starts a database that was killed as well', async () => {
    const killedServer = openInOtherProcess('server')
    const urls = await killedServer.opened
    await query(urls.owner, "create table notes as select 'kept' as note")
    const pid = postmasterPid()
    await killed(killedServer.child)
    // Like a loss of power: nobody removes postmaster.pid.
    const pidFile = path.join(dataDir, 'postgres', 'postmaster.pid')
    const pidText = readFileSync(pidFile, 'utf8')
    process.kill(pid, 'SIGKILL')
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false), 5000)
    expect(readFileSync(pidFile, 'utf8')).toBe(pidText)

    const next = await open('server')
    expect(await query(next.urls.owner, 'select note from notes')).toEqual([{ note: 'kept' }])
  })

  it('another process that got the id of the old postmaster is not in the way', async () => {
    await (await open('server')).stop()
    const pidFile = path.join(dataDir, 'postgres', 'postmaster.pid')
    const lockFile = path.join(dataDir, 'strongroom.lock')
    // Our own parent: alive, of the same user as we, and no PostgreSQL.
    writeFileSync(
      pidFile,
      [process.ppid, path.join(dataDir, 'postgres'), 1, 5432, '', '127.0.0.1', '', 'ready', ''].join('\n'),
    )
    writeFileSync(
      lockFile,
      JSON.stringify({ pid: process.ppid, process: 'another boot 1', role: 'server', what: 'the vault' }),
    )
    const next = await open('server')
    expect(await query(next.urls.server, 'select 1 as one')).toEqual([{ one: 1 }])
    expect(lines.at(-1)).toContain('is gone')
  })

  it('a running database that refuses our passwords is stopped, and the message says what is wrong', async () => {
    const killedServer = openInOtherProcess('server')
    const urls = await killedServer.opened
    const pid = postmasterPid()
    await query(urls.superuser, "alter role postgres password 'another'")
    await killed(killedServer.child)

    await expect(open('server')).rejects.toThrow(/database\.json does not hold the passwords of the database/)
    expect(lines.join()).toContain('does not accept our passwords')
    expect(isRunning(pid)).toBe(false)
    expect(readdirSync(dataDir).sort()).toEqual(['database.json', 'postgres'])
  })
})
