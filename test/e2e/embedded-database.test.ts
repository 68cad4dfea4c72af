import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import {
  current,
  killed,
  open,
  openInOtherProcess,
  postmasterPid,
  query,
  useDataDir,
} from '../support/embedded-database.ts'

useDataDir()

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

  it('accepts no one without the password, and listens on loopback only', async () => {
    const { urls } = await open('server')
    const wrong = new URL(urls.owner)
    wrong.password = 'wrong'
    await expect(query(wrong.href, 'select 1')).rejects.toMatchObject({ code: '28P01' })
    const methods = await query(urls.superuser, 'select distinct auth_method from pg_hba_file_rules')
    expect(methods).toEqual([{ auth_method: 'scram-sha-256' }])
    const [settings] = await query(
      urls.superuser,
      `select current_setting('listen_addresses') as listen, current_setting('unix_socket_directories') as sockets,
         current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit,
         current_setting('wal_compression') <> 'off' as compresses,
         pg_size_bytes(current_setting('shared_buffers')) >= pg_size_bytes('128MB') as buffers,
         pg_size_bytes(current_setting('max_wal_size')) >= pg_size_bytes('128MB') as wal`,
    )
    const own = { compresses: true, buffers: true, wal: true }
    expect(settings).toEqual({ listen: '127.0.0.1', sockets: '', fsync: 'on', commit: 'on', ...own })
  })

  it.skipIf(process.platform === 'win32')('keeps the directory and the passwords to its user', async () => {
    await open('server')
    const mode = (name: string) => statSync(path.join(current.dataDir, name)).mode & 0o777
    expect(mode('.')).toBe(process.getuid?.() === 0 ? 0o710 : 0o700)
    expect(mode('database.json')).toBe(0o600)
    expect(mode('strongroom.lock')).toBe(0o600)
    expect(mode('postgres')).toBe(0o700)
    expect(readdirSync(current.dataDir).sort()).toEqual(['database.json', 'postgres', 'strongroom.lock'])
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
    // Process ids, ports and times are in the log: four digits are there by chance.
    expect(readFileSync(path.join(current.dataDir, 'postgres', 'postgres.log'), 'utf8')).not.toContain('42424242')
  })

  it('is done again when it was killed in the middle', async () => {
    const first = openInOtherProcess('server')
    await vi.waitFor(() => expect(readdirSync(current.dataDir).join()).toContain('postgres-init-'), {
      timeout: 30_000,
      interval: 5,
    })
    await killed(first.child)
    const { urls } = await open('server')
    expect(await query(urls.server, 'select 1 as one')).toEqual([{ one: 1 }])
    expect(readdirSync(current.dataDir).join()).not.toContain('postgres-init-')
  })

  it('is finished when it was killed before the roles were there', async () => {
    const { urls } = await open('command')
    await query(urls.superuser.replace(/strongroom$/, 'postgres'), 'drop database strongroom')
    await query(urls.superuser.replace(/strongroom$/, 'postgres'), 'drop role strongroom_server, strongroom_owner')
    await current.databases.pop()?.stop()
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
    expect(existsSync(path.join(current.dataDir, 'strongroom.lock'))).toBe(false)
    await expect(query(first.urls.owner, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' })

    const second = await open('server')
    expect(await query(second.urls.owner, 'select note from notes')).toEqual([{ note: 'kept' }])
    expect(new URL(second.urls.owner).password).toBe(new URL(first.urls.owner).password)
  })

  it('says what is missing when the passwords are gone', async () => {
    await (await open('command')).stop()
    const passwords = readFileSync(path.join(current.dataDir, 'database.json'))
    rmSync(path.join(current.dataDir, 'database.json'))
    await expect(open('server')).rejects.toThrow(/database\.json with its passwords; put it back/)
    writeFileSync(path.join(current.dataDir, 'database.json'), passwords)
    expect(existsSync(path.join(current.dataDir, 'strongroom.lock'))).toBe(false)
  })

  it("says PostgreSQL's own reason when that does not start", async () => {
    await (await open('command')).stop()
    const file = path.join(current.dataDir, 'postgres', 'PG_VERSION')
    writeFileSync(file, '12\n')
    await expect(open('server')).rejects.toThrow(/PostgreSQL did not start; .*incompatible with server/)
    writeFileSync(file, '18\n')
  })
})
