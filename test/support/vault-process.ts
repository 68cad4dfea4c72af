import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, inject, vi } from 'vitest'
import type { RoleName } from '../../src/access/policy/roles.ts'
import { openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import type { SampleCaller } from '../../src/start/sample-callers.ts'
import { BUILT, builtProgram, builtServer } from './built-program.ts'
import { runHosted } from './hosted-commands.ts'
import { type HttpsAnswer, type HttpsRequest, requestHttps } from './https-client.ts'
import { type Ended, findFreePorts, type RunningProgram, startProgram } from './run-program.ts'

export interface CallOptions {
  token?: string
  body?: unknown
  headers?: Record<string, string>
  agent?: Agent
}

/** What a command printed, and how it ended. */
export interface CommandResult extends Ended {
  /** The one JSON document on stdout; fails the test when there is anything else. */
  json<T = unknown>(): T
}

/**
 * The built vault as a process of its own, with its own directories and ports. It can be killed and started again on
 * the same data; `remove` ends what is left of it.
 */
export class VaultProcess {
  readonly directory: string
  readonly port: number
  readonly operatorPort: number
  readonly env: Readonly<Record<string, string>>
  readonly #built: string
  #program: RunningProgram | undefined
  #agent = new Agent({ keepAlive: true })
  #tokens = new Map<RoleName, string>()
  /** The kinds of commands that have run. */
  readonly #commands = new Set<string>()

  private constructor(directory: string, ports: readonly number[], built: string) {
    this.#built = built
    this.directory = directory
    this.port = ports[0]!
    this.operatorPort = ports[1]!
    this.env = {
      PATH: process.env.PATH ?? '/usr/bin:/bin',
      HOME: directory,
      STRONGROOM_DATA_DIR: this.dataDir,
      STRONGROOM_CERTS_DIR: path.join(directory, 'certs'),
      STRONGROOM_PORT: String(this.port),
      STRONGROOM_OPERATOR_PORT: String(this.operatorPort),
    }
  }

  /** A place for a vault that was never started. @param built the directory of its programs */
  static async create(built = BUILT): Promise<VaultProcess> {
    expect(existsSync(builtProgram('cli', built)), 'the vault is not built: run "npm run build"').toBe(true)
    const directory = mkdtempSync(path.join(realpathSync(tmpdir()), 'strongroom-e2e-'))
    return new VaultProcess(directory, await findFreePorts(2), built)
  }

  /** A place with a copy of the vault that was prepared for the run: it was started once, and has its sample callers. */
  static async prepare(): Promise<VaultProcess> {
    const vault = await VaultProcess.create()
    const prepared = inject('preparedVault')
    // PostgreSQL's files belong to another user when the tests run as root.
    execFileSync('cp', ['-a', path.join(prepared, 'data'), path.join(prepared, 'certs'), vault.directory])
    return vault
  }

  /** A vault that runs for the first time. Only its log has an origin with its own port. */
  static async startFirst(): Promise<VaultProcess> {
    const vault = await VaultProcess.create()
    await vault.start()
    return vault
  }

  /** A prepared vault that runs. */
  static async start(): Promise<VaultProcess> {
    const vault = await VaultProcess.prepare()
    await vault.start()
    return vault
  }

  get dataDir(): string {
    return path.join(this.directory, 'data')
  }

  file(name: string): string {
    return path.join(this.dataDir, name)
  }

  get ca(): string {
    return readFileSync(path.join(this.directory, 'certs', 'ca.pem'), 'utf8')
  }

  /** The process id of the latest start. */
  get pid(): number {
    return this.#running.child.pid!
  }

  /** The process id of PostgreSQL's first process; undefined if there is none. */
  get postmasterPid(): number | undefined {
    const file = this.file('postgres/postmaster.pid')
    return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : undefined
  }

  /** What the latest start has printed so far. */
  get output(): RunningProgram['output'] {
    return this.#running.output
  }

  get #running(): RunningProgram {
    if (this.#program === undefined) throw new Error('this vault was never started')
    return this.#program
  }

  /** Starts it and does not wait. */
  spawn(env: Record<string, string> = {}, coreDumps = '0'): RunningProgram {
    this.#program = startProgram({
      coreDumps,
      command: process.execPath,
      args: builtServer(this.#built),
      cwd: this.directory,
      env: { ...this.env, ...env },
    })
    return this.#program
  }

  /** Starts it, and waits until it is ready to serve and has printed the first steps. */
  async start(env: Record<string, string> = {}, coreDumps?: string): Promise<void> {
    const { output, ended } = this.spawn(env, coreDumps)
    let over: Ended | undefined
    void ended.then((result) => {
      over = result
    })
    const attempt = async () => {
      if (over !== undefined) return
      expect(output.stdout).toContain(`Strongroom is open at https://localhost:${this.port}`)
      expect((await this.call('GET', '/readyz')).status).toBe(200)
    }
    await vi.waitFor(attempt, { timeout: 100_000, interval: 25 })
    // A worker says on standard output why it ended.
    const lastLines = output.stdout.split('\n').slice(-5).join('\n')
    if (over !== undefined) {
      expect.fail(`the vault ended with code ${over.code} instead of starting: ${over.stderr}\n${lastLines}`)
    }
  }

  /** Sends a signal that is not meant to end it. */
  signal(signal: NodeJS.Signals): void {
    expect(this.#running.child.kill(signal)).toBe(true)
  }

  /** Sends a signal to the vault, and to nothing else, and waits for its end. */
  async kill(signal: NodeJS.Signals): Promise<Ended> {
    const { child, ended } = this.#running
    child.kill(signal)
    const result = await ended
    this.#agent.destroy()
    this.#agent = new Agent({ keepAlive: true })
    return result
  }

  /** Stops it in order. */
  async stop(): Promise<Ended> {
    const result = await this.kill('SIGTERM')
    expect(result, result.stderr).toMatchObject({ code: 0, signal: null })
    return result
  }

  /** Calls the API. Rejects when the connection breaks before the whole answer is there. */
  call<Body = Record<string, unknown>>(
    method: HttpsRequest['method'],
    path: string,
    { token, body, headers = {}, agent = this.#agent }: CallOptions = {},
  ): Promise<HttpsAnswer<Body>> {
    return requestHttps<Body>({
      port: this.port,
      ca: this.ca,
      agent,
      method,
      path,
      headers: {
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  }

  /** The credentials that the first start made. */
  sampleCaller(role: RoleName): SampleCaller {
    const callers = JSON.parse(readFileSync(this.file('sample-callers.json'), 'utf8')) as SampleCaller[]
    const caller = callers.find((candidate) => candidate.role === role)
    if (caller === undefined) expect.fail(`there is no sample caller for ${role}`)
    return caller
  }

  requestToken(clientId: string, clientSecret: string): Promise<HttpsAnswer<{ access_token: string }>> {
    return this.call('POST', '/oauth/token', {
      body: 'grant_type=client_credentials',
      headers: {
        'Content-Type': 'application/x-www-form-urlencoded',
        Authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
      },
    })
  }

  /** An access token of a sample caller, asked for once; for billing that of a person, who may see card numbers. */
  async token(role: RoleName): Promise<string> {
    const known = this.#tokens.get(role)
    if (known !== undefined) return known
    if (role === 'billing') {
      const { stdout, stderr } = await this.#runHosted(['staff', 'token', '--name', 'Bea', '--role', role])
      expect(stdout, stderr).toMatch(/^[^\n]+\n$/)
      this.#tokens.set(role, stdout.trim())
      return stdout.trim()
    }
    const { client_id, client_secret } = this.sampleCaller(role)
    const answer = await this.requestToken(client_id, client_secret)
    expect(answer.status, answer.text).toBe(200)
    this.#tokens.set(role, answer.body.access_token)
    return answer.body.access_token
  }

  /** The next `token` of each role is a new one. */
  forgetTokens(): void {
    this.#tokens.clear()
  }

  /** Starts a command of the CLI on this vault's directories, whether the vault runs or not. */
  spawnCli(args: readonly string[], env: Record<string, string> = {}, coreDumps = '0'): RunningProgram {
    return startProgram({
      coreDumps,
      command: process.execPath,
      args: [builtProgram('cli', this.#built), ...args],
      cwd: this.directory,
      env: { ...this.env, ...env },
    })
  }

  /**
   * Runs a command to its end. The first of each kind, and one with another Node.js around it, is a process of its own; the others
   * of its kind run in a process that has loaded the program already.
   */
  async cli(args: readonly string[], env: Record<string, string> = {}): Promise<CommandResult> {
    const kind = args.slice(0, 2).join(' ')
    const isHosted = this.#commands.has(kind) && !Object.keys(env).some((name) => name.startsWith('NODE_'))
    this.#commands.add(kind)
    const result = await (isHosted ? this.#runHosted(args, env) : this.spawnCli(args, env).ended)
    return {
      ...result,
      json<T>() {
        expect(result.stdout, result.stderr).toMatch(/^[^\n]+\n$/)
        return JSON.parse(result.stdout) as T
      },
    }
  }

  /** Runs a command with a text on its stdin. The text has no single quotation mark. */
  pipe(text: string, args: readonly string[]): Promise<Ended> {
    const program = `'${process.execPath}' '${builtProgram('cli', this.#built)}'`
    const line = `printf '%s' '${text}' | ${program} ${args.join(' ')}`
    return startProgram({ command: '/bin/sh', args: ['-c', line], cwd: this.directory, env: this.env }).ended
  }

  #runHosted(args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
    return runHosted(this.#built, { args, cwd: this.directory, env: { ...this.env, ...env } })
  }

  /** Ends what still runs and removes the directory. A database that still runs is taken over, and stopped. */
  async remove(): Promise<void> {
    if (this.#program !== undefined) await this.kill('SIGKILL')
    if (this.postmasterPid !== undefined) {
      await (await openEmbeddedDatabase({ dataDir: this.dataDir, role: 'command', log: () => {} })).stop()
    }
    rmSync(this.directory, { recursive: true, force: true })
  }
}
