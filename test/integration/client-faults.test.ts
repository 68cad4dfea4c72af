import path from 'node:path'
import { VaultClient, VaultProblem } from '@strongroom/client'
import { createNodeFetch } from '@strongroom/client/node'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { FAULTS, type Fault, type FaultyProxy, faultsInOrder, startFaultyProxy } from '../support/faulty-proxy.ts'
import { pythonIsMissing, runPython } from '../support/python.ts'
import { TestVault } from '../support/test-vault.ts'
import { without } from '../support/without.ts'

const CALLS = 1000
const AT_ONCE = 20
/** Only an answer that never comes takes longer, also on a busy machine. */
const PATIENT_MS = 60_000
const PYTHON_CALLS = 100
const missing = pythonIsMissing()

let vault: TestVault
let proxy: FaultyProxy
let credentials: { clientId: string; clientSecret: string }
let faultOf: (path: string) => Fault
let before: number

beforeAll(async () => {
  vault = await TestVault.start()
  proxy = await startFaultyProxy(vault, ({ url = '' }) => faultOf(url))
  const { id, secret } = await vault.client(['tokenize', 'token:read'])
  credentials = { clientId: id, clientSecret: secret }
})
beforeEach(async () => {
  before = await vault.count('records')
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await proxy.close()
  await vault.stop()
})

const client = (attemptTimeoutMs = PATIENT_MS, send = createNodeFetch({ ca: vault.ca })) =>
  new VaultClient({
    url: proxy.url,
    credentials,
    fetch: send,
    retries: 1000,
    timeoutMs: 280_000,
    attemptTimeoutMs,
  })

const added = async () => (await vault.count('records')) - before

it(`${CALLS} calls through a network that breaks are ${CALLS} records, each with the token that was answered`, async () => {
  faultOf = faultsInOrder(42, 0.3)
  const shop = client(5_000)
  const numbers = Array.from({ length: CALLS }, (_, number) => number)
  const tokens: string[] = []
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let number = numbers.pop(); number !== undefined; number = numbers.pop()) {
        const stored = await shop.checkouts.tokenize({ contact: { email: `shopper-${number}@example.com` } })
        tokens.push(stored.contact!.token)
      }
    }),
  )
  expect(await added()).toBe(CALLS)
  expect(new Set(tokens).size).toBe(CALLS)
  for (const fault of FAULTS) expect(proxy.counts.get(fault), fault).toBeGreaterThan(10)
  faultOf = () => 'none'
  for (const token of tokens.slice(0, 20)) expect(await shop.tokens.get(token)).toMatchObject({ token })
}, 300_000)

describe('each fault', { timeout: 120_000 }, () => {
  it.each(FAULTS)('%s, once, is one record in the end', async (fault) => {
    const planned: Fault[] = [fault]
    faultOf = (path) => (path === '/v1/tokenize' ? (planned.shift() ?? 'none') : 'none')
    const call = client(fault === 'stall' ? 5_000 : PATIENT_MS).checkouts.tokenize({
      contact: { email: `${fault}@example.com` },
    })
    const { data, response } = await call.withResponse()
    expect(planned).toEqual([])
    expect(response.attempts).toBeGreaterThan(1)
    expect(response.replayed).toBe(!['cut-before', 'cut-within', 'unavailable'].includes(fault))
    expect(data.contact?.token).toMatch(/^cont_/)
    expect(await added()).toBe(1)
  })

  it('doubles the record for a client that takes a new key each time', async () => {
    const planned: Fault[] = ['cut-after']
    faultOf = (path) => (path === '/v1/tokenize' ? (planned.shift() ?? 'none') : 'none')
    const send = createNodeFetch({ ca: vault.ca })
    const careless: typeof fetch = (input, init) => {
      const headers = new Headers(init?.headers)
      headers.delete('idempotency-key')
      return send(input, { ...init, headers })
    }
    await client(PATIENT_MS, careless).checkouts.tokenize({ contact: { email: 'careless@example.com' } })
    expect(await added()).toBe(2)
  })

  it('leaves a call that takes no key alone when its answer is lost', async () => {
    faultOf = () => 'none'
    const shop = client()
    const stored = await shop.checkouts.tokenize({ contact: { email: 'once@example.com' } })
    faultOf = (path) => (path.startsWith('/v1/tokens/') ? 'cut-after' : 'none')
    const token = stored.contact!.token
    await expect(shop.tokens.delete(token)).rejects.toMatchObject({ name: 'VaultUnreachable', attempts: 1 })
  })
})

describe.skipIf(missing !== undefined)(
  `the Python client${without(missing)}`,
  () => {
    it.each([
      ['sync', []],
      ['async', ['--async']],
    ])(`stores ${PYTHON_CALLS} records by ${PYTHON_CALLS} calls through the same network, %s`, async (kind, more) => {
      faultOf = faultsInOrder(7, 0.3)
      const { clientId, clientSecret } = credentials
      const caFile = path.join(inject('cluster').certsDir, 'ca.pem')
      const args = [proxy.url, caFile, clientId, clientSecret, kind, String(PYTHON_CALLS), ...more]
      const { code, stdout, stderr } = await runPython('many_calls.py', ...args)
      expect([code, stderr]).toEqual([0, ''])
      expect(new Set(stdout.trim().split('\n')).size).toBe(PYTHON_CALLS)
      expect(await added()).toBe(PYTHON_CALLS)
    })
  },
  300_000,
)

it('a key of the caller is kept by the error, and the call continues with it', async () => {
  faultOf = (path) => (path === '/v1/tokenize' ? 'gateway' : 'none')
  const body = { contact: { email: 'later@example.com' } }
  const failed = await client()
    .checkouts.tokenize(body, { retries: 1 })
    .catch((error: unknown) => error)
  expect(failed).toBeInstanceOf(VaultProblem)
  const { idempotencyKey, code, status } = failed as VaultProblem
  expect([status, code]).toEqual([504, 'unknown-answer'])
  faultOf = () => 'none'
  const again = await client().checkouts.tokenize(body, { idempotencyKey: idempotencyKey! }).withResponse()
  expect(again.response).toMatchObject({ replayed: true, idempotencyKey })
  expect(await added()).toBe(1)
})
