import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, renameSync } from 'node:fs'
import { Agent } from 'node:https'
import path from 'node:path'
import type { TLSSocket } from 'node:tls'
import pLimit from 'p-limit'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { ensureDevelopmentCertificate } from '../../src/http/tls/development-certificate.ts'
import { type HttpsAnswer, requestHttps } from '../support/https-client.ts'
import { cards } from '../support/samples.ts'
import { type CallOptions, VaultProcess } from '../support/vault-process.ts'
import { isRunning, processAtOtherEnd, workersOf } from '../support/worker-processes.ts'

const WORKERS = 2
const card = { number: cards.visa, exp_month: 12, exp_year: 2031 }

let vault: VaultProcess
let workers: number[]
/** A connection to each worker, in the order of `workers`. */
let connections: Agent[]
let token: string

beforeAll(async () => {
  vault = await VaultProcess.prepare()
  // Above the limits of refusals every failure would be a 429, and its own limit would be hidden.
  const refusals = { STRONGROOM_REFUSALS_PER_SOURCE: '1000', STRONGROOM_REFUSALS_IN_ALL: '1000' }
  await vault.start({ STRONGROOM_WORKERS: String(WORKERS), ...refusals })
  token = await vault.token('checkout')
  await connect()
})
afterAll(async () => {
  for (const agent of connections) agent.destroy()
  await vault.remove()
})

/** Opens connections until there is one to every worker, and closes the others. */
async function connect(): Promise<void> {
  for (const agent of connections ?? []) agent.destroy()
  workers = workersOf(vault.pid)
  expect(workers).toHaveLength(WORKERS)
  const found = new Map<number, Agent>()
  for (let tries = 0; found.size < WORKERS; tries++) {
    expect(tries, 'new connections all go to the same worker').toBeLessThan(50)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const worker = await workerOn(agent)
    if (found.has(worker)) agent.destroy()
    else found.set(worker, agent)
  }
  connections = workers.map((worker) => found.get(worker)!)
}

/** The worker that serves this connection. */
async function workerOn(agent: Agent): Promise<number> {
  const { status, socket } = await vault.call('GET', '/healthz', { agent })
  expect(status).toBe(200)
  const worker = processAtOtherEnd(socket, workers)
  if (worker === undefined) throw new Error('no worker holds the connection')
  return worker
}

const onEach = <T>(work: (agent: Agent) => Promise<T>): Promise<T[]> => Promise.all(connections.map(work))

const tokenize = (options: CallOptions & { customer?: string } = {}) => {
  const { customer, ...rest } = options
  return vault.call<{ card: { token: string } }>('POST', '/v1/tokenize', {
    token,
    body: { card, ...(customer === undefined ? {} : { customer }) },
    ...rest,
  })
}

const statuses = (answers: readonly HttpsAnswer<unknown>[]) => answers.map(({ status }) => status)

async function metric(pattern: RegExp): Promise<number> {
  const request = { port: vault.operatorPort, ca: vault.ca, method: 'GET', path: '/metrics' } as const
  const { text } = await requestHttps(request)
  return Number(pattern.exec(text)?.[1] ?? 0)
}

it('every worker serves, and what one stored the other shows', async () => {
  const [one, other] = await onEach((agent) => tokenize({ agent }))
  expect(statuses([one!, other!])).toEqual([201, 201])
  const support = await vault.token('support')
  const read = (answer: HttpsAnswer<{ card: { token: string } }>, agent: Agent | undefined) =>
    vault.call('GET', `/v1/tokens/${answer.body.card.token}`, { token: support, ...(agent && { agent }) })
  expect(statuses([await read(one!, connections[1]), await read(other!, connections[0])])).toEqual([200, 200])
  expect(await Promise.all(connections.map(workerOn))).toEqual(workers)
})

it('a TLS session that one began every worker resumes: the key of the tickets is one, and not their own', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const reached = new Set<number>()
  const first = await workerOn(agent)
  await vi.waitFor(
    async () => {
      for (const socket of Object.values(agent.freeSockets).flat()) socket?.destroy()
      const { socket } = await vault.call('GET', '/healthz', { agent })
      expect((socket as TLSSocket).isSessionReused()).toBe(true)
      reached.add(processAtOtherEnd(socket, workers)!)
      expect([...reached].some((worker) => worker !== first)).toBe(true)
    },
    { timeout: 20_000, interval: 10 },
  )
  agent.destroy()
})

it('the same Idempotency-Key on both workers at once leaves exactly one record', async () => {
  const billing = await vault.token('billing')
  for (let at = 0; at < 20; at++) {
    const customer = `cus_both_${at}`
    const headers = { 'Idempotency-Key': `both-${at}` }
    const answers = await onEach((agent) => tokenize({ customer, headers, agent }))
    expect(statuses(answers)).toEqual([201, 201])
    expect(answers[0]!.text).toBe(answers[1]!.text)
    expect(answers.filter(({ headers }) => headers['idempotent-replayed'] === 'true')).toHaveLength(1)
    const body = { by: 'customer', value: customer }
    const found = await vault.call<{ results: { token: string }[] }>('POST', '/v1/search', { token: billing, body })
    expect(found.body.results.map(({ token }) => token)).toEqual([answers[0]!.body.card.token])
  }
})

it('a client that is revoked is refused by both workers on its next request', async () => {
  const added = await vault.cli(['clients', 'add', '--name', 'short-lived', '--scope', 'tokenize', '--json'])
  const client = added.json<{ client_id: string; client_secret: string }>()
  const issued = await vault.requestToken(client.client_id, client.client_secret)
  const asClient = (agent: Agent) => tokenize({ token: issued.body.access_token, agent })
  expect(statuses(await onEach(asClient))).toEqual([201, 201])
  expect((await vault.cli(['clients', 'revoke', client.client_id])).code).toBe(0)
  expect(statuses(await onEach(asClient))).toEqual([401, 401])
})

it('the operator’s metrics are the sum over the workers', async () => {
  const stored = /^strongroom_request_duration_seconds_count\{[^}]*route="\/v1\/tokenize",status="201"\} (\d+)$/m
  const before = await metric(stored)
  for (let at = 0; at < 5; at++) expect(statuses(await onEach((agent) => tokenize({ agent })))).toEqual([201, 201])
  await vi.waitFor(async () => expect(await metric(stored)).toBe(before + 5 * WORKERS))
})

it('the failures of one source at the token endpoint are counted together', async () => {
  // Another source than the rest of this file, which asks for more tokens.
  const agents = Array.from(
    { length: 4 },
    () => new Agent({ keepAlive: true, maxSockets: 1, localAddress: '127.0.0.2' }),
  )
  const guess = (agent: Agent) =>
    vault.call('POST', '/oauth/token', {
      body: 'grant_type=client_credentials',
      headers: {
        'Content-Type': 'application/x-www-form-urlencoded',
        Authorization: `Basic ${Buffer.from('nobody:guess').toString('base64')}`,
      },
      agent,
    })
  const limit = pLimit(agents.length)
  const answers = await Promise.all(
    Array.from({ length: 150 }, (_, at) => limit(() => guess(agents[at % agents.length]!))),
  )
  for (const agent of agents) agent.destroy()
  const wrong = answers.filter(({ status }) => status === 401)
  // Those that were under way when the limit was reached are let through.
  expect(wrong.length).toBeGreaterThanOrEqual(120)
  expect(wrong.length).toBeLessThan(120 + agents.length)
  for (const { status, headers } of answers.filter((answer) => !wrong.includes(answer))) {
    expect([status, Number(headers['retry-after']) > 0]).toEqual([429, true])
  }
})

it('SIGHUP renews the certificate of every process', async () => {
  const reloads = () => vault.output.stdout.split('certificate reloaded').length - 1
  const before = reloads()
  vault.signal('SIGHUP')
  await vi.waitFor(() => expect(reloads()).toBe(before + 1 + WORKERS), { timeout: 20_000 })

  const other = mkdtempSync(path.join(vault.directory, 'certs-'))
  await ensureDevelopmentCertificate({ certsDir: other })
  for (const name of ['ca.pem', 'server-key.pem', 'server.pem']) {
    renameSync(path.join(other, name), path.join(vault.directory, 'certs', name))
  }
  const { fingerprint256 } = new X509Certificate(readFileSync(path.join(vault.directory, 'certs', 'server.pem')))
  vault.signal('SIGHUP')
  await vi.waitFor(() => expect(reloads()).toBeGreaterThanOrEqual(before + 2 * (1 + WORKERS)), { timeout: 20_000 })
  // Open connections continue; new ones to each worker verify against the new authority only.
  expect(statuses(await onEach((agent) => tokenize({ agent })))).toEqual([201, 201])
  // A process that saw the files change has reloaded twice, so the count may be reached before the last one has.
  await vi.waitFor(connect, { timeout: 30_000, interval: 100 })
  const [one, two] = await onEach(async (agent) => (await vault.call('GET', '/healthz', { agent })).socket)
  for (const socket of [one, two] as TLSSocket[]) {
    expect(socket.getPeerX509Certificate()?.fingerprint256).toBe(fingerprint256)
  }
  expect(await metric(/^strongroom_request_duration_seconds_count\{.*\} (\d+)$/m)).toBeGreaterThan(0)
})

it('a worker that is killed is replaced, while the other serves on', async () => {
  const [killed, survivor] = workers as [number, number]
  process.kill(killed, 'SIGKILL')
  const isReplaced = async () => {
    expect((await tokenize({ agent: connections[1]! })).status).toBe(201)
    expect(workersOf(vault.pid).filter((pid) => pid !== killed)).toHaveLength(WORKERS)
  }
  await vi.waitFor(isReplaced, { timeout: 30_000, interval: 20 })
  const isLogged = () => vault.output.stdout.includes('a worker ended; another takes its place')
  await vi.waitUntil(isLogged, { timeout: 20_000, interval: 20 })
  await vi.waitFor(connect, { timeout: 30_000, interval: 100 })
  expect(workers).toContain(survivor)
  expect(statuses(await onEach((agent) => tokenize({ agent })))).toEqual([201, 201])
})

it('a connection that a worker was handed and had not taken when it was killed is answered by another', async () => {
  const [killed] = workers as [number]
  process.kill(killed, 'SIGSTOP')
  // New connections, of which the worker that has stopped is handed one.
  const calls = Array.from({ length: 8 }, () => vault.call('GET', '/healthz', { agent: new Agent() }))
  const answered = vi.fn()
  for (const call of calls) call.then(answered, answered)
  await vi.waitFor(() => expect(answered).toHaveBeenCalledTimes(calls.length - 1), { timeout: 20_000, interval: 20 })
  process.kill(killed, 'SIGKILL')
  expect(statuses(await Promise.all(calls))).toEqual(calls.map(() => 200))
  await vi.waitFor(connect, { timeout: 30_000, interval: 100 })
})

it('an interrupt of the whole terminal ends nothing by itself: workers wait for the first process', async () => {
  for (const worker of workers) process.kill(worker, 'SIGINT')
  expect(statuses(await onEach((agent) => tokenize({ agent })))).toEqual([201, 201])
  expect(workersOf(vault.pid)).toEqual(workers)
})

it('when the first process is killed no worker stays, and the vault starts again', async () => {
  const left = workers
  await vault.kill('SIGKILL')
  await vi.waitFor(() => expect(left.filter(isRunning)).toEqual([]), { timeout: 20_000 })
  await vault.start({ STRONGROOM_WORKERS: String(WORKERS) })
  await connect()
  expect(statuses(await onEach((agent) => tokenize({ agent })))).toEqual([201, 201])
})

it('SIGTERM ends everything, with requests under way answered and exit code 0', async () => {
  const { postmasterPid } = vault
  const underWay = onEach((agent) => tokenize({ agent }))
  const left = [...workers, postmasterPid!]
  await Promise.race([underWay, new Promise(setImmediate)])
  const stoppedAt = performance.now()
  await vault.stop()
  // Below the grace period of 10 s: connections that become idle are closed, not waited for.
  expect(performance.now() - stoppedAt).toBeLessThan(9_000)
  for (const { status } of await underWay) expect([201, 503]).toContain(status)
  expect(left.filter(isRunning)).toEqual([])
})
