import pg from 'pg'
import type { Response } from 'supertest'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type DestroyKeyDeps, destroyKey } from '../../src/keys/destroy.ts'
import { countReferences } from '../../src/keys/reference-store.ts'
import { changeRegistry } from '../../src/keys/registry.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { card, checkout, contact, corrected, person } from '../support/samples.ts'
import { openEverySealedValue } from '../support/sealed-values.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'
import { openTestKeys } from '../support/vault-keys.ts'

/** A network that holds what was sealed until its key is gone: nothing may be stored that opens for nobody any more. */
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

/** Puts a new key in the place of each, at once; answers with the ids of those that were active. */
async function retire(): Promise<Record<Purpose, string>> {
  await server.keys.refresh()
  const retired = Object.fromEntries(purposes.map((purpose) => [purpose, active(purpose)])) as Record<Purpose, string>
  await changeRegistry(server, OPERATOR, async (change) => {
    for (const purpose of purposes) await change.transition(await change.create(purpose), 'active')
  })
  return retired
}

const once = () => ({ 'Idempotency-Key': `late-${++keys}` })
const tokenize = (body: unknown = { contact }, headers = once()) =>
  vault.call('POST', '/v1/tokenize', { token: client, body, headers })

describe('the role that the server runs as', () => {
  const VALUES = {
    records: (key: string, other: string) =>
      `INSERT INTO records (token, kind, site, version, consents, display_key_id, display_sealed, secret_key_id, secret_sealed, terms, created_at, updated_at)
       VALUES (gen_random_uuid(), 'contact', 'default', 1, '{}', '${key}', '', '${other}', '', '', now(), now())`,
    record_versions: (key: string, other: string) =>
      `INSERT INTO record_versions (token, version, kind, site, display_key_id, display_sealed, secret_key_id, secret_sealed, replaced_at)
       VALUES (gen_random_uuid(), 1, 'contact', 'default', '${key}', '', '${other}', '', now())`,
    reveal_reasons: (key: string) =>
      `INSERT INTO reveal_reasons (event, reason_key_id, reason_sealed) VALUES (gen_random_uuid(), '${key}', '')`,
    search_terms: (key: string) =>
      `INSERT INTO search_terms (term, token, key_id) VALUES (sha256(gen_random_uuid()::text::bytea), 'card_', '${key}')`,
    answers: (key: string, index: string) =>
      `INSERT INTO idempotency_keys (key_hash, request_hash, index_key_id, response_key_id, response_sealed, created_at, expires_at)
       VALUES (sha256(gen_random_uuid()::text::bytea), '', '${index}', '${key}', '', now(), now())`,
  }
  let retired: Record<Purpose, string>

  /** The constraint that refuses the statements; undefined when they are done. Nothing is kept. */
  async function refusal(...statements: string[]): Promise<string | undefined> {
    const session = new pg.Client(direct.database.serverUrl)
    await session.connect()
    try {
      await session.query('BEGIN')
      for (const text of statements) await session.query(text)
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

  it('claims a request under the index key that comes next', async () => {
    const next = await changeRegistry(server, OPERATOR, (change) => change.create('index'))
    expect(await refusal(VALUES.answers(active('display'), next))).toBeUndefined()
    await changeRegistry(server, OPERATOR, (change) => change.transition(next, 'destroyed'))
  })

  it('replaces nothing by what a retired key has made, and keeps what it finds', async () => {
    const { token } = (await tokenize()).body.contact
    const standing = await retire()
    const where = `WHERE token = '${token}'`
    expect(await refusal(`UPDATE records SET terms = terms, updated_at = now(), version = 2 ${where}`)).toBeUndefined()
    expect(await refusal(`UPDATE records SET secret_sealed = '\\x00' ${where}`)).toBe('protecting_key')
    expect(
      await refusal(`UPDATE records SET secret_sealed = '\\x00', secret_key_id = '${active('secret')}' ${where}`),
    ).toBeUndefined()
    expect(await refusal(`UPDATE search_terms SET mac = '\\x00' ${where}`)).toBe('protecting_key')
    expect(
      await refusal(
        VALUES.reveal_reasons(active('display')),
        `UPDATE reveal_reasons SET reason_key_id = '${standing.display}'`,
      ),
    ).toBe('protecting_key')
    expect(
      await refusal(
        `UPDATE idempotency_keys SET response_sealed = '\\x00' WHERE response_key_id = '${standing.display}'`,
      ),
    ).toBe('protecting_key')
    // An erasure leaves nothing to refuse.
    expect(
      await refusal(`UPDATE records SET display_key_id = NULL, display_sealed = NULL, secret_key_id = NULL,
                       secret_sealed = NULL, erased_at = now() ${where}`),
    ).toBeUndefined()
  })
})

describe('keys that are replaced while a statement is held up', () => {
  let bearer: Record<'support' | 'legal' | 'officer' | 'careful', string>
  const reason = 'The bank asks for it'

  beforeAll(async () => {
    await direct.strongroom.commands.applyRoles(OPERATOR, roleFile({ careful: conditionalRole({ approval: true }) }))
    bearer = {
      support: await vault.staffToken('support'),
      legal: await vault.staffToken('legal'),
      officer: await vault.staffToken('privacy-officer'),
      careful: await vault.staffToken('careful'),
    }
  })

  const stored = async () => (await tokenize(checkout)).body as Record<'card' | 'contact', { token: string }>
  const at = (token: string, what = '') => `/v1/tokens/${token}${what}`

  it.each<[string, string, number, (of: Awaited<ReturnType<typeof stored>>) => Promise<Response>]>([
    ['a tokenization', 'records', 201, () => tokenize(checkout)],
    ['the search terms of one', 'search_terms', 201, () => tokenize(checkout)],
    ['the answer of one', 'idempotency_keys', 201, () => tokenize(checkout)],
    [
      'a batch of several statements',
      'records',
      200,
      () =>
        vault.call('POST', '/v1/tokenize/batch', {
          token: client,
          body: { items: Array.from({ length: 300 }, () => ({ card })) },
          headers: once(),
        }),
    ],
    [
      'a correction',
      'record_versions',
      200,
      ({ contact: { token } }) =>
        vault.call('PATCH', at(token), { token: bearer.support, body: { email: corrected.email } }),
    ],
    [
      'the reason of a reveal',
      'reveal_reasons',
      200,
      ({ card: { token } }) =>
        vault.call('POST', at(token, '/reveal'), {
          token: bearer.legal,
          body: { purpose: 'enforce-rights', reason },
          headers: once(),
        }),
    ],
    [
      'the answer of a search',
      'idempotency_keys',
      200,
      () =>
        vault.call('POST', '/v1/search', {
          token: bearer.legal,
          body: { by: 'email', value: person.email },
          headers: once(),
        }),
    ],
    [
      'the answer of a comparison',
      'idempotency_keys',
      200,
      ({ contact: { token } }) =>
        vault.call('POST', at(token, '/match'), {
          token: bearer.support,
          body: { fields: { name: person.name } },
          headers: once(),
        }),
    ],
    [
      'the answer of an erasure',
      'idempotency_keys',
      204,
      ({ contact: { token } }) =>
        vault.call('POST', at(token, '/erase'), { token: bearer.officer, body: { reason }, headers: once() }),
    ],
    [
      'the reason of a request for approval',
      'reveal_reasons',
      403,
      ({ card: { token } }) =>
        vault.call('POST', at(token, '/reveal'), {
          token: bearer.careful,
          body: { purpose: 'enforce-rights', reason },
        }),
    ],
  ])('%s', async (_what, table, status, send) => {
    const records = await stored()
    const before = await countReferences(server.database, new Date())
    const release = await direct.database.hold(`LOCK TABLE ${table} IN SHARE MODE`)
    const answer = send(records)
    await vi.waitUntil(async () => (await direct.database.waiting()) > 0, { timeout: 20_000, interval: 20 })
    const retired = Object.values(await retire())
    await release()
    // Neither an error nor anything more on a retired key.
    const response = await answer
    expect(response.status, response.text).toBe(status)
    const after = await countReferences(server.database, new Date())
    for (const id of retired) {
      for (const [column, count] of Object.entries(after.get(id) ?? {})) {
        expect(count, column).toBeLessThanOrEqual(before.get(id)?.[column] ?? 0)
      }
    }
  })
})

describe('a network that holds', () => {
  const destroy = (id: string) => direct.strongroom.commands.destroyKey(OPERATOR, id)
  const certify = (id: string) => direct.strongroom.commands.certifyKey(OPERATOR, id)

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
    // On a machine that is so busy that the statement is given up meanwhile, the shop sends its request again.
    const first = await held
    const answer = first.status === 201 ? first : await tokenize({ contact }, headers)
    expect(answer.status, answer.text).toBe(201)
    expect(await direct.count('records')).toBe(before + 1)
    expect(await email(answer.body.contact.token)).toBe(person.email)
    // Nothing stands on a key that is gone.
    await openEverySealedValue(direct)
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

describe('a transaction between its snapshot and its commit, many times', () => {
  const SESSIONS = 4
  const insert = 'INSERT INTO reveal_reasons (event, reason_key_id, reason_sealed) VALUES (gen_random_uuid(), $1, $2)'
  let sessions: pg.Client[]

  beforeAll(async () => {
    sessions = Array.from({ length: SESSIONS }, () => new pg.Client(direct.database.serverUrl))
    for (const session of sessions) await session.connect()
  })
  afterEach(async () => {
    for (const session of sessions) await session.query('ROLLBACK')
  })
  afterAll(async () => {
    for (const session of sessions) await session.end()
  })

  const inEach = <T>(work: (session: pg.Client) => Promise<T>) => Promise.all(sessions.map(work))
  const soon = () => new Promise((resolve) => setTimeout(resolve, Math.random() * 20))

  /** What becomes of the key; an hour later nobody waits for statements that may be under way. */
  function destroy(id: string, patienceMs: number): Promise<string> {
    const times = { ...server.keys.times, statementMs: patienceMs }
    const deps: DestroyKeyDeps = {
      ...server,
      keys: Object.create(server.keys, { times: { value: times } }),
      now: () => new Date(Date.now() + 60 * 60 * 1000),
      longestTokenSeconds: 0,
      hasSignedLast: async () => false,
    }
    return destroyKey(deps, OPERATOR, id).then(
      () => 'destroyed',
      (error: Error) => /cannot be destroyed yet|is still needed/.exec(error.message)?.[0] ?? error.message,
    )
  }

  const cases = (['READ COMMITTED', 'REPEATABLE READ'] as const).flatMap((isolation) =>
    (['before its snapshot', 'after its snapshot', 'after its statement'] as const).map(
      (moment) => [isolation, moment] as const,
    ),
  )
  it.each(cases)('%s, with a key that is retired %s', async (isolation, moment) => {
    // The database takes what an older snapshot lets it take; otherwise it looks at the keys as they are.
    const isTaken =
      moment === 'after its statement' || (moment === 'after its snapshot' && isolation === 'REPEATABLE READ')
    for (const end of ['COMMIT', 'ROLLBACK', 'late COMMIT'] as const) {
      await direct.database.sql('DELETE FROM records; DELETE FROM record_versions; DELETE FROM idempotency_keys')
      await direct.database.sql('DELETE FROM reveal_reasons')
      const key = active('display')
      if (moment === 'before its snapshot') await retire()
      await inEach((session) => session.query(`BEGIN ISOLATION LEVEL ${isolation}; SELECT FROM keys`))
      if (moment === 'after its snapshot') await retire()
      const taken = await inEach((session) =>
        session.query(insert, [key, Buffer.alloc(1)]).then(
          () => true,
          (error: pg.DatabaseError) => error.constraint,
        ),
      )
      expect(new Set(taken)).toEqual(new Set([isTaken || 'protecting_key']))
      if (moment === 'after its statement') await retire()
      const patienceMs = end === 'late COMMIT' ? 20 : 20_000
      const destroyed = destroy(key, patienceMs)
      // What was refused holds nothing up.
      const isLate = end === 'late COMMIT' && isTaken
      if (isLate) expect(await destroyed).toBe('cannot be destroyed yet')
      await inEach(async (session) => {
        await soon()
        await session.query(end === 'ROLLBACK' ? end : 'COMMIT')
      })
      const isStored = isTaken && end !== 'ROLLBACK'
      expect(await (isLate ? destroy(key, 20_000) : destroyed), end).toBe(isStored ? 'is still needed' : 'destroyed')
      expect(await direct.count('reveal_reasons'), end).toBe(isStored ? SESSIONS : 0)
    }
    await direct.database.sql('DELETE FROM reveal_reasons')
  })
})
