import type { Response } from 'supertest'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { openDatabase, type Statement } from '../../src/database/database.ts'
import type { Dictionary } from '../../src/database/dictionary.ts'
import { countReferences, countReferencesOf } from '../../src/keys/rotation/reference-store.ts'
import { takeCensus } from '../../src/keys/sealing/census.ts'
import { referencingTables } from '../../src/vault/referencing-tables.ts'
import { acceptPresentSchema } from '../support/accept-schema.ts'
import { closeGates, gates, installGates, type ObservedBatches, observeBatches } from '../support/gates.ts'
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts'
import { expectProblem } from '../support/problems.ts'
import { contact } from '../support/samples.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { TestVault } from '../support/test-vault.ts'

// What waits for a database that stalls waits for ten seconds and more.
vi.setConfig({ testTimeout: 90_000 })

let database: TestDatabase
let proxy: TcpProxy
let observed: ObservedBatches
let vault: TestVault
let token: string

beforeAll(async () => {
  database = await createTestDatabase()
  await installGates(database)
  proxy = await startTcpProxy(database.serverUrl)
  observed = observeBatches(proxy.url)
  vault = await TestVault.start({
    sharedDatabase: { ...database, serverUrl: proxy.url },
    overrides: { batches: observed.batches },
  })
  await acceptPresentSchema(vault)
  token = await vault.clientToken(['tokenize'])
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await vault.stop()
  await observed.close()
  await proxy.close()
  await database.drop()
})

it('a statement may take as long as it says: a census longer than what a request waits for', async () => {
  const direct = openDatabase({ url: database.serverUrl, maxConnections: 1 })
  try {
    const slow = { name: 'slow', text: 'SELECT pg_sleep(8)', timeoutMs: 100 }
    const asked = performance.now()
    await expect(direct.query(slow)).rejects.toMatchObject({ code: 'database-unavailable' })
    expect(performance.now() - asked).toBeLessThan(5_000)
  } finally {
    await direct.close()
  }
  const limits: (number | undefined)[] = []
  const recorded = {
    dictionary: { ids: async () => () => 1, names: async () => () => 'key' } as unknown as Dictionary,
    query: async ({ timeoutMs }: Statement) => {
      limits.push(timeoutMs)
      return []
    },
  }
  await countReferences(recorded, referencingTables, new Date())
  await countReferencesOf(recorded, referencingTables, 'key', new Date())
  await takeCensus(recorded, referencingTables.sealed)
  expect(limits.length).toBeGreaterThan(12)
  for (const limit of limits) expect(limit).toBeGreaterThanOrEqual(10 * 60_000)
})

/** A request of a client that tries again, and the answer it got. */
interface Attempt {
  key: string
  policy: string
  answer: Promise<Response>
}

const call = (key: string, policy: string) =>
  vault.call('POST', '/v1/tokenize', {
    token,
    body: { policy_version: policy, contact },
    headers: { 'Idempotency-Key': key },
  })

const send = (name: string, count: number, policy = '2026-11-01'): Attempt[] =>
  Array.from({ length: count }, (_, at) => ({ key: `${name}-${at}`, policy, answer: call(`${name}-${at}`, policy) }))

/** The database does not answer, all sessions wait for it, or the keys in memory are too old to seal with. */
function expectUnavailable(answer: Response): void {
  expect(['database-unavailable', 'busy', 'sealed']).toContain(answer.body.code)
  expectProblem(answer, 503, answer.body.code)
}

async function arrived(count: number): Promise<void> {
  await vi.waitUntil(() => observed.arrived.insert === count, 10_000)
}

it('while the database stalls there are 503s and nothing untrue; when it is back everything continues', async () => {
  const open = await closeGates(database)
  // Two statements have reached PostgreSQL, twenty requests wait in the queue, twenty more come when nothing moves.
  const committing: Attempt[] = []
  for (const [at, name] of ['committing-first', 'committing-second'].entries()) {
    committing.push(...send(name, 1, gates.statement))
    await vi.waitUntil(async () => (await database.waiting()) === at + 1, 10_000)
  }
  const queued = send('queued', 20)
  await arrived(22)
  proxy.stall()
  const late = send('late', 20)
  // The commits happen; only PostgreSQL knows of it.
  await open()
  await vi.waitUntil(async () => (await vault.count('records')) === 2, 10_000)
  for (const { answer } of committing) expectUnavailable(await answer)
  expectUnavailable(await Promise.race(late.map(({ answer }) => answer)))
  proxy.mend()

  const attempts = [...committing, ...queued, ...late]
  const answers = await Promise.all(attempts.map(({ answer }) => answer))
  // One that was committed without an answer is found again, as those of the others are.
  const isBack = async () => expect((await call('probe', '2026-11-01')).status).toBe(201)
  await vi.waitFor(isBack)

  const tokens = new Set<string>()
  for (const [at, { key, policy }] of attempts.entries()) {
    const before = answers[at]!
    if (before.status !== 201) expectUnavailable(before)
    const again = await call(key, policy)
    expect(again.status, again.text).toBe(201)
    // What was committed without an answer is found again, and so is every answer that was given.
    if (before.status === 201 || key.startsWith('committing')) {
      expect(again.headers['idempotent-replayed']).toBe('true')
    }
    if (before.status === 201) expect(again.text).toBe(before.text)
    expect((await call(key, policy)).text).toBe(again.text)
    tokens.add(again.body.contact.token)
  }
  expect(tokens.size).toBe(attempts.length)
  // The probe's record is the only one besides.
  expect(await vault.count('records')).toBe(attempts.length + 1)
  expect(await vault.events({ type: 'record.tokenize' })).toHaveLength(attempts.length + 1)
})
