import { readFileSync } from 'node:fs'
import { Agent, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { Writable } from 'node:stream'
import supertest, { type Response } from 'supertest'
import { expect, inject } from 'vitest'
import type { Purpose } from '../../src/access/policy/purpose.ts'
import { roleOf } from '../../src/access/policy/role-summary.ts'
import type { RoleName, Scope } from '../../src/access/policy/roles.ts'
import type { AuditCaller } from '../../src/audit/event/audit-event.ts'
import { createHttpsServer } from '../../src/http/server.ts'
import { acceptProxyProtocol } from '../../src/http/source/proxy-protocol.ts'
import { createTrustedProxies } from '../../src/http/source/trusted-proxies.ts'
import { certificateNames, loadTls } from '../../src/http/tls/tls.ts'
import {
  type RotateControl,
  type RotationName,
  type RotationResult,
  rotations,
} from '../../src/keys/rotation/rotation.ts'
import { createLogger } from '../../src/observability/logger.ts'
import type { Overrides } from '../../src/vault/vault-options.ts'
import { createVault, type Vault } from '../../src/vault.ts'
import { requireDescribed } from './described-answers.ts'
import { asFile } from './file-answer.ts'
import { createInvariants, type Invariants } from './invariants.ts'
import { createDatabaseWithKeys, createTestDatabase, type TestDatabase } from './postgres.ts'
import { type VaultChanges, vaultOptions } from './vault-options.ts'
import { VaultParts } from './vault-parts.ts'

export { ISSUER } from './vault-options.ts'

const OPERATOR: AuditCaller = { id: 'operator:test', kind: 'operator' }

/**
 * For tests that rotate keys and do not test how long that takes: every server looks more often, and may be unaware for
 * less long. All servers of a test's vault need them.
 */
export const quickKeys = {
  keyTimes: {
    lookEveryMs: 125,
    reportEveryMs: 300,
    ringMaxAgeMs: 600,
    inFlightMs: 150,
    tendEveryMs: 100,
    statementMs: 500,
  },
} satisfies Overrides

/** The same for tests that have much sealed at once: a ring that is confirmed late refuses, and a busy machine takes its time. */
export const steadyKeys = { keyTimes: { ...quickKeys.keyTimes, ringMaxAgeMs: 1_000 } } satisfies Overrides

/** The least that argon2 takes. Tests add hundreds of clients, whose secrets no one guesses. */
const LEAST_SECRET_COST = { memoryCost: 1_024, timeCost: 2, parallelism: 1 }

export interface CallOptions {
  token?: string | undefined
  body?: unknown
  /** Sent as it is instead of `body`. */
  text?: string
  headers?: Record<string, string>
  /** Whether the answer is a file: its body is a buffer. */
  isFile?: true
}

/**
 * A whole vault in this process, on a database of its own, behind a real TLS listener; only the clock can be set. After
 * every test `checkInvariants` looks for sample values in forbidden places, and at the form of the log.
 */
export class TestVault extends VaultParts {
  /** Moves the vault's clock; real time runs on from there. */
  clockOffsetMs = 0
  /** Reads certificates and revocation lists again, as the server does when their files change. */
  reloadTls: () => Promise<void> = async () => {}
  readonly logLines: string[] = []
  readonly problems: string[] = []
  readonly database: TestDatabase
  readonly server: Server
  readonly ca: string
  /** Calls share connections, as a client's do. */
  private readonly agent = new Agent({ keepAlive: true })
  readonly #shared: boolean
  readonly #invariants: Invariants

  private constructor(parts: {
    database: TestDatabase
    vault: Vault
    server: Server
    ca: string
    shared: boolean
    logLines: string[]
  }) {
    super(parts.vault)
    this.database = parts.database
    this.server = parts.server
    this.ca = parts.ca
    this.#shared = parts.shared
    this.logLines = parts.logLines
    this.#invariants = createInvariants(this.database, { log: this.logLines, problems: this.problems })
  }

  /**
   * @param sharedDatabase makes a second server on the database of another vault. A database of its own has the schema of
   *   the template, and is not looked at before the first minute is over
   * @param makesKeys has the vault make its own keys, as at a first start; without it they come with the database
   */
  static async start(
    options: {
      overrides?: Overrides
      sharedDatabase?: TestDatabase
      makesKeys?: boolean
      config?: VaultChanges
      clockOffsetMs?: number
      clientCaFile?: string
      clientCrlFile?: string
      trustedProxies?: readonly string[]
      proxyProtocol?: boolean
    } = {},
  ): Promise<TestVault> {
    const { certsDir, schema } = inject('cluster')
    const makesKeys = options.makesKeys ?? options.config?.keys !== undefined
    const database = options.sharedDatabase ?? (await (makesKeys ? createTestDatabase() : createDatabaseWithKeys()))
    const logLines: string[] = []
    const destination = new Writable({
      write(chunk, _encoding, done) {
        logLines.push(String(chunk))
        done()
      },
    })
    const { clockOffsetMs = 0 } = options
    const clock: { vault?: TestVault } = {}
    const vault = await createVault(vaultOptions(database, options.config), {
      now: () => new Date(Date.now() + (clock.vault?.clockOffsetMs ?? clockOffsetMs)),
      logger: createLogger('info', destination),
      secretCost: LEAST_SECRET_COST,
      foundSchema: options.sharedDatabase === undefined ? schema : undefined,
      rateLimits: { requestsPerMinute: 100_000, failuresPerMinute: 100_000 },
      ...options.overrides,
    })
    const { clientCaFile, clientCrlFile, trustedProxies = [], proxyProtocol = false } = options
    const files = {
      certFile: path.join(certsDir, 'server.pem'),
      keyFile: path.join(certsDir, 'server-key.pem'),
      clientCaFile,
      clientCrlFile,
    }
    const answersFor = certificateNames(readFileSync(files.certFile, 'utf8'))
    const { newId, issuer, metrics, onFramingError } = vault
    const listening = { tls: await loadTls(files) }
    const proxies = createTrustedProxies(trustedProxies)
    const app = await vault.createApp(answersFor, {
      proxies,
      refusesCertificate: (certificate) =>
        listening.tls.clientCrl?.refuses(certificate, new Date(Date.now() + (clock.vault?.clockOffsetMs ?? 0))) ??
        false,
    })
    const server = createHttpsServer(listening.tls, app, { newId, issuer, onFramingError })
    if (proxyProtocol) acceptProxyProtocol(server, proxies, () => metrics.framingError('malformed-request'))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const ca = readFileSync(path.join(certsDir, 'ca.pem'), 'utf8')
    const shared = options.sharedDatabase !== undefined
    clock.vault = new TestVault({ database, vault, server, ca, shared, logLines })
    clock.vault.clockOffsetMs = clockOffsetMs
    clock.vault.reloadTls = async () => {
      listening.tls = await loadTls(files)
      server.setSecureContext(listening.tls)
    }
    return clock.vault
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  get url(): string {
    return `https://localhost:${this.port}`
  }

  /** Calls the API over TLS. The answer of any status is returned; nothing is thrown for 4xx and 5xx. */
  async call(
    method: 'GET' | 'HEAD' | 'POST' | 'PATCH' | 'DELETE' | 'PUT',
    path: string,
    options: CallOptions = {},
  ): Promise<Response> {
    const name = method.toLowerCase() as 'get' | 'head' | 'post' | 'patch' | 'delete' | 'put'
    const request = supertest(this.url)
      [name](path)
      .ca(this.ca)
      .agent(this.agent)
      .ok(() => true)
    if (options.token !== undefined) request.set('Authorization', `Bearer ${options.token}`)
    if (options.body !== undefined || options.text !== undefined) request.set('Content-Type', 'application/json')
    for (const [header, value] of Object.entries(options.headers ?? {})) request.set(header, value)
    if (options.isFile) request.buffer(true).parse(asFile)
    const response = await (options.text !== undefined
      ? request.send(options.text)
      : options.body !== undefined
        ? request.send(JSON.stringify(options.body))
        : request)
    if (response.status >= 400) this.problems.push(response.text ?? '')
    if (method !== 'HEAD') requireDescribed(await this.routes(), method, path, response)
    return response
  }

  async client(
    scopes: readonly Scope[],
    options: { role?: RoleName; site?: string; partner?: string } = {},
  ): Promise<{ id: string; secret: string }> {
    const { id, secret } = await this.commands.addClient(OPERATOR, {
      name: 'test client',
      scopes,
      role: options.role,
      partner: options.partner,
      site: options.site ?? 'default',
    })
    return { id, secret: secret.expose() }
  }

  /** An access token of a new client, through the token endpoint. */
  async clientToken(
    scopes: readonly Scope[],
    options: { role?: RoleName; site?: string; partner?: string } = {},
  ): Promise<string> {
    const { id, secret } = await this.client(scopes, options)
    return (await this.requestToken(id, secret)).body.access_token
  }

  requestToken(id: string, secret: string, form = 'grant_type=client_credentials'): Promise<Response> {
    return this.call('POST', '/oauth/token', {
      text: form,
      headers: {
        'Content-Type': 'application/x-www-form-urlencoded',
        Authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
      },
    })
  }

  async staffToken(
    role: RoleName,
    options: { purposes?: readonly Purpose[]; site?: string; minutes?: number; name?: string } = {},
  ): Promise<string> {
    const token = await this.commands.issueStaffToken(OPERATOR, {
      name: options.name ?? `test ${role}`,
      role,
      purposes: options.purposes ?? [],
      site: options.site ?? 'default',
      minutes: options.minutes ?? 15,
    })
    return token.access_token
  }

  /** Tokenizes a checkout body as a checkout client, and answers with the parsed 201. */
  async tokenize(body: unknown, options: { site?: string } = {}): Promise<Record<string, Record<string, string>>> {
    const token = await this.clientToken(roleOf('checkout').scopes, { role: 'checkout', ...options })
    const response = await this.call('POST', '/v1/tokenize', { token, body })
    expect(response.status, response.text).toBe(201)
    return response.body
  }

  /** Rotates keys as `strongroom keys rotate --keep-old-keys` does, to the end unless the signal comes. */
  rotate(which: RotationName = 'data', control: Partial<RotateControl> = {}): Promise<RotationResult> {
    return this.commands.rotateKeys(
      OPERATOR,
      { purposes: rotations[which], keepsKeys: true },
      { onProgress: () => {}, signal: new AbortController().signal, ...control },
    )
  }

  /** The audit events so far, in the order in which they were written, without the ones that this call leaves. */
  async events(where: Record<string, unknown> = {}): Promise<Record<string, unknown>[]> {
    const rows = await this.database.sql<{ body: string }>('SELECT body FROM readable.audit_events ORDER BY position')
    const events = rows.map(({ body }) => JSON.parse(body) as Record<string, unknown>)
    return events.filter((event) => Object.entries(where).every(([name, value]) => event[name] === value))
  }

  async count(table: string): Promise<number> {
    const [row] = await this.database.sql<{ count: number }>(`SELECT count(*)::integer AS count FROM ${table}`)
    return row!.count
  }

  /** No sample value stands in a row, log line or problem that came since the call before, and events have the log's form. */
  checkInvariants(): Promise<void> {
    return this.#invariants.check()
  }

  async stop(): Promise<void> {
    this.agent.destroy()
    this.server.closeAllConnections()
    await new Promise((resolve) => this.server.close(resolve))
    await this.closeVault()
    if (!this.#shared) await this.database.drop()
  }
}
