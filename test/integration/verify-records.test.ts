import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { RecordFinding } from '../../src/records/verification/record-finding.ts'
import type { RecordsVerification } from '../../src/records/verification/verify-records.ts'
import { checkout, contact } from '../support/samples.ts'
import { tamperWith } from '../support/tamper.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'
import { unbindRows } from '../support/unbound-rows.ts'

// A rotation waits some seconds for other servers.
vi.setConfig({ testTimeout: 90_000 })

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const TABLES = ['records', 'record_versions', 'search_terms', 'idempotency_keys', 'reveal_reasons']

let vault: TestVault
let card: string
let address: string
let corrected: string
let erased: string
/** The event of a reveal that has a reason. */
let revealed: string

const sql = <Row = unknown>(text: string, values: unknown[] = []) => vault.database.sql<Row>(text, values)

async function verify(): Promise<RecordsVerification & { found: RecordFinding[]; progress: number[][] }> {
  const found: RecordFinding[] = []
  const progress: number[][] = []
  const result = await vault.commands.verifyRecords(OPERATOR, {
    onFinding: (finding) => found.push(finding),
    onProgress: ({ moved, total, remaining }) => progress.push([moved, total, remaining]),
  })
  return { ...result, found, progress }
}

/** What a verification says after the tampering, by code and record. */
async function findingsOf(tamper: string, values: unknown[] = []): Promise<string[]> {
  await sql(tamper, values)
  const { ok, found, findings } = await verify()
  expect(ok).toBe(found.length === 0)
  expect(findings).toBe(found.length)
  return found.map(({ code, token = 'no record' }) => `${code} ${token}`)
}

beforeAll(async () => {
  vault = await TestVault.start({ overrides: quickKeys })
  const bearer = await vault.clientToken(['tokenize'], { role: 'checkout' })
  const headers = { 'Idempotency-Key': 'to-be-verified' }
  const stored = await vault.call('POST', '/v1/tokenize', { token: bearer, body: checkout, headers })
  card = stored.body.card.token
  address = stored.body.billing_address.token
  corrected = (await vault.tokenize({ customer: 'cus_1043', contact })).contact!.token!
  const storefront = await vault.staffToken('storefront')
  for (const name of ['A New Name', 'A Newer Name']) {
    const answer = await vault.call('PATCH', `/v1/tokens/${corrected}`, { token: storefront, body: { name } })
    expect(answer.status, answer.text).toBe(200)
  }
  erased = (await vault.tokenize({ contact })).contact!.token!
  const officer = await vault.staffToken('privacy-officer')
  expect((await vault.call('DELETE', `/v1/tokens/${erased}`, { token: officer })).status).toBe(204)
  const reveal = await vault.call('POST', `/v1/tokens/${address}/reveal`, {
    token: await vault.staffToken('legal'),
    body: { purpose: 'enforce-rights', reason: 'a chargeback' },
  })
  expect(reveal.status, reveal.text).toBe(200)
  revealed = reveal.body.event
  for (const table of TABLES) await sql(`CREATE TABLE kept_${table} AS TABLE ${table}`)
})
afterEach(async () => {
  for (const table of TABLES) {
    await sql(`DELETE FROM ${table}`)
    await sql(`INSERT INTO ${table} TABLE kept_${table}`)
  }
  await vault.checkInvariants()
})
afterAll(() => vault.stop())

it('looks at everything, finds nothing in an untouched vault, and leaves an event', async () => {
  const { ok, findings, unbound, rows, found, progress } = await verify()
  expect({ ok, findings, unbound, found }).toEqual({ ok: true, findings: 0, unbound: 0, found: [] })
  expect(rows).toMatchObject({ records: 6, record_versions: 2, idempotency_keys: 1, reveal_reasons: 1 })
  expect(rows.search_terms).toBe(await vault.count('search_terms'))
  const [moved, total, remaining] = progress.at(-1)!
  expect([moved, remaining]).toEqual([total, 0])
  const [event] = await vault.events({ type: 'records.verify' })
  expect(event).toMatchObject({ outcome: 'success', count: 0, caller: OPERATOR })
})

it('finds nothing after a rotation of all keys, and while records are stored, corrected and erased', async () => {
  expect(await vault.rotate('all')).toMatchObject({ done: true })
  const [officer, storefront] = [await vault.staffToken('privacy-officer'), await vault.staffToken('storefront')]
  const change = async () => {
    for (let at = 0; at < 5; at++) {
      const token = (await vault.tokenize({ customer: `cus_busy_${at}`, contact })).contact!.token!
      await vault.call('PATCH', `/v1/tokens/${token}`, { token: storefront, body: { name: 'A New Name' } })
      await vault.call('DELETE', `/v1/tokens/${token}`, { token: officer })
    }
  }
  const changing = change()
  expect((await verify()).found).toEqual([])
  await changing
  expect((await verify()).found).toEqual([])
  // The tables as they are now, under the new keys.
  for (const table of TABLES) {
    await sql(`DROP TABLE kept_${table}`)
    await sql(`CREATE TABLE kept_${table} AS TABLE ${table}`)
  }
})

describe('a record', () => {
  it.each([
    ['with another consent', "consents = consents || '{marketing}'"],
    ['of another time', "created_at = created_at + interval '1 second'"],
    ['with other bytes', 'display_sealed = secret_sealed, secret_sealed = display_sealed'],
  ])('%s does not open in either part', async (_what, change) => {
    const found = await findingsOf(`UPDATE readable.records SET ${change} WHERE token = $1`, [card])
    expect(found).toEqual([`not-opened ${card}`, `not-opened ${card}`])
    const events = await vault.events({ type: 'records.verify', outcome: 'failed' })
    expect(events.at(-1)).toMatchObject({ count: 2 })
  })

  it('under a key that does not exist', async () => {
    const found = await findingsOf("UPDATE readable.records SET secret_key_id = 'key_of_before' WHERE token = $1", [
      card,
    ])
    expect(found).toEqual([`key-missing ${card}`])
  })

  it('of another policy version differs from the log too', async () => {
    const found = await findingsOf("UPDATE readable.records SET policy_version = '2020-01-01' WHERE token = $1", [card])
    expect(found.sort()).toEqual([`log-differs ${card}`, `not-opened ${card}`, `not-opened ${card}`])
  })

  it('at an older version differs from the log and its versions', async () => {
    const found = await findingsOf('UPDATE readable.records SET version = 2 WHERE token = $1', [corrected])
    expect(new Set(found)).toEqual(
      new Set([`log-differs ${corrected}`, `not-opened ${corrected}`, `version-stray ${corrected}`]),
    )
  })

  it('that is gone', async () => {
    const found = await findingsOf('DELETE FROM readable.records WHERE token = $1', [corrected])
    expect(found.filter((line) => line.startsWith('record-missing'))).toEqual([`record-missing ${corrected}`])
    expect(found).toContain(`version-stray ${corrected}`)
    expect(found).toContain(`term-stray ${corrected}`)
  })

  it('that was erased and is back', async () => {
    const found = await findingsOf(
      `UPDATE readable.records r SET erased_at = NULL, display_key_id = o.display_key_id, display_sealed = o.display_sealed,
         secret_key_id = o.secret_key_id, secret_sealed = o.secret_sealed
       FROM readable.records o WHERE r.token = $1 AND o.token = $2`,
      [erased, corrected],
    )
    expect(found).toContain(`log-differs ${erased}`)
  })

  it('that the log does not know', async () => {
    const token = `card_${'0'.repeat(26)}`
    const found = await findingsOf(
      `INSERT INTO readable.records SELECT (json_populate_record(r, json_build_object('token', $2::text))).* FROM readable.records r WHERE token = $1`,
      [card, token],
    )
    expect(found).toContain(`log-differs ${token}`)
    expect(found).toContain(`not-opened ${token}`)
  })
})

describe('versions, terms, answers and reasons', () => {
  it.each<[string, string, () => unknown[], () => string[]]>([
    [
      'a version that is gone',
      'DELETE FROM readable.record_versions WHERE token = $1 AND version = 1',
      () => [corrected],
      () => [`version-missing ${corrected}`],
    ],
    [
      'a version of another time',
      "UPDATE readable.record_versions SET replaced_at = replaced_at - interval '1 second' WHERE token = $1 AND version = 1",
      () => [corrected],
      () => [`not-opened ${corrected}`, `not-opened ${corrected}`],
    ],
    [
      'a search term that is gone',
      'DELETE FROM readable.search_terms WHERE (token, term) = (SELECT token, term FROM readable.search_terms WHERE token = $1 LIMIT 1)',
      () => [card],
      () => [`term-missing ${card}`],
    ],
    [
      'a search term that leads to another record',
      'UPDATE readable.search_terms SET token = $2 WHERE (token, term) = (SELECT token, term FROM readable.search_terms WHERE token = $1 LIMIT 1)',
      () => [card, corrected],
      () => [`term-missing ${card}`, `term-stray ${corrected}`],
    ],
    [
      'a search term with no MAC of its own',
      "UPDATE readable.search_terms SET mac = '' WHERE (token, term) = (SELECT token, term FROM readable.search_terms WHERE token = $1 LIMIT 1)",
      () => [card],
      () => [`term-changed ${card}`],
    ],
    [
      'a search term under a key that does not exist',
      "UPDATE readable.search_terms SET key_id = 'key_x' WHERE (token, term) = (SELECT token, term FROM readable.search_terms WHERE token = $1 LIMIT 1)",
      () => [card],
      () => [`term-changed ${card}`, `key-missing ${card}`],
    ],
    [
      'a record that forgets its terms',
      'UPDATE readable.records SET terms = substr(terms, 17) WHERE token = $1',
      () => [card],
      () => [`term-changed ${card}`, `term-stray ${card}`],
    ],
    [
      'an answer that is kept longer',
      "UPDATE readable.idempotency_keys SET expires_at = expires_at + interval '1 day'",
      () => [],
      () => ['not-opened no record'],
    ],
    [
      'a reason beside another event',
      'UPDATE readable.reveal_reasons SET event = (SELECT max(id) FROM readable.audit_events WHERE token = $1) WHERE event <> $2',
      () => [card, ''],
      () => [`not-opened ${card}`],
    ],
    [
      'a reason beside no event',
      "UPDATE readable.reveal_reasons SET event = 'evt_' || repeat('7', 26) WHERE event = $1",
      () => [revealed],
      () => ['not-opened no record', 'reason-stray no record'],
    ],
  ])('%s', async (_what, tamper, values, expected) => {
    await sql("SELECT readable.make_room_for_terms('key_x')")
    expect((await findingsOf(tamper, values())).sort()).toEqual(expected().sort())
  })

  it('an answer that outlives a record in it', async () => {
    const found = await findingsOf(
      `WITH forgotten AS (DELETE FROM readable.search_terms WHERE token = $1)
       UPDATE readable.records SET erased_at = now(), display_key_id = NULL, display_sealed = NULL, secret_key_id = NULL,
         secret_sealed = NULL, terms = '' WHERE token = $1`,
      [card],
    )
    expect(found.sort()).toEqual([`answer-stray ${card}`, `log-differs ${card}`])
  })
})

it('names what an earlier version has left unbound, which is not a finding', async () => {
  await unbindRows(vault)
  expect(await verify()).toMatchObject({ ok: true, unbound: 15 })
})

it('names no values, and no text in place of a token', async () => {
  await expect(
    sql("UPDATE readable.search_terms SET token = 'a text of theirs' WHERE token = $1", [card]),
  ).rejects.toThrow()
  await sql("UPDATE readable.search_terms SET token = 'card_' || repeat('0', 26) WHERE token = $1", [card])
  await tamperWith(vault.database).flip(address, 'secret', -1)
  const { found } = await verify()
  expect(found.length).toBeGreaterThan(1)
  // Four zeros in a row are in a random token now and then.
  expect(JSON.stringify(found)).not.toContain('0'.repeat(10))
  expect(JSON.stringify(found)).not.toContain(contact.name)
})
