import { hash } from 'node:crypto'
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { RecordFinding } from '../../src/records/verification/record-finding.ts'
import { publishPolicy, purposesWithout, shippedPolicy } from '../support/policies.ts'
import { expectProblem, pointersOf } from '../support/problems.ts'
import { checkout, contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
let second: TestVault
let shop: string
let marketing: string
let nth = 0

beforeAll(async () => {
  vault = await TestVault.start()
  second = await TestVault.start({ sharedDatabase: vault.database })
  shop = await vault.clientToken(['tokenize', 'consent:write', 'token:read'])
  marketing = await vault.staffToken('marketing')
  await publishPolicy(vault, { version: 'v1', purposes: purposesWithout('other-consented') })
  await publishPolicy(vault, { version: 'v2' })
})
afterEach(async () => {
  await vault.checkInvariants()
  await second.checkInvariants()
})
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const change = (body: object, on = vault, headers = {}) =>
  on.call('POST', '/v1/customers/consents', { token: shop, body, headers })
const mail = (token: string, on = vault) =>
  on.call('POST', `/v1/tokens/${token}/reveal`, { token: marketing, body: { purpose: 'marketing' } })
const read = (token: string) => vault.call('GET', `/v1/tokens/${token}`, { token: shop })

/** A checkout of a customer of its own. */
async function order(changes: object = {}) {
  const customer = `cus_${++nth}_consents`
  const body = { ...checkout, customer, consents: [], policy_version: 'v1', ...changes }
  const parts = await vault.tokenize(body)
  return { customer, card: parts.card!.token!, contact: parts.contact!.token!, address: parts.billing_address!.token! }
}

async function openReceipt(jws: string, on = vault) {
  const { body } = await on.call('GET', '/v1/privacy-policy/receipt-keys')
  const { payload, protectedHeader } = await compactVerify(jws, createLocalJWKSet(body as JSONWebKeySet))
  expect(protectedHeader).toMatchObject({ alg: 'EdDSA', typ: 'consent-receipt+jws' })
  return JSON.parse(Buffer.from(payload).toString('utf8'))
}

describe('200', () => {
  it('a consent that is given holds from the next request on, on every server, and so does its end', async () => {
    const { customer, contact: token } = await order()
    expectProblem(await mail(token), 403, 'consent-missing')
    const given = await change({ customer, give: ['marketing'] })
    expect(given.body).toMatchObject({ customer, records: 4, changed: 4, erased: 0, consents: ['marketing'] })
    for (const on of [vault, second]) expect((await mail(token, on)).status).toBe(200)
    const withdrawn = await change({ customer, withdraw: ['marketing'] }, second)
    expect(withdrawn.body).toMatchObject({ records: 4, changed: 4, erased: 0, consents: [] })
    for (const on of [vault, second]) expectProblem(await mail(token, on), 403, 'consent-missing')
    expect((await read(token)).body).toMatchObject({ version: 3, policy_version: 'v1', customer })
  })

  it('leaves an event for each record, with the version that it made, and one for the receipt', async () => {
    const { customer, contact: token } = await order()
    const { body } = await change({ customer, give: ['marketing', 'other-consented'] })
    await change({ customer, give: ['research'], withdraw: ['marketing'] })
    const about = { token, kind: 'contact', site: 'default', policy_version: 'v1' }
    expect(await vault.events({ type: 'consent.give', token })).toMatchObject([
      { ...about, fields: ['marketing', 'other-consented'], record_version: 2 },
      { ...about, fields: ['research'], record_version: 3 },
    ])
    expect(await vault.events({ type: 'consent.withdraw', token })).toMatchObject([
      { ...about, fields: ['marketing'], record_version: 3 },
    ])
    const [receipt] = await vault.events({ type: 'consent.receipt', id: body.event })
    expect(receipt).toMatchObject({ count: 4, tokens: expect.arrayContaining([token]) })
  })

  it('the same change again changes nothing', async () => {
    const { customer, contact: token } = await order()
    await change({ customer, give: ['marketing'] })
    const again = await change({ customer, give: ['marketing'], withdraw: ['research'] })
    expect(again.body).toMatchObject({ records: 4, changed: 0, consents: ['marketing'] })
    expect((await read(token)).body.version).toBe(2)
  })

  it('is repeated for an Idempotency-Key, and does not give again what was withdrawn meanwhile', async () => {
    const { customer, contact: token } = await order()
    const key = { 'idempotency-key': `give-${customer}` }
    const first = await change({ customer, give: ['marketing'] }, vault, key)
    await change({ customer, withdraw: ['marketing'] })
    const repeated = await change({ customer, give: ['marketing'] }, second, key)
    expect(repeated.headers['idempotent-replayed']).toBe('true')
    expect(repeated.body).toEqual(first.body)
    expectProblem(await mail(token), 403, 'consent-missing')
    expect(await vault.events({ type: 'request.replay', replay_of: first.body.event })).toHaveLength(1)
  })

  it('a purpose of a later version needs that version, which a consent may bring', async () => {
    const { customer, contact: token } = await order({ consents: ['other-consented'] })
    const purpose = 'other-consented'
    const officer = await vault.staffToken('support')
    const reveal = () => vault.call('POST', `/v1/tokens/${token}/reveal`, { token: officer, body: { purpose } })
    // No built-in role has the purpose: what its grants say comes first.
    expectProblem(await reveal(), 403, 'purpose-not-permitted')
    await change({ customer, policy_version: 'v2', give: [purpose] })
    expect((await read(token)).body).toMatchObject({ policy_version: 'v2', version: 2 })
    expect(await vault.events({ type: 'consent.give', token })).toMatchObject([{ policy_version: 'v2' }])
  })

  it('takes a name that every object seems to have as any other', async () => {
    const names = ['constructor', 'hasOwnProperty', 'toString']
    const { customer } = await order({ consents: ['constructor'] })
    const given = await change({ customer, give: names })
    expect([given.status, given.body.consents]).toEqual([200, names])
    const { pii_processing } = await openReceipt(given.body.receipt)
    expect(pii_processing.map(({ purpose }: { purpose: string }) => purpose)).toEqual(names)
    expect((await change({ customer, withdraw: names })).body.consents).toEqual([])
  })

  it('is for the records of the caller’s site, and for none of a customer that it does not know', async () => {
    const { customer } = await order()
    await vault.tokenize({ contact, customer }, { site: 'berlin' })
    expect((await change({ customer, give: ['marketing'] })).body.records).toBe(4)
    const unknown = await change({ customer: 'cus_unknown', give: ['marketing'] })
    expect(unknown.body).toMatchObject({ records: 0, changed: 0, consents: [] })
  })
})

it('a customer with very many records holds up no release of another one', async () => {
  const customer = 'cus_guest'
  const body = { items: Array.from({ length: 50 }, () => ({ contact, customer, policy_version: 'v1' })) }
  const tokens: string[] = []
  while (tokens.length < 250) {
    const { results } = (await vault.call('POST', '/v1/tokenize/batch', { token: shop, body })).body
    tokens.push(...results.map((one: { contact: { token: string } }) => one.contact.token))
  }
  const last = tokens.toSorted().at(-1)!
  // It is held up at the last record: those of the transactions before are changed and free by then.
  const release = await vault.database.hold(`SELECT hold_to_change(id_uuid('${last}'))`)
  const given = change({ customer, give: ['marketing'] })
  await vi.waitUntil(async () => (await vault.database.waiting()) > 0, 10_000)
  const locks = await vault.database.sql<{ count: number }>(
    `SELECT count(*)::integer AS count FROM pg_locks WHERE locktype = 'advisory' AND classid = 1937011248 AND granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
  )
  await release()
  expect(locks[0]!.count).toBeLessThanOrEqual(51)
  expect((await given).body).toMatchObject({ records: 250, changed: 250, consents: ['marketing'] })
  expect((await mail(last)).status).toBe(200)
  expect((await change({ customer, withdraw: ['marketing'] })).body).toMatchObject({ records: 250, changed: 250 })
  expectProblem(await mail(last), 403, 'consent-missing')
})

describe('the consent to keep a card', () => {
  it('withdrawn erases the cards that were kept under it, and leaves the addresses', async () => {
    const { customer, card, address, contact: token } = await order({ consents: ['store-card', 'marketing'] })
    const { body } = await change({ customer, withdraw: ['store-card'] })
    expect(body).toMatchObject({ records: 3, changed: 4, erased: 1, consents: ['marketing'] })
    expectProblem(await read(card), 410, 'record-gone')
    expect((await read(address)).status).toBe(200)
    expect((await mail(token)).status).toBe(200)
    expect(await vault.events({ type: 'record.erase', token: card })).toHaveLength(1)
    const reasons = (await vault.events({ type: 'record.erase-intent', token: card })).map(({ reason }) => reason)
    expect(reasons).toEqual(['consent-withdrawn'])
  })

  it('withdrawn erases a card also when it was given while the withdrawal waited', async () => {
    const { customer, card } = await order()
    const release = await vault.database.hold(`SELECT hold_to_change(id_uuid('${card}'))`)
    const given = change({ customer, give: ['store-card'] })
    await vi.waitUntil(async () => (await vault.database.waiting()) === 1, 10_000)
    const withdrawn = change({ customer, withdraw: ['store-card'] })
    await vi.waitUntil(async () => (await vault.database.waiting()) === 2, 10_000)
    await release()
    expect((await given).body).toMatchObject({ changed: 4, erased: 0 })
    expect((await withdrawn).body).toMatchObject({ changed: 4, erased: 1 })
    expectProblem(await read(card), 410, 'record-gone')
  })

  it('leaves a card that never had it: its order still needs it', async () => {
    const { customer, card } = await order()
    expect((await change({ customer, withdraw: ['store-card'] })).body.erased).toBe(0)
    expect((await read(card)).status).toBe(200)
  })
})

describe('the receipt', () => {
  it('says in the structure of ISO/IEC TS 27560 what was agreed to, and verifies offline', async () => {
    const { customer } = await order({ consents: ['store-card'] })
    const { body } = await change({ customer, give: ['marketing'] })
    const receipt = await openReceipt(body.receipt, second)
    expect(receipt).toMatchObject({
      schema_version: 'ISO/IEC TS 27560:2023',
      receipt_id: body.event,
      pii_principal_id: customer,
      party_identification: [{ party_role: 'dpv:DataController', party_name: shippedPolicy.controller.name }],
    })
    const wording = hash('sha256', shippedPolicy.purposes.marketing!.description!, 'hex')
    expect(receipt.events).toMatchObject([
      { event_state: 'consent given', consent: 'store-card', collection_method: 'checkout' },
      { event_state: 'consent given', consent: 'marketing', collection_method: 'api', wording_sha256: wording },
    ])
    const of = receipt.pii_processing.find(({ purpose }: { purpose: string }) => purpose === 'marketing')
    expect(of).toMatchObject({ lawful_basis: 'eu-gdpr:A6-1-a', purpose_type: 'dpv:Marketing' })
    const { body: policy } = await vault.call('GET', `/v1/privacy-policy/v1`)
    expect(of.privacy_notice).toMatch(/\/v1\/privacy-policy\/v1$/)
    expect(of.privacy_notice_sha256).toBe(policy.sha256)
    const after = await change({ customer, withdraw: ['marketing'] })
    expect((await openReceipt(after.body.receipt)).events).toMatchObject([
      { event_state: 'consent given', consent: 'store-card' },
      { event_state: 'consent withdrawn', consent: 'marketing' },
    ])
  })

  it('names the wording that a shop showed instead', async () => {
    const { customer } = await order()
    const wording = hash('sha256', 'Yes, write to me!', 'hex')
    const { body } = await change({ customer, give: [{ consent: 'marketing', wording }] })
    expect((await openReceipt(body.receipt)).events).toMatchObject([{ wording_sha256: wording }])
    expect((await change({ customer, give: [{ consent: 'marketing', wording }] })).body.changed).toBe(0)
    expect((await change({ customer, give: ['marketing'] })).body.changed).toBe(0)
  })

  it('does not verify once a byte of it is another', async () => {
    const { customer } = await order()
    const { receipt } = (await change({ customer, give: ['marketing'] })).body as { receipt: string }
    const [header, payload, signature] = receipt.split('.') as [string, string, string]
    const changed = Buffer.from(Buffer.from(payload, 'base64url').toString().replace('marketing', 'research'))
    await expect(openReceipt(`${header}.${changed.toString('base64url')}.${signature}`)).rejects.toThrow()
  })
})

it('403 without the scope, 422 for what cannot be done', async () => {
  const reader = await vault.clientToken(['token:read'])
  const body = { customer: 'cus_1', give: ['marketing'] }
  expectProblem(await vault.call('POST', '/v1/customers/consents', { token: reader, body }), 403, 'scope-missing')
  expectProblem(await change({ customer: 'cus_1' }), 422, 'invalid-input')
  const both = await change({ customer: 'cus_1', give: ['a', 'marketing'], withdraw: ['marketing'] })
  expectProblem(both, 422, 'invalid-input')
  expect(pointersOf(both)).toEqual(['#/give/1'])
  expectProblem(await change({ ...body, policy_version: 'v9' }), 422, 'unknown-policy-version')
})

it('everything that was changed verifies, and a record whose consents were edited is found', async () => {
  const { customer, contact: token } = await order()
  await change({ customer, policy_version: 'v2', give: ['marketing'] })
  expect(await verify()).toEqual([])
  await change({ customer, give: ['research'], withdraw: ['marketing'] })
  expect(await verify()).toEqual([])
  await vault.database.sql(
    `UPDATE records SET consents = (SELECT id FROM dictionary WHERE sort = 'consents' AND name = 'marketing')
     WHERE token = id_uuid($1)`,
    [token],
  )
  expectProblem(await mail(token), 500, 'record-integrity')
  expect(await verify()).toContainEqual(expect.objectContaining({ code: 'not-opened', token }))
})

async function verify() {
  const findings: RecordFinding[] = []
  const control = { onProgress: () => {}, onFinding: (finding: RecordFinding) => void findings.push(finding) }
  await vault.commands.verifyRecords({ id: 'operator:test', kind: 'operator' }, control)
  return findings
}
