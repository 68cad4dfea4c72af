import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { processesNaming } from '../support/run-program.ts'
import { VaultProcess } from '../support/vault-process.ts'

let vault: VaultProcess
beforeEach(async () => {
  vault = await VaultProcess.create()
})
afterEach(async () => {
  try {
    // No command leaves a database running that it started for itself.
    expect(processesNaming(vault.dataDir)).toEqual([])
    expect(existsSync(vault.file('strongroom.lock'))).toBe(false)
  } finally {
    await vault.remove()
  }
})

/** The data of a vault that was stopped, in the place of an empty directory. */
async function usePreparedVault(): Promise<void> {
  await vault.remove()
  vault = await VaultProcess.prepare()
}

describe('in a directory where no vault was ever started', () => {
  it('doctor creates nothing, and says what is missing', async () => {
    const { code, stdout, stderr } = await vault.cli(['doctor'])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^schema: there is no database in .*lacks 0001-schema, .*: run "strongroom migrate"\.$/m)
    // Without a database there is no log.
    expect(stderr).not.toContain('could not be recorded')
    expect(readdirSync(vault.directory)).toEqual([])
    // Nor if the folder is there.
    mkdirSync(vault.dataDir, { mode: 0o755 })
    expect((await vault.cli(['doctor'])).code).toBe(1)
    expect(readdirSync(vault.directory, { recursive: true })).toEqual([path.basename(vault.dataDir)])
    expect(statSync(vault.dataDir).mode & 0o7777).toBe(0o755)
  })

  const unwitnessed = { code: 'audit-unwitnessed', severity: 'warning', detail: expect.any(String) }

  it('doctor finds that the schema is missing, migrate makes it, and then doctor finds nothing', async () => {
    const before = await vault.cli(['doctor', '--json'])
    expect(before.code).toBe(1)
    expect(before.json()).toEqual([
      unwitnessed,
      { code: 'schema', detail: expect.stringMatching(/lacks 0001-schema.*run "strongroom migrate"/) },
    ])

    const migrated = await vault.cli(['migrate', '--json'])
    expect(migrated.code, migrated.stderr).toBe(0)
    expect(migrated.json()).toEqual(expect.arrayContaining(['0001-schema']))

    const again = await vault.cli(['migrate'])
    expect(again).toMatchObject({ code: 0, stdout: 'nothing to do\n' })
    const after = await vault.cli(['doctor', '--json'])
    expect(after.code, after.stderr).toBe(0)
    // A warning, until checkpoints of the audit log go somewhere outside.
    expect(after.json()).toEqual([unwitnessed])
    const file = path.join(vault.directory, 'witnesses.json')
    writeFileSync(file, JSON.stringify({ ship: [{ file: 'checkpoints' }] }))
    const witnessed = { STRONGROOM_AUDIT_WITNESSES_FILE: file }
    expect(await vault.cli(['doctor'], witnessed)).toMatchObject({ code: 0, stdout: 'nothing unsafe was found\n' })
    writeFileSync(file, JSON.stringify({ ship: [{ url: 'http://log.example' }] }))
    const wrong = await vault.cli(['doctor', '--json'], witnessed)
    expect(wrong.code).toBe(1)
    expect(wrong.json()).toEqual([
      {
        code: 'witnesses-file',
        detail: expect.stringMatching(/witnesses\.json is not usable at \/ship\/0\/url: .*https/),
      },
    ])
  })

  it('a client can be added, and the vault that starts later knows it', async () => {
    const added = await vault.cli(['clients', 'add', '--name', 'early', '--scope', 'tokenize', '--json'])
    expect(added.code, added.stderr).toBe(0)
    const { client_id, client_secret } = added.json<{ client_id: string; client_secret: string }>()
    await vault.start()
    expect((await vault.requestToken(client_id, client_secret)).status).toBe(200)
    await vault.stop()
  })

  it('certs dev makes a certificate once, and needs no database for it', async () => {
    const certs_dir = path.join(vault.directory, 'certs')
    expect((await vault.cli(['certs', 'dev', '--json'])).json()).toEqual({ created: true, certs_dir })
    const certificate = readFileSync(path.join(certs_dir, 'server.pem'), 'utf8')
    expect((await vault.cli(['certs', 'dev', '--json'])).json()).toEqual({ created: false, certs_dir })
    expect(readFileSync(path.join(certs_dir, 'server.pem'), 'utf8')).toBe(certificate)
    expect(existsSync(vault.dataDir)).toBe(false)
  })

  it('serve is the vault itself', async () => {
    const { child, output, ended } = vault.spawnCli(['serve'])
    await vi.waitFor(() => expect(output.stdout).toContain('Strongroom is open at'), { timeout: 100_000 })
    expect((await vault.call('GET', '/readyz')).status).toBe(200)
    child.kill('SIGTERM')
    expect((await ended).code).toBe(0)
  })

  it('a command that is interrupted stops the database that it started', async () => {
    const { child, ended } = vault.spawnCli(['migrate'])
    await vi.waitFor(() => expect(vault.postmasterPid).toBeDefined(), { timeout: 60_000, interval: 5 })
    child.kill('SIGINT')
    await ended
  })
})

it('audit drop asks first, keeps a year, and finds nothing that is old', async () => {
  await usePreparedVault()
  const drop = (...args: string[]) => vault.cli(['audit', 'drop', '--json', ...args])
  const tooYoung = await drop('--older-than-months', '11', '--yes')
  expect(tooYoung).toMatchObject({ code: 2, stdout: '' })
  expect(tooYoung.stderr).toContain('kept for 12 months at least')
  expect(await drop('--older-than-months', '12')).toMatchObject({ code: 2, stdout: '' })
  for (const [flag, isDryRun] of [
    ['--dry-run', true],
    ['--yes', false],
  ] as const) {
    const found = await drop('--older-than-months', '12', flag)
    expect(found.code, found.stderr).toBe(0)
    expect(found.json()).toEqual({
      until: expect.stringMatching(/-01T00:00:00/),
      minimum_index: 0,
      dropped: [],
      dry_run: isDryRun,
    })
  }
})

describe('what would be unsafe', () => {
  it('is what doctor finds, all of it at once, and what every other command refuses', async () => {
    const unsafe = { DEBUG: 'knex:*', NODE_TLS_REJECT_UNAUTHORIZED: '0' }
    await usePreparedVault()

    const found = await vault.cli(['doctor', '--json'], unsafe)
    expect(found.code).toBe(1)
    expect(found.json<{ code: string }[]>().map(({ code }) => code)).toEqual([
      'tls-unverified',
      'debug',
      'audit-unwitnessed',
    ])
    const told = await vault.cli(['doctor'], unsafe)
    expect(told.code).toBe(1)
    expect(told.stdout).toMatch(/^tls-unverified: .*unset it\.\ndebug: .*unset it\.\nwarning: audit-unwitnessed: .*\n$/)

    const refused = await vault.cli(['keys', 'list', '--json'], unsafe)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toContain('DEBUG makes libraries print what they handle')
  })

  it('is said without the value that is wrong, which may hold a password', async () => {
    const url = 'postgres://server:hunter2@localhost:5432/vault?sslmode=require'
    const refused = await vault.cli(['doctor', '--json'], { DATABASE_URL: url })
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/DATABASE_URL must not carry "sslmode"/)
    expect(refused.stdout + refused.stderr).not.toContain('hunter2')
  })
})
