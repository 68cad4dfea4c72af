import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { sweepIdempotencyKeys } from '../../src/records/idempotency/idempotency-store.ts'
import { dumpDatabase } from '../support/postgres.ts'
import { expectProblem } from '../support/problems.ts'
import { card, cards, checkout, contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const HOUR_MS = 60 * 60 * 1000

let vault: TestVault
let second: TestVault
let client: { id: string; secret: string }
let token: string
let keys = 0

beforeAll(async () => {
  vault = await TestVault.start()
  second = await TestVault.start({ sharedDatabase: vault.database })
  client = await vault.client(['tokenize'])
  token = (await vault.requestToken(client.id, client.secret)).body.access_token
})
afterEach(async () => {
  vault.clockOffsetMs = 0
  await vault.checkInvariants()
  await second.checkInvariants()
})
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const newKey = () => `key-${++keys}`

function tokenize(key: string, body: unknown = { contact }, options: { as?: string; on?: TestVault } = {}) {
  const { as = token, on = vault } = options
  return on.call('POST', '/v1/tokenize', { token: as, body, headers: { 'Idempotency-Key': key } })
}

function reveal(key: string, record: string | undefined, as: string, body: unknown = { purpose: 'communicate' }) {
  const headers = { 'Idempotency-Key': key }
  return vault.call('POST', `/v1/tokens/${record}/reveal`, { token: as, body, headers })
}

describe('the same request again', () => {
  it('gets the same answer and stores nothing more', async () => {
    const key = newKey()
    const first = await tokenize(key, checkout)
    const before = [await vault.count('records'), await vault.count('search_terms')]
    const again = await tokenize(key, checkout)
    expect(first.status).toBe(201)
    expect(first.headers['idempotent-replayed']).toBeUndefined()
    expect(again.status).toBe(201)
    expect(again.headers['idempotent-replayed']).toBe('true')
    expect(again.text).toBe(first.text)
    expect(again.headers['request-id']).not.toBe(first.headers['request-id'])
    expect([await vault.count('records'), await vault.count('search_terms')]).toEqual(before)
  })

  it('gets it from another server of the vault too', async () => {
    const key = newKey()
    const first = await tokenize(key)
    const again = await tokenize(key, { contact }, { on: second })
    expect(again.headers['idempotent-replayed']).toBe('true')
    expect(again.text).toBe(first.text)
  })

  it('leaves exactly one record when 32 come at once', async () => {
    const before = await vault.count('records')
    const key = newKey()
    const answers = await Promise.all(Array.from({ length: 32 }, () => tokenize(key)))
    const stored = answers.filter((answer) => answer.status === 201)
    for (const answer of answers) if (!stored.includes(answer)) expectProblem(answer, 409, 'request-in-flight')
    expect(new Set(stored.map((answer) => answer.text)).size).toBe(1)
    expect(stored.filter((answer) => answer.headers['idempotent-replayed'] === undefined)).toHaveLength(1)
    expect(await vault.count('records')).toBe(before + 1)
    expect((await tokenize(key)).text).toBe(stored[0]!.text)
  })

  it('is refused as in flight, until the first one is answered', async () => {
    const key = newKey()
    const release = await vault.database.hold('LOCK TABLE records IN EXCLUSIVE MODE')
    const first = tokenize(key)
    await vi.waitUntil(async () => (await vault.database.waiting()) === 1)
    const meanwhile = await tokenize(key).finally(release)
    expectProblem(meanwhile, 409, 'request-in-flight')
    expect(Number(meanwhile.headers['retry-after'])).toBeGreaterThan(0)
    expect((await first).status).toBe(201)
    expect((await tokenize(key)).text).toBe((await first).text)
  })

  it('leaves exactly one record when two servers work on it at the same moment', async () => {
    const before = await vault.count('records')
    const key = newKey()
    const release = await vault.database.hold('LOCK TABLE records IN EXCLUSIVE MODE')
    const both = [tokenize(key), tokenize(key, { contact }, { on: second })]
    await vi.waitUntil(async () => (await vault.database.waiting()) === 2).finally(release)
    const [one, other] = await Promise.all(both)
    expect([one!.status, other!.status]).toEqual([201, 201])
    expect(one!.text).toBe(other!.text)
    expect(await vault.count('records')).toBe(before + 1)
  })

  it('is a new request after 24 hours, and not a moment earlier', async () => {
    const key = newKey()
    const first = await tokenize(key)
    vault.clockOffsetMs = 24 * HOUR_MS - 60_000
    const later = (await vault.requestToken(client.id, client.secret)).body.access_token
    expect((await tokenize(key, { contact }, { as: later })).text).toBe(first.text)
    vault.clockOffsetMs = 24 * HOUR_MS + 60_000
    const nextDay = (await vault.requestToken(client.id, client.secret)).body.access_token
    const fresh = await tokenize(key, { contact }, { as: nextDay })
    expect(fresh.status).toBe(201)
    expect(fresh.headers['idempotent-replayed']).toBeUndefined()
    expect(fresh.body.contact.token).not.toBe(first.body.contact.token)
  })
})

describe('the same key with the same JSON value', () => {
  const send = (key: string, text: string) =>
    vault.call('POST', '/v1/tokenize', { token, text, headers: { 'Idempotency-Key': key } })

  it.each([
    ['members in another order', '{"customer":"cus_7","contact":{"email":"mei@example.sg","name":"Mei"}}'],
    ['white space', ' {\n "contact": { "name": "Mei", "email": "mei@example.sg" },\t"customer": "cus_7" }\n'],
    ['escapes', '{"contact":{"n\\u0061me":"Mei","email":"mei@ex\\u0061mple.sg"},"customer":"cus_7"}'],
  ])('replays: %s', async (_name, text) => {
    const key = newKey()
    const first = await send(key, '{"contact":{"name":"Mei","email":"mei@example.sg"},"customer":"cus_7"}')
    expect(first.status, first.text).toBe(201)
    const again = await send(key, text)
    expect(again.headers['idempotent-replayed']).toBe('true')
    expect(again.body).toEqual(first.body)
  })

  it('is refused for the same members of another part', async () => {
    const key = newKey()
    expect((await send(key, '{"contact":{"name":"Mei"}}')).status).toBe(201)
    expectProblem(await send(key, '{"contact":{"name":"Mei"},"customer":"Mei"}'), 422, 'idempotency-key-reused')
  })
})

describe('the same key with something else', () => {
  it('is refused with another body', async () => {
    const key = newKey()
    await tokenize(key, { contact })
    const before = await vault.count('records')
    expectProblem(await tokenize(key, { contact, customer: 'cus_1' }), 422, 'idempotency-key-reused')
    expect(await vault.count('records')).toBe(before)
  })

  it('is refused on another route', async () => {
    const key = newKey()
    await tokenize(key)
    const body = { items: [{ contact }] }
    const headers = { 'Idempotency-Key': key }
    const response = await vault.call('POST', '/v1/tokenize/batch', { token, body, headers })
    expectProblem(response, 422, 'idempotency-key-reused')
  })

  it('is refused for another record under the same body', async () => {
    const support = await vault.staffToken('support')
    const key = newKey()
    const tokens = [(await tokenize(newKey())).body.contact.token, (await tokenize(newKey())).body.contact.token]
    expect((await reveal(key, tokens[0], support)).status).toBe(200)
    expectProblem(await reveal(key, tokens[1], support), 422, 'idempotency-key-reused')
  })

  it('means nothing for another caller: neither for another client nor for a namesake on another site', async () => {
    const key = newKey()
    const first = await tokenize(key)
    const other = await tokenize(key, { contact }, { as: await vault.clientToken(['tokenize']) })
    expect(other.status).toBe(201)
    expect(other.headers['idempotent-replayed']).toBeUndefined()
    expect(other.body.contact.token).not.toBe(first.body.contact.token)
    const namesakes = [await vault.staffToken('storefront'), await vault.staffToken('storefront', { site: 'partner' })]
    const staffKey = newKey()
    const tokens = await Promise.all(
      namesakes.map(async (as) => (await tokenize(staffKey, { contact }, { as })).body.contact.token),
    )
    expect(new Set(tokens).size).toBe(2)
  })
})

describe('a failure', () => {
  it('is not kept: the key is free for the corrected request', async () => {
    const key = newKey()
    expectProblem(await tokenize(key, { card: { ...card, number: '4242424242424241' } }), 422, 'invalid-card-number')
    const mended = await tokenize(key, { card })
    expect(mended.status).toBe(201)
    expect(mended.headers['idempotent-replayed']).toBeUndefined()
  })

  it('of a reveal is not kept either', async () => {
    const support = await vault.staffToken('support')
    const key = newKey()
    const { token: record } = (await tokenize(newKey())).body.contact
    await vault.database.sql(`UPDATE readable.records SET site = 'elsewhere' WHERE token = $1`, [record])
    expectProblem(await reveal(key, record, support), 404, 'record-not-found')
    await vault.database.sql(`UPDATE readable.records SET site = 'default' WHERE token = $1`, [record])
    const again = await reveal(key, record, support)
    expect(again.status).toBe(200)
    expect(again.headers['idempotent-replayed']).toBeUndefined()
  })
})

describe('a key that cannot be one', () => {
  it.each([
    ['an empty one', ''],
    ['one of 256 characters', 'k'.repeat(256)],
    ['one that is not ASCII', 'clé'],
  ])('is refused: %s', async (_name, key) => {
    expectProblem(await tokenize(key), 422, 'invalid-idempotency-key')
  })

  it('may be any number: only its keyed hash is kept', async () => {
    expect((await tokenize(cards.visa)).status).toBe(201)
    expect((await tokenize('6027440064258')).status).toBe(201)
  })

  it('may have 255 characters', async () => {
    expect((await tokenize('k'.repeat(255))).status).toBe(201)
  })
})

describe('the replay of a reveal', () => {
  it('shows the same body, and leaves an event of its own that names the first', async () => {
    const support = await vault.staffToken('support')
    const key = newKey()
    const record = (await tokenize(newKey())).body.contact.token
    const first = await reveal(key, record, support)
    const again = await reveal(key, record, support)
    expect(again.headers['idempotent-replayed']).toBe('true')
    expect(again.text).toBe(first.text)
    const events = await vault.events({ request_id: again.headers['request-id'] })
    expect(events).toEqual([
      expect.objectContaining({ type: 'record.reveal', token: record, replay_of: first.body.event }),
    ])
    expect(events[0]!.id).not.toBe(first.body.event)
  })

  it('of many records does so for each', async () => {
    const support = await vault.staffToken('support')
    const items = [{ token: (await tokenize(newKey())).body.contact.token }, { token: `cont_${'0'.repeat(26)}` }]
    const request = {
      token: support,
      body: { purpose: 'communicate', items },
      headers: { 'Idempotency-Key': newKey() },
    }
    const first = await vault.call('POST', '/v1/reveal', request)
    const again = await vault.call('POST', '/v1/reveal', request)
    expect(again.headers['idempotent-replayed']).toBe('true')
    expect(again.body.results[0]).toEqual(first.body.results[0])
    expect(again.body.results[1]).toMatchObject({ status: 404, code: 'record-not-found' })
    const events = await vault.events({ request_id: again.headers['request-id'], type: 'record.reveal' })
    expect(events.map((event) => event.replay_of)).toEqual([first.body.results[0].event])
  })
})

describe('what is kept', () => {
  it('is sealed, and under keyed hashes against which no value can be tried', async () => {
    const key = newKey()
    const body = { contact, customer: 'cus_kept_answer' }
    await tokenize(key, body)
    const dump = await dumpDatabase(vault.database)
    expect(dump).not.toContain('cus_kept_answer')
    for (const text of [key, JSON.stringify(body), contact.email]) {
      for (const algorithm of ['sha1', 'sha256', 'sha512']) {
        expect(dump).not.toContain(createHash(algorithm).update(text).digest('hex'))
      }
    }
  })

  it('is swept after it has expired', async () => {
    await tokenize(newKey())
    const database = openDatabase({ url: vault.database.serverUrl, maxConnections: 1 })
    try {
      await sweepIdempotencyKeys(database, new Date(Date.now() + 23 * HOUR_MS))
      expect(await vault.count('idempotency_keys')).toBeGreaterThan(0)
      await sweepIdempotencyKeys(database, new Date(Date.now() + 49 * HOUR_MS))
      expect(await vault.count('idempotency_keys')).toBe(0)
    } finally {
      await database.close()
    }
  })
})
