import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { Agent } from 'node:https'
import { hostname, userInfo } from 'node:os'
import path from 'node:path'
import { json } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { builtProgram } from '../support/built-program.ts'
import { type HttpsRequest, requestHttps } from '../support/https-client.ts'
import { memoryHolds } from '../support/process-memory.ts'
import { startAtTerminal, terminalIsMissing } from '../support/terminal.ts'
import { VaultProcess } from '../support/vault-process.ts'
import { isRunning, workersOf } from '../support/worker-processes.ts'

const TOKEN = 'token-of-the-scraper-0123456789'
const isLinux = process.platform === 'linux'

let vault: VaultProcess
beforeAll(async () => {
  vault = await VaultProcess.prepare()
  writeFileSync(path.join(vault.directory, 'token'), `${TOKEN}\n`, { mode: 0o600 })
  await start()
})
afterAll(() => vault.remove())

const start = () => vault.start(options(), '1024')
const options = () => ({
  STRONGROOM_WORKERS: '2',
  STRONGROOM_OPERATOR_TOKEN_FILE: path.join(vault.directory, 'token'),
})
const processes = () => [vault.pid, ...workersOf(vault.pid)]
const socket = () => vault.file('operator.sock')

const onPort = (method: HttpsRequest['method'], target: string, headers: Record<string, string> = {}) => {
  const body = method === 'GET' ? {} : { body: '{}' }
  const agent = new Agent()
  return requestHttps({ port: vault.operatorPort, ca: vault.ca, agent, method, path: target, headers, ...body })
}

function onSocket(method: string, target: string, body?: string): Promise<{ status: number; body: unknown }> {
  return new Promise((resolve, reject) => {
    const call = request({ socketPath: socket(), method, path: target, agent: false }, (response) => {
      json(response).then((read) => resolve({ status: response.statusCode ?? 0, body: read }), reject)
    })
    call.on('error', reject).end(body)
  })
}

describe('what changes the state of a running server', () => {
  it('is on a socket that its user alone can open', async () => {
    const found = statSync(socket())
    expect(found.isSocket()).toBe(true)
    expect(found.mode & 0o777).toBe(0o600)
    expect(found.uid).toBe(process.geteuid?.())
    expect(statSync(vault.dataDir).mode & 0o027).toBe(0)

    const share = JSON.stringify({ share: 'strongroom-share-none', operator: 'operator:test' })
    expect(await onSocket('POST', '/unseal', share)).toEqual({
      status: 503,
      body: { detail: expect.stringContaining('passphrase-file, not from custodians') },
    })
    for (const wrong of ['', '{', '[]', '{"share":1}', share.replace('operator:test', 'x'), 'x'.repeat(5000)]) {
      expect((await onSocket('POST', '/unseal', wrong)).status).toBe(400)
    }
    for (const [method, target] of [
      ['GET', '/unseal'],
      ['GET', '/metrics'],
      ['POST', '/'],
    ] as const) {
      expect((await onSocket(method, target)).status).toBe(404)
    }
  })

  it('is not on the operator port, on any path', async () => {
    for (const method of ['POST', 'PATCH', 'DELETE'] as const) {
      for (const target of ['/unseal', '/metrics', '/healthz', '/readyz', '/']) {
        const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${TOKEN}` }
        expect([method, target, (await onPort(method, target, headers)).status]).toEqual([method, target, 404])
      }
    }
  })

  it('is there again after a kill, which leaves the old socket', async () => {
    await vault.kill('SIGKILL')
    expect(statSync(socket()).isSocket()).toBe(true)
    await start()
    expect((await onSocket('GET', '/')).status).toBe(404)
    await vault.stop()
    expect(statSync(socket(), { throwIfNoEntry: false })).toBeUndefined()
    await start()
  })
})

describe('who runs a command', () => {
  type Event = Record<string, unknown> & { caller: { id: string } }
  const account = userInfo().username
  const list = async (type: string) => (await vault.cli(['audit', 'list', '--json', '--type', type])).json<Event[]>()

  it('is who --as says, else STRONGROOM_OPERATOR, else SUDO_USER, else the account, which is kept beside the name', async () => {
    const local = { STRONGROOM_OPERATOR: 'Bo Tan', SUDO_USER: 'cy' }
    const runs: [args: string[], env: Record<string, string>, expected: object][] = [
      [
        ['--as', ' Ada'],
        { ...local, SSH_CONNECTION: '198.51.100.4 50000 192.0.2.1 22' },
        { caller: { id: 'operator:ada' }, account, source: '198.51.100.4' },
      ],
      [[], local, { caller: { id: 'operator:bo tan' }, account, source: `host:${hostname()}` }],
      [[], { SUDO_USER: 'cy' }, { caller: { id: 'operator:cy' }, account }],
      [[], { SUDO_USER: 'root' }, { caller: { id: `operator:${account}` } }],
    ]
    const added: { id: string; expected: object }[] = []
    for (const [args, env, expected] of runs) {
      const result = await vault.cli(['clients', 'add', '--name', 'x', '--scope', 'tokenize', '--json', ...args], env)
      expect(result.code, result.stderr).toBe(0)
      added.push({ id: result.json<{ client_id: string }>().client_id, expected })
    }
    const events = await list('client.add')
    for (const { id, expected } of added) expect(events.find(({ subject }) => subject === id)).toMatchObject(expected)
    expect(events.find(({ subject }) => subject === added.at(-1)!.id)).not.toHaveProperty('account')
  })

  it('is not text that is not a name', async () => {
    for (const [args, env] of [
      [['--as', 'a\nb'], {}],
      [[], { STRONGROOM_OPERATOR: '<script>' }],
    ] as const) {
      const refused = await vault.cli(['clients', 'list', ...args], env)
      expect(refused.code, refused.stderr).not.toBe(0)
      expect(refused.stderr).toMatch(/STRONGROOM_OPERATOR|--as/)
    }
  })

  it('must be said by root at a terminal in production, but where machines run it', async () => {
    if (process.geteuid?.() !== 0 || terminalIsMissing() !== undefined) return
    const run = async (args: readonly string[], env: Record<string, string> = {}) => {
      const terminal = startAtTerminal({
        command: process.execPath,
        args: [builtProgram('cli'), ...args],
        cwd: vault.directory,
        env: { ...vault.env, NODE_ENV: 'production', ...env },
      })
      const code = await terminal.ended
      return { code, isRefused: terminal.screen().includes('root has no name of its own') }
    }
    expect(await run(['audit', 'tail'], { SUDO_USER: 'root' })).toEqual({ code: 2, isRefused: true })
    expect(await list('request.refuse')).toContainEqual(
      expect.objectContaining({ route: 'audit tail', code: 'unnamed-operator', outcome: 'failed' }),
    )
    expect(await run(['clients', 'list'], { STRONGROOM_OPERATOR: 'ada' })).toMatchObject({ isRefused: false })
    expect(await run(['doctor'])).toMatchObject({ isRefused: false })
    // Without a terminal no question can be asked.
    const { stderr } = await vault.cli(['clients', 'list'], { NODE_ENV: 'production' })
    expect(stderr).not.toContain('root has no name of its own')
  })

  it('is in the event of a command that failed, also where the command cannot reach the database', async () => {
    expect((await vault.cli(['clients', 'revoke', 'client_nobody', '--as', 'ada'])).code).not.toBe(0)
    const failed = { type: 'request.refuse', outcome: 'failed', caller: { id: 'operator:ada', kind: 'operator' } }
    const nowhere = { DATABASE_URL: 'postgresql://strongroom:x@127.0.0.1:1/strongroom' }
    expect((await vault.cli(['keys', 'status', '--as', 'ada'], nowhere)).code).toBe(1)
    // What was never a command of the vault leaves nothing.
    expect((await vault.cli(['keys', 'list', '--no-such-option'])).code).toBe(2)
    const failures = await list('request.refuse')
    for (const route of ['clients revoke', 'keys status']) {
      expect(failures).toContainEqual(expect.objectContaining({ ...failed, route }))
    }
    expect(failures.map(({ route }) => route)).not.toContain('keys list')
  })

  it('is in the event of one that failed before it began', async () => {
    const roleFile = path.join(vault.directory, 'no-such-file')
    const openToken = path.join(vault.directory, 'failing-token')
    writeFileSync(openToken, TOKEN, { mode: 0o644 })
    const runs: [args: string[], code: string, env?: Record<string, string>][] = [
      [['audit', 'key', '--as', 'a\nb'], 'wrong-usage'],
      [['audit', 'resume'], 'not-confirmed'],
      [['access', 'rebuild'], 'not-confirmed'],
      [['roles', 'apply', roleFile], 'wrong-usage'],
      [['clients', 'list'], 'debug', { DEBUG: '*' }],
      [['doctor'], 'key-file-mode', { STRONGROOM_OPERATOR_TOKEN_FILE: openToken }],
      [['unseal'], 'NoTerminal'],
    ]
    const before = (await list('request.refuse')).length
    for (const [args, , env] of runs) {
      const { code, stderr } = await vault.cli(args, env)
      expect(code, stderr).not.toBe(0)
      expect(stderr).not.toContain('could not be recorded')
    }
    const failures = (await list('request.refuse')).slice(before)
    expect(failures.map(({ route, code, outcome }) => ({ route, code, outcome }))).toEqual(
      runs.map(([args, code]) => ({
        route: args.slice(0, args[0] === 'doctor' || args[0] === 'unseal' ? 1 : 2).join(' '),
        code,
        outcome: 'failed',
      })),
    )
    for (const { caller } of failures) expect(caller.id).toBe(`operator:${account}`)
  })

  it.skipIf(terminalIsMissing() !== undefined)(
    'is in the event of one that a person at the terminal declined',
    async () => {
      const before = (await list('request.refuse')).length
      const { command, args } = {
        command: process.execPath,
        args: [builtProgram('cli'), 'audit', 'resume', '--as', 'ada'],
      }
      const terminal = startAtTerminal({ command, args, cwd: vault.directory, env: vault.env })
      await terminal.sees(/Type "resume"/)
      terminal.type('no')
      expect(await terminal.ended).toBe(2)
      const declined = { route: 'audit resume', code: 'not-confirmed', caller: { id: 'operator:ada' } }
      expect((await list('request.refuse')).slice(before)).toMatchObject([declined])
    },
  )
})

describe('the metrics', () => {
  it('want the token of the file; whether the vault is alive and ready does not', async () => {
    const refused = await onPort('GET', '/metrics')
    expect(refused.status).toBe(401)
    expect(refused.headers['www-authenticate']).toMatch(/^Bearer /)
    expect(refused.text).not.toContain('strongroom_request')
    expect((await onPort('GET', '/metrics', { Authorization: `Bearer ${TOKEN}x` })).status).toBe(401)
    expect((await onPort('GET', '/metrics', { Authorization: `Bearer ${TOKEN}` })).text).toContain('strongroom_')
    for (const target of ['/healthz', '/readyz']) expect((await onPort('GET', target)).status).toBe(200)
  })

  it('are not for others who can read the file', async () => {
    const file = path.join(vault.directory, 'open-token')
    writeFileSync(file, TOKEN, { mode: 0o644 })
    const doctor = await vault.cli(['doctor', '--json'], { STRONGROOM_OPERATOR_TOKEN_FILE: file })
    expect(doctor.json()).toEqual(
      expect.arrayContaining([{ code: 'key-file-mode', detail: expect.stringContaining(`chmod 600 ${file}`) }]),
    )
  })
})

describe('the processes of a vault', () => {
  it('open no debugger at SIGUSR1, and are not ended by SIGUSR2', async () => {
    const before = processes()
    expect(before).toHaveLength(3)
    for (const pid of before) {
      if (isLinux) expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')).toContain('--disable-sigusr1')
      for (const signal of ['SIGUSR1', 'SIGUSR2', 'SIGUSR1', 'SIGUSR2'] as const) process.kill(pid, signal)
    }
    // Answers that came after the signals: each process has handled them.
    for (let at = 0; at < 20; at += 1) expect((await vault.call('GET', '/readyz')).status).toBe(200)
    expect((await onPort('GET', '/metrics', { Authorization: `Bearer ${TOKEN}` })).status).toBe(200)
    expect(before.filter(isRunning)).toEqual(before)
    expect(processes()).toEqual(before)
    expect(vault.output.stdout + vault.output.stderr).not.toMatch(/debugger|inspector/i)
  })

  it.skipIf(!isLinux)('do not hold the passphrase once the root key is derived from it', async () => {
    await vi.waitFor(async () => expect((await vault.call('GET', '/readyz')).status).toBe(200))
    const passphrase = readFileSync(vault.file('root-key'), 'utf8').trim()
    for (const pid of processes()) {
      // The path of its file is there, so the memory was looked through.
      expect(memoryHolds(pid, Buffer.from(vault.file('root-key')))).toBe(true)
      expect(memoryHolds(pid, Buffer.from(passphrase))).toBe(false)
    }
  })

  it.skipIf(!isLinux)('may write core dumps: an alert, and a finding of doctor', async () => {
    const alerts = vault.output.stdout.split('\n').filter((line) => line.includes('"alert":"core-dumps"'))
    expect(alerts).toHaveLength(1)
    expect(JSON.parse(alerts[0]!)).toMatchObject({ level: 'error', limit: expect.stringMatching(/^\d+$/) })
    const limited = await vault.cli(['doctor', '--json'])
    expect(limited.json<{ code: string }[]>().map(({ code }) => code)).not.toContain('core-dumps')
    const unlimited = await vault.spawnCli(['doctor', '--json'], {}, '1024').ended
    expect(JSON.parse(unlimited.stdout)).toEqual(
      expect.arrayContaining([
        { code: 'core-dumps', severity: 'warning', detail: expect.stringMatching(/ulimit -c 0.*LimitCORE=0/) },
      ]),
    )
    expect(unlimited.code).toBe(0)
  })
})

describe('doctor creates nothing', () => {
  /** Every file with its mode, but for those that belong to PostgreSQL. */
  const listing = (directory: string) =>
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .map((entry) => path.join(entry.parentPath, entry.name))
      .filter((file) => !file.includes('/postgres/'))
      .map((file) => `${file} ${(statSync(file).mode & 0o7777).toString(8)}`)
      .sort()

  it('beside a vault that runs, and beside one that was stopped', async () => {
    const running = listing(vault.directory)
    expect((await vault.cli(['doctor'])).code).toBe(0)
    expect(listing(vault.directory)).toEqual(running)
    await vault.stop()
    const stopped = listing(vault.directory)
    expect((await vault.cli(['doctor'])).code).toBe(0)
    expect(listing(vault.directory)).toEqual(stopped)
  })
})
