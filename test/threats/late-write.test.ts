import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { changeRegistry } from '../../src/keys/registry/registry.ts'
import { expectProblem } from '../support/problems.ts'
import { contact, corrected, person } from '../support/samples.ts'
import { openEverySealedValue } from '../support/sealed-values.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'
import { openTestKeys, replaceKeys } from '../support/vault-keys.ts'

/** A network that holds what was sealed until its key is gone: nothing may be stored that cannot be opened. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const purposes = ['display', 'secret', 'index'] as const
type Purpose = (typeof purposes)[number]

let direct: TestVault
let proxy: TcpProxy
/** Reaches the database through the proxy. */
let vault: TestVault
let server: Awaited<ReturnType<typeof openTestKeys>>
let client: string
let keys = 0

beforeAll(async () => {
  direct = await TestVault.start({ overrides: quickKeys })
  proxy = await startTcpProxy(direct.database.serverUrl)
  vault = await TestVault.start({
    sharedDatabase: { ...direct.database, serverUrl: proxy.url },
    overrides: quickKeys,
  })
  server = await openTestKeys(direct.database)
  client = await vault.clientToken(['tokenize'])
})
afterEach(() => direct.checkInvariants())
afterAll(async () => {
  await server.close()
  await vault.stop()
  await proxy.close()
  await direct.stop()
})

const active = (purpose: Purpose) => server.keys.ring.active(purpose).id

const retire = () => replaceKeys(server, purposes)
const once = () => ({ 'Idempotency-Key': `late-${++keys}` })
const tokenize = (body: unknown = { contact }, headers = once()) =>
  vault.call('POST', '/v1/tokenize', { token: client, body, headers })

describe('the role that the server runs as', () => {
  /** What keys are called in the tables; every one has a number, whether it was used or not. */
  const numberOf = (key: string) => `id_of('key', '${key}')`
  const VALUES = {
    records: (key: string, other: string) =>
      `INSERT INTO records (token, kind, site, version, consents, display_key, display_sealed, secret_key, secret_sealed, terms, created_at)
       VALUES (gen_random_uuid(), 3, 1, 1, 1, ${numberOf(key)}, '', ${numberOf(other)}, '', '', now())`,
    record_versions: (key: string, other: string) =>
      `INSERT INTO record_versions (token, version, kind, site, display_key, display_sealed, secret_key, secret_sealed, replaced_at)
       VALUES (gen_random_uuid(), 1, 3, 1, ${numberOf(key)}, '', ${numberOf(other)}, '', now())`,
    reveal_reasons: (key: string) =>
      `INSERT INTO reveal_reasons (event, reason_key, reason_sealed) VALUES (gen_random_uuid(), ${numberOf(key)}, '')`,
    search_terms: (key: string) =>
      `INSERT INTO search_terms (term, token, key) VALUES (decode(md5(gen_random_uuid()::text), 'hex'), gen_random_uuid(), ${numberOf(key)})`,
    answers: (key: string, index: string) =>
      `INSERT INTO idempotency_keys (key_hash, request_hash, index_key, response_key, response_sealed, created_at, expires_at)
       VALUES (sha256(gen_random_uuid()::text::bytea), '', ${numberOf(index)}, ${numberOf(key)}, '', now(), now())`,
  }
  let retired: Record<Purpose, string>

  /** The constraint that refuses the statements; undefined when they are done. Nothing is kept. */
  async function refusal(...statements: string[]): Promise<string | undefined> {
    const session = new pg.Client(direct.database.serverUrl)
    await session.connect()
    try {
      await session.query('BEGIN')
      for (const text of statements) {
        for (const [, key] of text.matchAll(/id_of\('key', '(\w+)'\)/g)) {
          await direct.database.sql(`SELECT readable.number_of('key', $1)`, [key])
        }
        await session.query(text)
      }
      return undefined
    } catch (error) {
      return (error as pg.DatabaseError).constraint ?? String(error)
    } finally {
      await session.end()
    }
  }

  beforeAll(async () => {
    retired = await retire()
  })

  it('stores under active keys', async () => {
    const [display, secret, index] = purposes.map(active) as [string, string, string]
    for (const made of [
      VALUES.records(display, secret),
      VALUES.record_versions(display, secret),
      VALUES.reveal_reasons(display),
      VALUES.search_terms(index),
      VALUES.answers(display, index),
    ]) {
      expect(await refusal(made), made).toBeUndefined()
    }
  })

  it.each(['deactivated', 'compromised', 'destroyed', 'pre-active', 'that was never there'] as const)(
    'stores nothing under a key that is %s',
    async (state) => {
      const key = await changeRegistry(server, OPERATOR, async (change) => {
        if (state === 'deactivated') return retired.secret
        if (state === 'that was never there') return 'key_unknown'
        const id = await change.create('display')
        if (state !== 'pre-active') await change.transition(id, state)
        return id
      })
      const [display, secret, index] = purposes.map(active) as [string, string, string]
      // Without a table for its terms, that would refuse them.
      await direct.database.sql('SELECT readable.make_room_for_terms($1)', [key])
      for (const made of [
        VALUES.records(key, secret),
        VALUES.records(display, key),
        VALUES.record_versions(key, secret),
        VALUES.record_versions(display, key),
        VALUES.reveal_reasons(key),
        VALUES.search_terms(key),
        VALUES.answers(key, index),
        ...(state === 'pre-active' ? [] : [VALUES.answers(display, key)]),
      ]) {
        expect(await refusal(made), made).toBe('protecting_key')
      }
    },
  )

  it('reserves an idempotency key under the index key that comes next', async () => {
    const next = await changeRegistry(server, OPERATOR, (change) => change.create('index'))
    expect(await refusal(VALUES.answers(active('display'), next))).toBeUndefined()
    await changeRegistry(server, OPERATOR, (change) => change.transition(next, 'destroyed'))
  })

  it('replaces nothing by what a retired key has made, and keeps what it finds', async () => {
    const { token } = (await tokenize()).body.contact
    const standing = await retire()
    const where = `WHERE token = id_uuid('${token}')`
    expect(await refusal(`UPDATE records SET terms = terms, updated_at = now(), version = 2 ${where}`)).toBeUndefined()
    expect(await refusal(`UPDATE records SET secret_sealed = '\\x00' ${where}`)).toBe('protecting_key')
    expect(
      await refusal(`UPDATE records SET secret_sealed = '\\x00', secret_key = ${numberOf(active('secret'))} ${where}`),
    ).toBeUndefined()
    expect(await refusal(`UPDATE search_terms SET mac = '\\x00' ${where}`)).toBe('protecting_key')
    expect(
      await refusal(
        VALUES.reveal_reasons(active('display')),
        `UPDATE reveal_reasons SET reason_key = ${numberOf(standing.display)}`,
      ),
    ).toBe('protecting_key')
    expect(
      await refusal(
        `UPDATE idempotency_keys SET response_sealed = '\\x00' WHERE response_key = ${numberOf(standing.display)}`,
      ),
    ).toBe('protecting_key')
    // An erasure leaves nothing to refuse.
    expect(
      await refusal(`UPDATE records SET display_key = NULL, display_sealed = NULL, secret_key = NULL,
                       secret_sealed = NULL, erased_at = now() ${where}`),
    ).toBeUndefined()
  })
})

describe('a network that holds', () => {
  const destroy = (id: string) => direct.commands.destroyKey(OPERATOR, id)
  const certify = (id: string) => direct.commands.certifyKey(OPERATOR, id)

  async function email(token: string): Promise<string> {
    const bearer = await direct.staffToken('support')
    const body = { purpose: 'respond-to-query', fields: ['email'] }
    const revealed = await direct.call('POST', `/v1/tokens/${token}/reveal`, { token: bearer, body })
    expect(revealed.status, revealed.text).toBe(200)
    return revealed.body.data.email
  }

  it('a statement until its keys were rotated and destroyed fails nothing: it is refused, and done again', async () => {
    await tokenize()
    const before = await direct.count('records')
    const headers = once()
    const isHeld = proxy.holdBack('insert-records')
    const held = tokenize({ contact }, headers)
    await isHeld
    const { retired } = await direct.rotate('data')
    expect(retired.length).toBeGreaterThanOrEqual(2)
    for (const id of retired) await destroy(id)
    proxy.mend()
    // On a machine that is so busy that the statement is given up, the shop sends its request again.
    const first = await held
    const answer = first.status === 201 ? first : await tokenize({ contact }, headers)
    expect(answer.status, answer.text).toBe(201)
    expect(await direct.count('records')).toBe(before + 1)
    expect(await email(answer.body.contact.token)).toBe(person.email)
    // A key that is gone encrypts nothing.
    await openEverySealedValue(direct)
  })

  it('a statement until the table of its search terms is gone fails nothing either', async () => {
    const isHeld = proxy.holdBack('insert-records')
    const headers = once()
    const held = tokenize({ contact }, headers)
    await isHeld
    const { retired } = await direct.rotate('index')
    expect(retired.length).toBeGreaterThanOrEqual(1)
    const there = await direct.database.sql(
      "SELECT FROM unnest($1::text[]) AS id WHERE terms_partition(id_of('key', id)) IS NOT NULL",
      [retired],
    )
    expect(there).toEqual([])
    proxy.mend()
    const first = await held
    const answer = first.status === 201 ? first : await tokenize({ contact }, headers)
    expect(answer.status, answer.text).toBe(201)
    const search = { by: 'email', value: person.email }
    const found = await direct.call('POST', '/v1/search', { token: await direct.staffToken('support'), body: search })
    expect(found.body.results.map(({ token }: { token: string }) => token)).toContain(answer.body.contact.token)
  })

  it('a commit keeps the keys of its transaction: it is named, and what it wrote is found when it has come', async () => {
    const { token } = (await tokenize()).body.contact
    const support = await vault.staffToken('support')
    const isHeld = proxy.holdBack('commit')
    const held = vault.call('PATCH', `/v1/tokens/${token}`, { token: support, body: { email: corrected.email } })
    await isHeld
    const { display, secret } = await retire()
    const named =
      /The session \d+ of the role "\w+" \("strongroom", idle in transaction, in a transaction since .*\) may have/
    await Promise.all(
      [destroy(display), destroy(secret), certify(secret)].map((done) => expect(done).rejects.toThrow(named)),
    )
    proxy.mend()
    const answer = await held
    expect(answer.status, answer.text).toBe(200)
    await expect(destroy(secret)).rejects.toThrow(/is still needed: \d+ in records.secret/)
    await direct.rotate('data')
    await destroy(secret)
    expect(await email(token)).toBe(corrected.email)
  })
})

it('a kept answer that does not open counts as not kept: the request is done again', async () => {
  const headers = once()
  const first = await tokenize({ contact }, headers)
  // As what a network has stored in an earlier version, or a restored row.
  await direct.database.sql(
    `UPDATE readable.idempotency_keys SET response_key_id = 'key_destroyed'
     WHERE key_hash = (SELECT idempotency_hash FROM readable.records WHERE token = $1)`,
    [first.body.contact.token],
  )
  const again = await tokenize({ contact }, headers)
  expect(again.status, again.text).toBe(201)
  expect(again.headers['idempotent-replayed']).toBeUndefined()
  expect(again.body.contact.token).not.toBe(first.body.contact.token)
  // From then on the new answer counts.
  const replayed = await tokenize({ contact }, headers)
  expect([replayed.headers['idempotent-replayed'], replayed.text]).toEqual(['true', again.text])
  expectProblem(await tokenize({ contact: { name: person.name } }, headers), 422, 'idempotency-key-reused')
})

it('so does one beside a reservation under another index key', async () => {
  const headers = once()
  const next = await changeRegistry(server, OPERATOR, (change) => change.create('index'))
  await vault.checkReady()
  const { token } = (await tokenize({ contact }, headers)).body.contact
  await changeRegistry(server, OPERATOR, (change) => change.transition(next, 'active'))
  await direct.database.sql(
    `UPDATE readable.idempotency_keys SET response_sealed = '\\x00'
     WHERE key_hash = (SELECT idempotency_hash FROM readable.records WHERE token = $1)`,
    [token],
  )
  const again = await tokenize({ contact }, headers)
  expect([again.status, again.headers['idempotent-replayed']]).toEqual([201, undefined])
  expect((await tokenize({ contact }, headers)).text).toBe(again.text)
})
