import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import {
  current,
  isRunning,
  killed,
  open,
  openInOtherProcess,
  postmasterPid,
  query,
  useDataDir,
} from '../support/embedded-database.ts'

useDataDir()

describe('beside a running server', { timeout: 60_000 }, () => {
  it('a second server is refused, and its message names the first', async () => {
    const first = openInOtherProcess('server')
    await first.opened
    await expect(open('server')).rejects.toThrow(
      `the data directory ${current.dataDir} is in use by the vault with process id ${first.child.pid}; ` +
        'stop it or choose another STRONGROOM_DATA_DIR',
    )
  })

  it('a command uses its database, and leaves it running', async () => {
    const server = openInOtherProcess('server')
    // The test does not wait for the server: the command does.
    await vi.waitFor(() => expect(existsSync(path.join(current.dataDir, 'strongroom.lock'))).toBe(true))
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
    expect(current.lines).toEqual([])
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
    expect(current.lines).toEqual([
      expect.stringContaining(`the vault with process id ${killedServer.child.pid} is gone`),
      expect.stringContaining('took over the running database'),
    ])
    expect(await query(next.urls.owner, 'select note from notes')).toEqual([{ note: 'kept' }])
    await next.stop()
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false))
  })

  it('the next one starts a database that was killed as well', async () => {
    const killedServer = openInOtherProcess('server')
    const urls = await killedServer.opened
    await query(urls.owner, "create table notes as select 'kept' as note")
    const pid = postmasterPid()
    await killed(killedServer.child)
    // Like a loss of power: postmaster.pid stays.
    const pidFile = path.join(current.dataDir, 'postgres', 'postmaster.pid')
    const pidText = readFileSync(pidFile, 'utf8')
    process.kill(pid, 'SIGKILL')
    await vi.waitFor(() => expect(isRunning(pid)).toBe(false))
    expect(readFileSync(pidFile, 'utf8')).toBe(pidText)

    const next = await open('server')
    expect(await query(next.urls.owner, 'select note from notes')).toEqual([{ note: 'kept' }])
  })

  it('another process that got the id of the old postmaster is not in the way', async () => {
    await (await open('server')).stop()
    const pidFile = path.join(current.dataDir, 'postgres', 'postmaster.pid')
    const lockFile = path.join(current.dataDir, 'strongroom.lock')
    // Our own parent: alive, of the same user as we, and no PostgreSQL.
    writeFileSync(
      pidFile,
      [process.ppid, path.join(current.dataDir, 'postgres'), 1, 5432, '', '127.0.0.1', '', 'ready', ''].join('\n'),
    )
    writeFileSync(
      lockFile,
      JSON.stringify({ pid: process.ppid, process: 'another boot 1', role: 'server', what: 'the vault' }),
    )
    const next = await open('server')
    expect(await query(next.urls.server, 'select 1 as one')).toEqual([{ one: 1 }])
    expect(current.lines.at(-1)).toContain('is gone')
  })

  it('a running database that refuses our passwords is stopped, and the message says what is wrong', async () => {
    const killedServer = openInOtherProcess('server')
    const urls = await killedServer.opened
    const pid = postmasterPid()
    await query(urls.superuser, "alter role postgres password 'another'")
    await killed(killedServer.child)

    await expect(open('server')).rejects.toThrow(/database\.json does not hold the passwords of the database/)
    expect(current.lines.join()).toContain('does not accept our passwords')
    expect(isRunning(pid)).toBe(false)
    expect(readdirSync(current.dataDir).sort()).toEqual(['database.json', 'postgres'])
  })
})
