import type { Response } from 'supertest'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { acceptPresentSchema } from '../support/accept-schema.ts'
import { closeGates, gates, installGates, type ObservedBatches, observeBatches } from '../support/gates.ts'
import { createDatabaseWithKeys, type TestDatabase } from '../support/postgres.ts'
import { expectProblem } from '../support/problems.ts'
import { contact, corrected } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** As many statements as run at once (`createBatch`): while they wait, everything else gathers. */
const IN_FLIGHT = 2

interface Server {
  vault: TestVault
  observed: ObservedBatches
}

let database: TestDatabase
let first: Server
let second: Server
/** Its queue takes three. */
let small: Server
let bearer: Record<'checkout' | 'support' | 'officer', string>
let open: (() => Promise<void>) | undefined

beforeAll(async () => {
  database = await createDatabaseWithKeys()
  await installGates(database)
  first = await startServer()
  second = await startServer()
  small = await startServer({ maxWaitingRows: 3 })
  await acceptPresentSchema(first.vault, second.vault, small.vault)
  bearer = {
    checkout: await first.vault.clientToken(['tokenize']),
    support: await first.vault.staffToken('support'),
    officer: await first.vault.staffToken('privacy-officer'),
  }
})
beforeEach(() => database.sql('TRUNCATE records, audit_events, idempotency_keys, search_terms'))
afterEach(async () => {
  await open?.()
  open = undefined
  for (const { vault } of [first, second, small]) await vault.checkInvariants()
})
afterAll(async () => {
  for (const { vault, observed } of [first, second, small]) {
    await vault.stop()
    await observed.close()
  }
  await database.drop()
})

async function startServer(options: { maxWaitingRows?: number } = {}): Promise<Server> {
  const observed = observeBatches(database.serverUrl, options)
  const overrides = { batches: observed.batches }
  return { vault: await TestVault.start({ sharedDatabase: database, overrides }), observed }
}

function tokenize(policy = '2026-11-01', options: { key?: string; on?: Server } = {}): Promise<Response> {
  const { key, on = first } = options
  const body = { policy_version: policy, contact }
  const headers: Record<string, string> = key === undefined ? {} : { 'Idempotency-Key': key }
  return on.vault.call('POST', '/v1/tokenize', { token: bearer.checkout, body, headers })
}

const reveal = (token: string) =>
  first.vault.call('POST', `/v1/tokens/${token}/reveal`, { token: bearer.support, body: { purpose: 'communicate' } })

/** Sends requests, and waits until each is in the queue or runs. */
async function send(
  on: Server,
  what: 'insert' | 'release',
  requests: readonly (() => Promise<Response>)[],
): Promise<Promise<Response>[]> {
  const sent: Promise<Response>[] = []
  for (const request of requests) {
    const before = on.observed.arrived[what]
    sent.push(request())
    await vi.waitUntil(() => on.observed.arrived[what] > before, { interval: 1 })
  }
  return sent
}

/** Lets as many statements as run at once wait at the gate, so that what comes after them gathers. */
async function gather(on: Server, requests: readonly (() => Promise<Response>)[]): Promise<Promise<Response>[]> {
  open ??= await closeGates(database)
  const before = await database.waiting()
  const waiting = Array.from({ length: IN_FLIGHT }, () => () => tokenize(gates.statement, { on }))
  const sent = await send(on, 'insert', waiting)
  await vi.waitUntil(async () => (await database.waiting()) === before + IN_FLIGHT)
  return [...sent, ...(await send(on, 'insert', requests))]
}

async function openGates(): Promise<void> {
  await open?.()
  open = undefined
}

const statuses = (answers: readonly Response[]) => answers.map(({ status }) => status)
const tokenOf = (answer: Response) => answer.body.contact.token as string
const times = <T>(count: number, what: T): T[] => Array.from({ length: count }, () => what)

/** In which transaction each token's record and each token's event were committed. */
async function commits() {
  const rows = await database.sql<{ token: string; record: string; event: string | null }>(
    `SELECT v.token, r.xmin::text AS record, e.xmin::text AS event FROM readable.records v JOIN records r ON r.token = id_uuid(v.token)
     LEFT JOIN audit_events e ON e.token = r.token AND e.type = id_of('type', 'record.tokenize')`,
  )
  return new Map(rows.map(({ token, ...commit }) => [token, commit]))
}

describe('requests that arrive together', () => {
  it('share one statement and one commit, records and events alike', async () => {
    const sent = await gather(
      first,
      times(20, () => tokenize()),
    )
    await openGates()
    const answers = await Promise.all(sent)
    expect(statuses(answers)).toEqual(times(IN_FLIGHT + 20, 201))
    const stored = await commits()
    expect([...stored.keys()].sort()).toEqual(answers.map(tokenOf).sort())
    for (const { record, event } of stored.values()) expect(event).toBe(record)
    const ofTogether = answers.slice(IN_FLIGHT).map((answer) => stored.get(tokenOf(answer))!.record)
    expect(new Set(ofTogether).size).toBe(1)
    expect(new Set([...stored.values()].map(({ record }) => record)).size).toBe(IN_FLIGHT + 1)
  })

  it('get nothing before the commit, even when the statement has long been executed', async () => {
    open = await closeGates(database)
    let answered = 0
    const sent = await send(first, 'insert', [() => tokenize(gates.commit), () => tokenize(gates.commit)])
    for (const answer of sent) void answer.then(() => answered++)
    await vi.waitUntil(async () => (await database.waiting()) === 2)
    // A whole round through the same server and database: time enough for an answer that does not wait.
    expect((await first.vault.call('GET', '/readyz')).status).toBe(200)
    expect([answered, await first.vault.count('records')]).toEqual([0, 0])
    await openGates()
    expect(statuses(await Promise.all(sent))).toEqual([201, 201])
    expect(await first.vault.count('records')).toBe(2)
  })

  it('are not answered as stored when the commit fails', async () => {
    expectProblem(await tokenize(gates.atCommitPoison), 500, 'internal')
    expect(await first.vault.count('records')).toBe(0)
    expect(await first.vault.events({ type: 'record.tokenize' })).toEqual([])
  })
})

describe('a request that the database refuses', () => {
  it.each([gates.poison, gates.atCommitPoison])('fails alone: %s', async (poison) => {
    const neighbours = times(10, () => tokenize())
    const sent = await gather(first, [...neighbours, () => tokenize(poison, { key: poison }), ...neighbours])
    await openGates()
    const answers = await Promise.all(sent)
    const [refused] = answers.splice(IN_FLIGHT + 10, 1)
    expectProblem(refused!, 500, 'internal')
    expect(statuses(answers)).toEqual(times(IN_FLIGHT + 20, 201))
    const stored = await commits()
    expect([...stored.keys()].sort()).toEqual(answers.map(tokenOf).sort())
    for (const { record, event } of stored.values()) expect(event).toBe(record)
    expect(await first.vault.events({ type: 'record.tokenize' })).toHaveLength(answers.length)
    expect(await first.vault.count('idempotency_keys')).toBe(0)
  })

  it('because another server was faster with its key gets that answer, its neighbours theirs', async () => {
    const keys = ['taken-1', 'taken-2']
    const own = times(5, () => tokenize())
    const sent = await gather(first, [...own, ...keys.map((key) => () => tokenize(undefined, { key })), ...own])
    const faster = await Promise.all(keys.map((key) => tokenize(undefined, { key, on: second })))
    expect(statuses(faster)).toEqual([201, 201])
    await openGates()
    const answers = await Promise.all(sent)
    expect(statuses(answers)).toEqual(times(IN_FLIGHT + 12, 201))
    const replayed = answers.filter(({ headers }) => headers['idempotent-replayed'] === 'true')
    expect(replayed.map(({ text }) => text)).toEqual(faster.map(({ text }) => text))
    expect([...(await commits()).keys()].sort()).toEqual([...new Set(answers.map(tokenOf))].sort())
    expect(await first.vault.count('records')).toBe(IN_FLIGHT + 12)
  })
})

it('two servers that write the same keys in opposite orders agree on one record for each', async () => {
  const keys = Array.from({ length: 10 }, (_, at) => `both-${at}`)
  // Slow enough that the two statements surely meet in the middle.
  await database.sql(`
    CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN NEW; END $$;
    CREATE TRIGGER slow BEFORE INSERT ON idempotency_keys FOR EACH ROW EXECUTE FUNCTION take_time()`)
  await acceptPresentSchema(first.vault, second.vault)
  try {
    const requests = (on: Server, order: string[]) => order.map((key) => () => tokenize(undefined, { key, on }))
    const one = await gather(first, requests(first, keys))
    const other = await gather(second, requests(second, keys.toReversed()))
    await openGates()
    const [ofOne, ofOther] = await Promise.all([Promise.all(one), Promise.all(other)])
    expect(statuses([...ofOne, ...ofOther])).toEqual(times(2 * (IN_FLIGHT + keys.length), 201))
    const texts = (answers: Response[]) => answers.slice(IN_FLIGHT).map(({ text }) => text)
    expect(texts(ofOne)).toEqual(texts(ofOther).toReversed())
    expect(await first.vault.count('records')).toBe(2 * IN_FLIGHT + keys.length)
  } finally {
    await database.sql('DROP FUNCTION take_time CASCADE')
    await acceptPresentSchema(first.vault, second.vault)
  }
})

it('a reveal whose record is erased or corrected in its batch learns of it, and its neighbours are released', async () => {
  await Promise.all(times(9, undefined).map(() => tokenize()))
  // Records that share a lock would wait for each other.
  const rows = await database.sql<{ token: string }>(
    'SELECT min(token) AS token FROM readable.records GROUP BY record_lock(id_uuid(token)) LIMIT 7',
  )
  const [one, two, erased, changed, ...others] = rows.map(({ token }) => token) as [
    string,
    string,
    string,
    string,
    ...string[],
  ]
  await database.sql(`
    CREATE FUNCTION stop_release() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NEW; END $$;
    CREATE TRIGGER gate BEFORE INSERT ON audit_events FOR EACH ROW
      WHEN (name_of('type', NEW.type) = 'record.reveal' AND NEW.token IN (id_uuid('${one}'), id_uuid('${two}'))) EXECUTE FUNCTION stop_release();`)
  onTestFinished(async () => {
    await database.sql('DROP FUNCTION stop_release CASCADE')
    await acceptPresentSchema(first.vault, small.vault)
  })
  await acceptPresentSchema(first.vault, small.vault)
  open = await closeGates(database)
  const waiting = await send(first, 'release', [() => reveal(one), () => reveal(two)])
  await vi.waitUntil(async () => (await database.waiting()) === IN_FLIGHT)
  const sent = await send(
    first,
    'release',
    [erased, changed, ...others].map((token) => () => reveal(token)),
  )
  const erase = await first.vault.call('DELETE', `/v1/tokens/${erased}`, { token: bearer.officer })
  const body = { name: corrected.name }
  const correct = await first.vault.call('PATCH', `/v1/tokens/${changed}`, { token: bearer.support, body })
  expect(statuses([erase, correct])).toEqual([204, 200])
  await openGates()

  const [ofErased, ofChanged, ...ofOthers] = await Promise.all(sent)
  expectProblem(ofErased!, 410, 'record-gone')
  expect(ofChanged!.body.data.name).toBe(corrected.name)
  expect(statuses([...ofOthers, ...(await Promise.all(waiting))])).toEqual(times(5, 200))
  const reveals = await database.sql<{ token: string; id: string; xmin: string; version: number }>(
    `SELECT v.token, v.id, e.xmin::text, (v.body::json->>'record_version')::integer AS version
     FROM readable.audit_events v JOIN audit_events e ON e.id = id_uuid(v.id) WHERE v.type = 'record.reveal'`,
  )
  const of = (token: string) => reveals.filter((event) => event.token === token)
  expect(of(erased)).toEqual([])
  expect(of(changed).map(({ id, version }) => [id, version])).toEqual([[ofChanged!.body.event, 2]])
  for (const [at, token] of others.entries()) expect(of(token).map(({ id }) => id)).toEqual([ofOthers[at]!.body.event])
  expect(new Set(others.map((token) => of(token)[0]!.xmin)).size).toBe(1)
})

it('what the queue does not take is answered at once as busy; what it took is stored, and it recovers', async () => {
  const sent = await gather(
    small,
    times(3, () => tokenize(undefined, { on: small })),
  )
  for (const answer of await Promise.all(times(5, undefined).map(() => tokenize(undefined, { on: small })))) {
    expectProblem(answer, 503, 'busy')
  }
  await openGates()
  expect(statuses(await Promise.all(sent))).toEqual(times(IN_FLIGHT + 3, 201))
  expect(await small.vault.count('records')).toBe(IN_FLIGHT + 3)
  expect((await tokenize(undefined, { on: small })).status).toBe(201)
})
