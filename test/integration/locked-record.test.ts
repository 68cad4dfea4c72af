import type { Response } from 'supertest'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { createDatabaseWithKeys, type TestDatabase } from '../support/postgres.ts'
import { expectProblem } from '../support/problems.ts'
import { contact, corrected } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Shorter than a server's, for the sake of the suite, and long enough to see on a busy machine that something waits. */
const LOCK_TIMEOUT_MS = 1_500
const CONNECTIONS = 4

/** The sessions of this vault's servers: other tests have the same role. */
const OF_SERVERS = "datname = current_database() AND application_name = 'strongroom'"

let database: TestDatabase
let vault: TestVault
/** Another server of the same vault, which waits for locks for longer. */
let second: TestVault
let bearer: Record<'checkout' | 'support' | 'officer', string>
/** Records that no test has used yet. */
let unused: string[]
let locked: string
let others: string[]
let unlock: (() => Promise<void>) | undefined

beforeAll(async () => {
  database = await createDatabaseWithKeys()
  const places = { maxConnections: CONNECTIONS }
  vault = await TestVault.start({
    sharedDatabase: database,
    config: { database: { ...places, lockTimeoutMs: LOCK_TIMEOUT_MS } },
  })
  second = await TestVault.start({ sharedDatabase: database, config: { database: places } })
  bearer = {
    checkout: await vault.clientToken(['tokenize']),
    support: await vault.staffToken('support'),
    officer: await vault.staffToken('privacy-officer'),
  }
  const item = { policy_version: '2026-11-01', contact }
  const body = { items: Array.from({ length: 60 }, () => item) }
  expect((await vault.call('POST', '/v1/tokenize/batch', { token: bearer.checkout, body })).status).toBe(200)
  // Records that share a lock would wait for each other.
  const rows = await database.sql<{ token: string }>(
    'SELECT min(token) AS token FROM readable.records GROUP BY record_lock(id_uuid(token))',
  )
  unused = rows.map(({ token }) => token)
})
beforeEach(() => {
  ;[locked, ...others] = unused.splice(0, 5) as [string, ...string[]]
})
afterEach(async () => {
  await unlock?.()
  unlock = undefined
  await vault.checkInvariants()
  await second.checkInvariants()
})
afterAll(async () => {
  await second.stop()
  await vault.stop()
  await database.drop()
})

const reveal = (token: string, on = vault) =>
  on.call('POST', `/v1/tokens/${token}/reveal`, { token: bearer.support, body: { purpose: 'communicate' } })
const erase = (token: string, on = vault) => on.call('DELETE', `/v1/tokens/${token}`, { token: bearer.officer })
const correct = (token: string, on = vault) =>
  on.call('PATCH', `/v1/tokens/${token}`, { token: bearer.support, body: { name: corrected.name } })
const statuses = (answers: readonly Response[]) => answers.map(({ status }) => status)
const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make)
const waiting = (count: number) => vi.waitUntil(async () => (await database.waiting()) === count, { timeout: 20_000 })

/** Another session locks something until the test has ended, or `unlock` is called. */
async function hold(text: string): Promise<void> {
  unlock = await database.hold(text)
}
async function letGo(): Promise<void> {
  await unlock?.()
  unlock = undefined
}

/** As a correction or an erasure holds it. */
const holdToChange = () => hold(`SELECT hold_to_change(id_uuid('${locked}'))`)

function expectBusy(answers: readonly Response[]): void {
  for (const answer of answers) {
    expectProblem(answer, 503, 'busy')
    expect(answer.headers['retry-after']).toBe('1')
  }
}

describe('while another session keeps one record locked', () => {
  it('six reveals of it are refused in the end, and reveals of others are answered in the meantime', async () => {
    await holdToChange()
    let answered = 0
    const refused = Promise.all(times(6, () => reveal(locked).finally(() => answered++)))
    await vi.waitUntil(async () => (await database.waiting()) > 0, { timeout: 20_000 })
    for (let round = 0; round < 3; round++) {
      expect(statuses(await Promise.all(others.map((token) => reveal(token))))).toEqual(others.map(() => 200))
    }
    expectBusy(await refused)
    expect(answered).toBe(6)
    // None of it was released, and the vault continues with it as soon as the lock is gone.
    expect(await vault.events({ type: 'record.reveal', token: locked })).toEqual([])
    await letGo()
    expect((await reveal(locked)).status).toBe(200)
  })

  it('a request of many is answered when the lock is gone in time, in one piece', async () => {
    await holdToChange()
    const body = { purpose: 'communicate', items: [locked, ...others].map((token) => ({ token })) }
    // The server that waits longer: the lock is gone in time on a slow machine too.
    const many = second.call('POST', '/v1/reveal', { token: bearer.support, body })
    await waiting(1)
    await letGo()
    const { body: answer, status } = await many
    expect([status, answer.results.length]).toEqual([200, others.length + 1])
    for (const result of answer.results) expect(result.data.email).toBe(contact.email)
  })

  it('a search that would show it is refused, and others are answered', async () => {
    const email = 'locked@example.com'
    const { token } = (await vault.tokenize({ contact: { ...contact, email } })).contact!
    const [other] = await database.sql<{ token: string }>(
      'SELECT token FROM readable.records WHERE record_lock(id_uuid(token)) <> record_lock(id_uuid($1)) LIMIT 1',
      [token],
    )
    await hold(`SELECT hold_to_change(id_uuid('${token}'))`)
    const search = (value: string) =>
      vault.call('POST', '/v1/search', { token: bearer.support, body: { by: 'email', value } })
    const found = search(email)
    await waiting(1)
    expect((await search('nobody@example.com')).status).toBe(200)
    expect((await reveal(other!.token)).status).toBe(200)
    expectBusy([await found])
  })

  it('a row lock, as of an administrator, stops no reveal of it, and a change of it is refused', async () => {
    await hold(`SELECT FROM records WHERE token = id_uuid('${locked}') FOR UPDATE`)
    const answers = await Promise.all([...times(6, () => reveal(locked)), ...others.map((token) => reveal(token))])
    expect(statuses(answers)).toEqual(answers.map(() => 200))
    expectBusy(await Promise.all([erase(locked), correct(locked)]))
    expect((await vault.call('GET', '/readyz')).status).toBe(200)
  })

  it('the statements that waited have ended in the server, and their sessions are used again', async () => {
    const sessions = () => database.sql(`SELECT FROM pg_stat_activity WHERE ${OF_SERVERS}`)
    await holdToChange()
    expectBusy(await Promise.all([...times(6, () => reveal(locked)), erase(locked), correct(locked)]))
    expect(await database.waiting()).toBe(0)
    // Two pools, and the connections beside them (`CONNECTIONS_BESIDE_POOL`).
    expect((await sessions()).length).toBeLessThanOrEqual(2 * (CONNECTIONS + 3))
  })
})

describe('a release and an erasure at once', () => {
  it('the erasure is acknowledged after the release that holds the record has ended', async () => {
    await hold(`SELECT FROM hold_to_release(ARRAY[id_uuid('${locked}')], true)`)
    const erased = erase(locked, second)
    await waiting(1)
    expect(statuses(await Promise.all(others.map((token) => reveal(token))))).toEqual(others.map(() => 200))
    await letGo()
    expect((await erased).status).toBe(204)
  })

  it('a release that has begun before an erasure commits does not see the record as it was', async () => {
    await hold(`SELECT hold_to_change(id_uuid('${locked}'));
      UPDATE readable.records SET erased_at = now(), updated_at = now(), display_key_id = NULL, display_sealed = NULL,
        secret_key_id = NULL, secret_sealed = NULL, terms = '' WHERE token = '${locked}'`)
    const answer = reveal(locked, second)
    await waiting(1)
    await letGo()
    expectProblem(await answer, 410, 'record-gone')
    expect(await vault.events({ type: 'record.reveal', token: locked, outcome: 'success' })).toEqual([])
  })
})

it('a reveal writes nothing into the table of records', async () => {
  expect(statuses(await Promise.all(others.map((token) => reveal(token))))).toEqual(others.map(() => 200))
  const rows = await database.sql(
    'SELECT DISTINCT xmax::text AS locked_by FROM records WHERE token IN (SELECT id_uuid(unnest($1::text[])))',
    [others],
  )
  expect(rows).toEqual([{ locked_by: '0' }])
})

it('servers that reveal, correct and erase the same records in any order never wait in a circle', async () => {
  const deadlocks = async () => {
    // A session reports what it has counted when it ends.
    const ended = await database.sql<{ pid: number }>(
      `SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE ${OF_SERVERS}`,
    )
    const pids = ended.map(({ pid }) => pid)
    const present = 'SELECT FROM pg_stat_activity WHERE pid = ANY ($1)'
    await vi.waitUntil(async () => (await database.sql(present, [pids])).length === 0, { timeout: 20_000 })
    const rows = await database.sql('SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()')
    return rows
  }
  const many = (tokens: readonly string[], on: TestVault) => {
    const body = { purpose: 'communicate', items: tokens.map((token) => ({ token })) }
    return on.call('POST', '/v1/reveal', { token: bearer.support, body })
  }
  const erased = new Set(others.slice(0, 2))
  const answers = await Promise.all(
    times(4, () => [vault, second]).flatMap((servers) =>
      servers.flatMap((on, at) => [
        many(at ? others.toReversed() : others, on),
        many(at ? others : others.toReversed(), on),
        ...others.slice(2).map((token) => correct(token, on)),
      ]),
    ),
  )
  for (const { status } of answers) expect([200, 503]).toContain(status)
  const [ofErasing] = await Promise.all([
    Promise.all([...erased].map((token) => erase(token, second))),
    many(others, vault),
    many(others.toReversed(), second),
  ])
  expect(statuses(ofErasing)).toEqual([204, 204])
  const { body } = await many(others, second)
  const codes = body.results.map(({ code }: { code?: string }) => code)
  expect(codes).toEqual(others.map((token) => (erased.has(token) ? 'record-gone' : undefined)))
  expect(await deadlocks()).toEqual([{ deadlocks: '0' }])
})
