import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { verifyLog } from '../../src/audit/verification/verify-log.ts'
import { openLogOfDatabase } from '../../src/audit/verification/verify-store.ts'
import { openDatabase } from '../../src/database/database.ts'
import { knownMigrations, migrate } from '../../src/database/migrate.ts'
import { macPurposes } from '../../src/keys/key.ts'
import { keyIdOf } from '../../src/keys/macs.ts'
import { copyOldRootKey, loadOldVault, oldVaults, readOldVaultFacts } from '../support/old-vault.ts'
import { createTestDatabase, type TestDatabase, withDatabase } from '../support/postgres.ts'
import { expectProblem } from '../support/problems.ts'
import { checkout, person } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

const MINUTE_MS = 60_000

/** A vault that an earlier commit filled and left at that migration, a minute after its last request. */
describe.each(oldVaults)('a vault of migration %s', (name) => {
  const facts = readOldVaultFacts(name)
  const directory = mkdtempSync(path.join(tmpdir(), 'strongroom-old-'))
  let database: TestDatabase
  let vault: TestVault

  beforeAll(async () => {
    database = await createTestDatabase()
    await database.sql('DROP SCHEMA public CASCADE')
    await database.sql('CREATE SCHEMA public')
    const superuserUrl = withDatabase(inject('cluster').superuserUrl, database.name)
    await loadOldVault(name, { ownerUrl: superuserUrl, superuserUrl })
    // What was approved just before, under a MAC that stood beside refused requests too.
    await database.sql(`INSERT INTO approvals
      SELECT (jsonb_populate_record(a, jsonb_build_object('id', 'apr_00', 'state', 'approved', 'decided_by', 'staff:olga',
        'decided_at', requested_at, 'mac', '\\x00'))).* FROM approvals a WHERE state = 'pending'`)
    const applied = await migrate({ ownerUrl: superuserUrl, serverRole: new URL(database.serverUrl).username })
    expect(applied).toEqual(knownMigrations.slice(knownMigrations.indexOf(name) + 1))
    const rootKeyFile = path.join(directory, 'root-key')
    copyOldRootKey(name, rootKeyFile)
    const clockOffsetMs = Date.parse(facts.written_at) + MINUTE_MS - Date.now()
    // One more miss than the version before has counted, and as many comparisons.
    const limits = {
      probesPerTenMinutes: facts.searches_for_nothing.count + 1,
      matchesPerHour: facts.wrong_matches.count,
    }
    vault = await TestVault.start({
      sharedDatabase: database,
      config: { rootKeyFile },
      clockOffsetMs,
      overrides: { limits, ...quickKeys },
    })
  })
  afterAll(async () => {
    await vault?.stop()
    await database.drop()
    rmSync(directory, { recursive: true })
  })

  const tokenOf = (part: string) => facts.order.answer[part]!.token

  it('answers every token of an order with its masked view', async () => {
    const token = await vault.staffToken('support')
    for (const part of ['card', 'billing_address', 'shipping_address', 'contact']) {
      const answer = await vault.call('GET', `/v1/tokens/${tokenOf(part)}`, { token })
      expect(answer.status, answer.text).toBe(200)
    }
    const erased = await vault.call('GET', `/v1/tokens/${facts.erased}`, { token })
    expect(erased.status).toBe(410)
  })

  it('reveals a card', async () => {
    const answer = await vault.call('POST', `/v1/tokens/${tokenOf('card')}/reveal`, {
      token: await vault.staffToken('billing'),
      body: { purpose: 'process-payment' },
    })
    expect(answer.status, answer.text).toBe(200)
    expect(answer.body.data.number).toBe('4242424242424242')
  })

  it.each([
    ['customer', checkout.customer],
    ['email', person.email],
    ['phone', person.phone],
  ])('finds the order by %s', async (by, value) => {
    const answer = await vault.call('POST', '/v1/search', {
      token: await vault.staffToken('support'),
      body: { by, value },
    })
    expect(answer.status, answer.text).toBe(200)
    expect(answer.body.results.map(({ token }: { token: string }) => token)).toContain(tokenOf('contact'))
  })

  it('lets in a client with the secret that it was given', async () => {
    for (const { client_id, client_secret } of facts.sample_callers) {
      expect((await vault.requestToken(client_id, client_secret)).status).toBe(200)
    }
  })

  it('repeats the answer to a request of before', async () => {
    const { client_id, client_secret } = facts.sample_callers.find(({ role }) => role === 'checkout')!
    const { access_token: token } = (await vault.requestToken(client_id, client_secret)).body
    const answer = await vault.call('POST', '/v1/tokenize', {
      token,
      body: facts.order.body,
      headers: { 'Idempotency-Key': facts.order.idempotency_key },
    })
    expect(answer.status, answer.text).toBe(201)
    expect(answer.headers['idempotent-replayed']).toBe('true')
    expect(answer.body).toEqual(facts.order.answer)
  })

  it.runIf(name === '0009-access-version')('compares a request of before as the bytes that it was', async () => {
    const { client_id, client_secret } = facts.sample_callers.find(({ role }) => role === 'checkout')!
    const { access_token: token } = (await vault.requestToken(client_id, client_secret)).body
    const reordered = Object.fromEntries(Object.entries(facts.order.body).reverse())
    const answer = await vault.call('POST', '/v1/tokenize', {
      token,
      body: reordered,
      headers: { 'Idempotency-Key': facts.order.idempotency_key },
    })
    expectProblem(answer, 422, 'idempotency-key-reused')
  })

  it('keeps its receipts and its log', async () => {
    const auditor = await vault.staffToken('auditor')
    const receipt = await vault.call('GET', `/v1/audit/events/${facts.released.event}/receipt`, { token: auditor })
    expect(receipt.status, receipt.text).toBe(200)
    const given = {
      keys: [],
      receipts: [{ json: facts.released.receipt, place: 'the kept receipt' }],
      checkpoints: [{ note: facts.released.checkpoint, place: 'the kept checkpoint' }],
    }
    const opened = openDatabase({ url: database.serverUrl, maxConnections: 1 })
    const { findings } = await opened
      .transaction(async (tx) => verifyLog(await openLogOfDatabase(tx), given))
      .finally(() => opened.close())
    expect(findings).toEqual([])
  })

  it('holds what it held: everything opens and agrees with the log, and a rotation binds it to its rows', async () => {
    const operator = { id: 'operator:test', kind: 'operator' } as const
    const found: unknown[] = []
    const control = { onFinding: (finding: unknown) => found.push(finding), onProgress: () => {} }
    const before = await vault.strongroom.commands.verifyRecords(operator, control)
    expect(found).toEqual([])
    expect(before.unbound).toBeGreaterThan(0)
    expect(await vault.rotate()).toMatchObject({ done: true })
    expect(await vault.strongroom.commands.verifyRecords(operator, control)).toMatchObject({ ok: true, unbound: 0 })
    expect(found).toEqual([])
  })

  it('goes on counting what callers asked for and does not exist', async () => {
    const token = await vault.staffToken('support', { name: facts.searches_for_nothing.caller })
    const search = () => vault.call('POST', '/v1/search', { token, body: { by: 'customer', value: 'cus_nobody_4' } })
    expect((await search()).status).toBe(200)
    expect((await search()).status).toBe(429)
  })

  it('goes on counting comparisons', async () => {
    const { caller, token: record, right } = facts.wrong_matches
    const answer = await vault.call('POST', `/v1/tokens/${record}/match`, {
      token: await vault.staffToken('fraud', { name: caller }),
      body: { purpose: 'enforce-rights', field: 'postal_code', value: right },
    })
    expect(answer.status, answer.text).toBe(429)
  })

  it('keeps a disabled person out', async () => {
    const person = facts.disabled.replace('staff:', '')
    const token = await vault.staffToken('support', { name: person })
    const answer = await vault.call('GET', `/v1/tokens/${tokenOf('card')}`, { token })
    expect(answer.status).toBe(401)
  })

  it('keeps a request for approval: another person approves it, and it lets the record out', async () => {
    const { approval } = facts.asked.body
    const { caller, reason } = facts.asked
    const officer = await vault.staffToken('privacy-officer', { name: 'Olga' })
    const listed = await vault.call('GET', '/v1/approvals', { token: officer })
    expect(listed.body.approvals).toEqual([expect.objectContaining({ id: approval, record_version: 1 })])
    const own = await vault.staffToken('privacy-officer', { name: caller.toUpperCase() })
    expect((await vault.call('POST', `/v1/approvals/${approval}/approve`, { token: own })).status).toBe(403)
    const reveal = async () =>
      vault.call('POST', `/v1/tokens/${tokenOf('card')}/reveal`, {
        token: await vault.staffToken('investigator', { name: caller }),
        body: { purpose: 'enforce-rights', reason },
      })
    // What was approved before the upgrade has lapsed, without an alarm.
    expect((await reveal()).body).toMatchObject({ code: 'approval-required', approval })
    expect(vault.logLines.join('')).not.toContain('approval-changed')
    const approved = await vault.call('POST', `/v1/approvals/${approval}/approve`, { token: officer })
    expect(approved.status, approved.text).toBe(200)
    const answer = await reveal()
    expect(answer.status, answer.text).toBe(200)
    expect(answer.body.data.number).toBe('4242424242424242')
    expect((await reveal()).status).toBe(403)
  })

  it('has MAC keys of their own, and the one that it had is that of limits alone', async () => {
    const inventory = await vault.strongroom.commands.takeInventory()
    const active = inventory.filter(({ purpose, state }) => purpose.endsWith('-mac') && state === 'active')
    expect(active.map(({ purpose }) => purpose)).toEqual(macPurposes)
    expect(await database.sql('SELECT wrapped FROM key_registry')).toEqual([{ wrapped: null }])
    const rows = await database.sql<{ mac: Buffer }>(
      'SELECT mac FROM clients WHERE mac IS NOT NULL UNION ALL SELECT mac FROM partners UNION ALL SELECT mac FROM role_sets',
    )
    expect(rows.length).toBeGreaterThan(0)
    const accessKey = active.find(({ purpose }) => purpose === 'access-mac')!.id
    expect(new Set(rows.map(({ mac }) => keyIdOf(mac)))).toEqual(new Set([accessKey]))
  })

  it('has its access in a ledger, so that what was in force before the upgrade does not come back either', async () => {
    const subjects = await database.sql<{ subject: string }>('SELECT DISTINCT subject FROM access_ledger')
    const kinds = new Set(subjects.map(({ subject }) => subject.split(' ')[0]))
    expect(kinds).toEqual(new Set(['client', 'partner', 'roles', 'disabled']))
    await database.sql('CREATE TABLE kept_disabled AS SELECT * FROM disabled_staff; DELETE FROM disabled_staff')
    try {
      const token = await vault.staffToken('support', { name: 'mallory q' })
      expect((await vault.call('GET', `/v1/tokens/${tokenOf('card')}`, { token })).status).toBe(401)
    } finally {
      await database.sql('INSERT INTO disabled_staff SELECT * FROM kept_disabled; DROP TABLE kept_disabled')
    }
  })

  it('finds cards by number under the index key that it had, until a rotation has moved them to keys of their own', async () => {
    const find = async () => {
      const answer = await vault.call('POST', '/v1/search', {
        token: await vault.staffToken('billing'),
        body: { by: 'card_number', value: checkout.card.number, purpose: 'process-payment' },
      })
      expect(answer.status, answer.text).toBe(200)
      return answer.body.results.map(({ token }: { token: string }) => token)
    }
    const termsOfCards = async () => {
      const status = await vault.strongroom.commands.keyStatus()
      const keys = status.filter(({ purpose }) => purpose === 'card-index')
      return keys.reduce((sum, { search_terms }) => sum + search_terms!, 0)
    }
    expect(await find()).toContain(tokenOf('card'))
    expect(await termsOfCards()).toBe(0)
    expect(await vault.rotate('index')).toMatchObject({ done: true })
    expect(await find()).toContain(tokenOf('card'))
    const [{ cards } = { cards: 0 }] = await database.sql<{ cards: number }>(
      "SELECT count(*)::integer AS cards FROM records WHERE kind = id_of('kind', 'card') AND erased_at IS NULL",
    )
    expect(await termsOfCards()).toBe(cards)
  })

  it('keeps a person out under every spelling of their name', async () => {
    for (const spelling of ['mallory q', 'MALLORY Q', 'Mallory Ｑ ']) {
      const token = await vault.staffToken('support', { name: spelling })
      expect((await vault.call('GET', `/v1/tokens/${tokenOf('card')}`, { token })).status, spelling).toBe(401)
    }
  })
})
