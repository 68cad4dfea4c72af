import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ConfigError, readConfig } from './config.ts'

// It starts programs, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

const CONFIG = path.join(import.meta.dirname, 'config.ts')
const SECRET = 'hunter2-4242424242424242'
const STRANGER = { uid: 54_321, gid: 54_321 }
/** Only root can give a file to another user, who must be able to read this program. */
const canBeStranger =
  process.geteuid?.() === 0 &&
  spawnSync(process.execPath, ['-e', `require('fs').readFileSync(${JSON.stringify(CONFIG)})`], STRANGER).status === 0

let directory: string
beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-env-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const file = (name: string) => path.join(directory, name)

function write(text: string, name = '.env', mode = 0o600): string {
  writeFileSync(file(name), text)
  chmodSync(file(name), mode)
  return file(name)
}

interface Read {
  port?: number
  production?: boolean
  logLevel?: string
  nodeOptions?: string
  refused?: string
}

/** Reads the configuration in a process of its own, in that directory and with that environment alone. */
function read(env: Record<string, string> = {}, as: { uid?: number; gid?: number } = {}): Read {
  const program = `
    import { readConfig, ConfigError } from ${JSON.stringify(CONFIG)}
    try {
      const { port, production, logLevel } = readConfig()
      console.log(JSON.stringify({ port, production, logLevel, nodeOptions: process.env.NODE_OPTIONS }))
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      console.log(JSON.stringify({ refused: error.message }))
    }`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', program], {
    cwd: directory,
    env,
    encoding: 'utf8',
    ...as,
  })
  expect(stdout, stderr).toMatch(/^\{.*\}\n$/)
  return JSON.parse(stdout)
}

const sentence = (pattern: RegExp) => ({ refused: expect.stringMatching(new RegExp(`${pattern.source}.*[^.]\\.$`)) })

describe('a .env file in the working directory', () => {
  it('sets options, and the environment wins', () => {
    write('STRONGROOM_PORT=7001\nexport STRONGROOM_LOG_LEVEL="warn" # quiet\nAWS_REGION=eu-west-1\n')
    expect(read()).toMatchObject({ port: 7001, logLevel: 'warn' })
    expect(read({ STRONGROOM_PORT: '7003' })).toMatchObject({ port: 7003, logLevel: 'warn' })
  })

  it.each([
    'NODE_OPTIONS',
    'NODE_TLS_REJECT_UNAUTHORIZED',
    'NODE_EXTRA_CA_CERTS',
    'DEBUG',
    'PATH',
    'LD_PRELOAD',
    'PGOPTIONS',
    'STRONGROOM_PROT',
    'STRONGROOM_ENV_FILE',
    'constructor',
  ])('that sets %s is refused, by a sentence without the value', (name) => {
    write(`STRONGROOM_PORT=7001\n${name}=${SECRET}\n`)
    const { refused } = read()
    expect(refused).toMatch(/\.env sets .* which is not an option of the vault: .*\.$/)
    if (name !== 'constructor') expect(refused).toContain(` ${name},`)
    expect(refused).not.toContain('hunter2')
  })

  it.each([
    ['0602', '0700'],
    ['0622', '0700'],
    ['0600', '0702'],
    ['0600', '0777'],
    ['0600', '1777'],
  ])(
    'of mode %s in a folder of mode %s is refused: others can write it, or put another in its place',
    (mode, folder) => {
      write('STRONGROOM_PORT=7001\n', '.env', Number.parseInt(mode, 8))
      chmodSync(directory, folder)
      expect(read()).toEqual(sentence(/can be written by others \(mode 0?\d+\): run "chmod go-w/))
    },
  )

  it('may be read by others: it is not said to be secret', () => {
    write('STRONGROOM_PORT=7001\n', '.env', 0o644)
    chmodSync(directory, 0o755)
    expect(read()).toMatchObject({ port: 7001 })
  })

  it('that is not a regular file is refused, and a pipe holds nothing up', () => {
    mkdirSync(file('.env'))
    expect(read()).toEqual(sentence(/is not a regular file: /))
    rmSync(file('.env'), { recursive: true })
    spawnSync('mkfifo', [file('.env')])
    expect(read()).toEqual(sentence(/is not a regular file: /))
  })

  it('is judged with what a symbolic link leads to', () => {
    mkdirSync(file('elsewhere'), { mode: 0o700 })
    symlinkSync('elsewhere/options', file('.env'))
    expect(read()).toMatchObject({ port: 8443 })
    write('STRONGROOM_PORT=7001\n', 'elsewhere/options')
    expect(read()).toMatchObject({ port: 7001 })
    chmodSync(file('elsewhere'), 0o777)
    expect(read()).toEqual(sentence(/elsewhere can be written by others/))
    chmodSync(file('elsewhere'), 0o700)
    chmodSync(file('elsewhere/options'), 0o666)
    expect(read()).toEqual(sentence(/can be written by others/))
  })

  it('is not read in production, and cannot make a vault a production one', () => {
    write('NODE_ENV=production\nSTRONGROOM_PORT=7001\n')
    expect(read({ NODE_ENV: 'production' })).toMatchObject({ production: true, port: 8443 })
    expect(read()).toEqual(sentence(/\.env sets NODE_ENV=production.*STRONGROOM_ENV_FILE/))
    write('NODE_OPTIONS=--inspect\n', '.env', 0o666)
    expect(read({ NODE_ENV: 'production' })).toMatchObject({ production: true, port: 8443 })
  })
})

describe('the file that STRONGROOM_ENV_FILE names', () => {
  it('is read in the place of .env, in production too, and may say that this is production', () => {
    write('STRONGROOM_PORT=7001\n')
    const STRONGROOM_ENV_FILE = write('NODE_ENV=production\nSTRONGROOM_LOG_LEVEL=warn\n', 'options')
    expect(read({ STRONGROOM_ENV_FILE })).toMatchObject({ production: true, port: 8443, logLevel: 'warn' })
    expect(read({ STRONGROOM_ENV_FILE: 'options', NODE_ENV: 'production' })).toMatchObject({ logLevel: 'warn' })
  })

  it('is judged in the same way, and must be there', () => {
    const STRONGROOM_ENV_FILE = write('STRONGROOM_PORT=7001\n', 'options', 0o666)
    expect(read({ STRONGROOM_ENV_FILE })).toEqual(sentence(/options can be written by others/))
    write('NODE_OPTIONS=--inspect\n', 'options')
    expect(read({ STRONGROOM_ENV_FILE })).toEqual(sentence(/options sets NODE_OPTIONS/))
    expect(read({ STRONGROOM_ENV_FILE: file('nowhere') })).toEqual(sentence(/there is no file .*nowhere: /))
  })
})

describe.skipIf(!canBeStranger)('the owner of the file, as root can try it', () => {
  it('is root or the user, and no other', () => {
    write('STRONGROOM_PORT=7001\n')
    chownSync(file('.env'), STRANGER.uid, STRANGER.gid)
    expect(read()).toEqual(sentence(/belongs to another user: run "chown 0 /))
    chownSync(file('.env'), 0, 0)
    chownSync(directory, STRANGER.uid, STRANGER.gid)
    expect(read()).toEqual(sentence(/belongs to another user/))
  })

  it('may be a user without an account, whose group is its own', () => {
    chmodSync(directory, 0o755)
    write('STRONGROOM_PORT=7001\n', '.env', 0o644)
    expect(read({}, STRANGER)).toMatchObject({ port: 7001 })
    chownSync(directory, STRANGER.uid, STRANGER.gid)
    chownSync(file('.env'), STRANGER.uid, STRANGER.gid)
    chmodSync(file('.env'), 0o664)
    expect(read({}, STRANGER)).toMatchObject({ port: 7001 })
    expect(read({}, { uid: 54_322, gid: 54_321 })).toEqual(sentence(/belongs to another user/))
  })

  it('of a group that can write it says whether others can: by its members, or by not being known', () => {
    write('STRONGROOM_PORT=7001\n', '.env', 0o660)
    // 0: root's own group. 1: daemon, whose account has it as its primary group.
    chownSync(file('.env'), 0, 0)
    expect(read()).toMatchObject({ port: 7001 })
    for (const gid of [1, STRANGER.gid]) {
      chownSync(file('.env'), 0, gid)
      expect(read()).toEqual(sentence(/can be written by others \(mode 0660\)/))
    }
  })

  it('cannot be kept from being read without a sentence', () => {
    chmodSync(directory, 0o755)
    write('STRONGROOM_PORT=7001\n')
    expect(read({}, STRANGER)).toEqual(sentence(/cannot be read \(EACCES\): /))
  })
})

it('an environment that is given is read alone', () => {
  expect(() => readConfig({ STRONGROOM_PORT: 'x' })).toThrow(ConfigError)
})
