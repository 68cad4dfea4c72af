import { createPublicKey, verify } from 'node:crypto'
import { compactVerify, importSPKI } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { macPurposes } from '../../src/keys/key/key.ts'
import type { RetirementAttestation } from '../../src/keys/lifecycle/retirement-attestation.ts'
import { countReferences, countReferencesOf } from '../../src/keys/rotation/reference-store.ts'
import { referencingTables } from '../../src/vault/referencing-tables.ts'
import { cards, checkout, person } from '../support/samples.ts'
import { expectExactTerms } from '../support/search-terms.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'
import { withVaultKeys } from '../support/vault-keys.ts'

// A rotation waits some seconds for other servers, and several are run in a test.
vi.setConfig({ testTimeout: 90_000 })

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY_MS = 24 * 60 * 60 * 1000

let vault: TestVault
beforeAll(async () => {
  vault = await TestVault.start({ overrides: quickKeys })
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

async function activeKey(purpose: string): Promise<string> {
  const keys = await vault.commands.listKeys()
  return keys.find((key) => key.purpose === purpose && key.state === 'active')!.id
}

const certify = (id: string) => vault.commands.certifyKey(OPERATOR, id)

/** As a person with only the public key does it. */
async function verified({
  certificate,
  public_key,
}: Pick<RetirementAttestation, 'certificate' | 'public_key'>): Promise<unknown> {
  const [header, payload, signature] = certificate.split('.')
  const signed = Buffer.from(`${header}.${payload}`)
  expect(verify(null, signed, createPublicKey(public_key), Buffer.from(signature!, 'base64url'))).toBe(true)
  const { payload: bytes, protectedHeader } = await compactVerify(certificate, await importSPKI(public_key, 'EdDSA'))
  expect(protectedHeader).toMatchObject({ alg: 'EdDSA', kid: expect.stringMatching(/^key_/) })
  return JSON.parse(Buffer.from(bytes).toString('utf8'))
}

describe('the certificate of a key', () => {
  it('is not given while the key is in use, or encrypts anything', async () => {
    const id = await activeKey('secret')
    await expect(certify(id)).rejects.toThrow(/is active/)
    await vault.tokenize(checkout)
    await vault.commands.compromiseKey(OPERATOR, id)
    await expect(certify(id)).rejects.toThrow(/4 in records\.secret/)
    // Counting one key and counting all of them come to the same.
    await withVaultKeys(vault, async ({ database }) => {
      const [at, all] = [new Date(), await countReferences(database, referencingTables, new Date())]
      expect(all.size).toBeGreaterThan(2)
      for (const [key, references] of all)
        expect(await countReferencesOf(database, referencingTables, key, at)).toEqual(references)
    })
    await expect(certify('key_none')).rejects.toThrow(/no key/)
    await vault.rotate()
  })

  it('says what was moved and that nothing is left, and verifies with nothing but the public key', async () => {
    await vault.tokenize(checkout)
    const id = await activeKey('secret')
    const [standing] = await vault.database.sql<{ count: number }>(
      'SELECT count(*)::integer AS count FROM readable.records WHERE secret_key_id = $1',
      [id],
    )
    await vault.rotate()
    // The server's role may do this; what is signed must not come from there.
    await vault.database.sql(
      `UPDATE key_retirements SET moved = 999, event = NULL, empty_at = '2020-01-01' WHERE key_id = $1`,
      [id],
    )
    const certified = await certify(id)
    const [retired] = await vault.events({ type: 'key.retire', subject: id })
    expect(retired).toMatchObject({ outcome: 'success', caller: OPERATOR, count: standing!.count })
    expect(await verified(certified)).toEqual(certified.statement)
    expect(certified.statement).toMatchObject({
      format: 1,
      key: id,
      purpose: 'secret',
      state: 'deactivated',
      destroyed_at: null,
      values_moved: standing!.count,
      event: retired!.id,
      empty_since: retired!.at,
      census: { values: 0 },
    })
    const { created_at, activated_at, retired_at, empty_since, census } = certified.statement
    const times = [created_at, activated_at, retired_at, empty_since, census.at]
    expect(times).toEqual([...times].sort())
    const [event, ...others] = await vault.events({ type: 'key.certify', subject: id })
    expect(others).toEqual([])
    // The log says what verifies it, and that is not a key of the log's own.
    const raw = createPublicKey(certified.public_key).export({ format: 'jwk' }).x!
    expect(event!.public_key).toBe(Buffer.from(raw, 'base64url').toString('base64'))
    const inventory = await vault.commands.takeInventory()
    const signers = inventory.filter((line) => line.public_key === certified.public_key)
    expect(signers.map(({ purpose }) => purpose)).toEqual(['certificate-signing'])

    await vault.commands.destroyKey(OPERATOR, id)
    const after = await certify(id)
    expect(await verified(after)).toMatchObject({ state: 'destroyed', values_moved: standing!.count })
    expect(after.statement.destroyed_at).not.toBeNull()
  })

  it('fails to verify when a character of it is changed, or under another key', async () => {
    const id = await activeKey('index')
    await vault.rotate('index')
    const { certificate, public_key } = await certify(id)
    const [header, payload, signature] = certificate.split('.')
    const forged = Buffer.from(
      Buffer.from(payload!, 'base64url').toString().replace('"values_moved":', '"values_moved":1'),
    )
    const changed = `${header}.${forged.toString('base64url')}.${signature}`
    await expect(compactVerify(changed, await importSPKI(public_key, 'EdDSA'))).rejects.toThrow()
    await vault.rotate('certificate')
    const other = await certify(id)
    expect(other.public_key).not.toBe(public_key)
    await expect(compactVerify(certificate, await importSPKI(other.public_key, 'EdDSA'))).rejects.toThrow()
    await verified(other)
    // A verifier can have the public keys beforehand, also of keys that no longer sign.
    const inventory = await vault.commands.takeInventory()
    const publicKeys = inventory
      .filter(({ purpose }) => purpose === 'certificate-signing')
      .map((line) => line.public_key)
    expect(publicKeys).toEqual([public_key, other.public_key])
    const without = inventory.filter((line) => line.public_key === null).map(({ purpose }) => purpose)
    expect([...new Set(without)]).toEqual(['root', 'display', 'secret', 'index', 'card-index', ...macPurposes])
  })
})

describe('an index key that was rotated', () => {
  it('is needed until the answers that were kept under it expire, and then can be destroyed', async () => {
    const client = await vault.client(['tokenize'])
    const as = async () => (await vault.requestToken(client.id, client.secret)).body.access_token
    const kept = { body: { contact: checkout.contact }, headers: { 'Idempotency-Key': 'kept-under-the-old-key' } }
    const first = await vault.call('POST', '/v1/tokenize', { token: await as(), ...kept })
    const id = await activeKey('index')
    await vault.rotate('index')
    await expect(vault.commands.destroyKey(OPERATOR, id)).rejects.toThrow(/1 in idempotency_keys/)
    expect((await vault.call('POST', '/v1/tokenize', { token: await as(), ...kept })).text).toBe(first.text)
    vault.clockOffsetMs = DAY_MS + 60_000
    try {
      await vault.commands.destroyKey(OPERATOR, id)
      expect((await certify(id)).statement).toMatchObject({ state: 'destroyed', purpose: 'index' })
      const officer = await vault.staffToken('support')
      const body = { by: 'email', value: person.email }
      const found = await vault.call('POST', '/v1/search', { token: officer, body })
      expect(found.body.results.length).toBeGreaterThan(0)
      await expectExactTerms(vault)
    } finally {
      vault.clockOffsetMs = 0
    }
  })
})

describe('a compromised key', () => {
  it.each(['secret', 'index'] as const)(
    'of purpose %s is left at once, without another key being made',
    async (purpose) => {
      const { card } = await vault.tokenize(checkout)
      const id = await activeKey(purpose)
      const exposure = await vault.commands.compromiseKey(OPERATOR, id)
      expect(exposure).toMatchObject({ id, purpose, exposed: expect.any(Number) })
      expect(exposure.exposed).toBeGreaterThan(0)
      const result = await vault.commands.rotateKeys(
        OPERATOR,
        { purposes: [purpose] },
        { onProgress: () => {}, signal: new AbortController().signal, wait: true },
      )
      expect(result).toMatchObject({ done: true, active: { [purpose]: exposure.replaced_by }, retired: [id] })
      const state = purpose === 'index' ? 'destroyed' : 'compromised'
      expect((await certify(id)).statement).toMatchObject({ state, values_moved: result.moved })
      const legal = await vault.staffToken('legal')
      const body = { purpose: 'enforce-rights' }
      const revealed = await vault.call('POST', `/v1/tokens/${card!.token}/reveal`, { token: legal, body })
      expect(revealed.body.data).toMatchObject({ number: cards.visa })
      await expectExactTerms(vault)
    },
  )
})

describe('signing keys', () => {
  it('are rotated: earlier tokens still count, and the new key signs', async () => {
    const before = [await activeKey('token-signing'), await activeKey('audit-signing')]
    const token = await vault.staffToken('auditor')
    expect(await vault.rotate('signing')).toMatchObject({ done: true, moved: 0, retired: [before[0]] })
    expect(await vault.rotate('audit')).toMatchObject({ done: true, moved: 0, retired: [before[1]] })
    expect((await vault.call('GET', '/v1/audit/events', { token })).status).toBe(200)
    const fresh = await vault.staffToken('auditor')
    const { kid } = JSON.parse(Buffer.from(fresh.split('.')[0]!, 'base64url').toString()) as { kid: string }
    expect(kid).toBe(await activeKey('token-signing'))
    expect(kid).not.toBe(before[0])
    const { body } = await vault.call('GET', '/.well-known/jwks.json')
    expect(body.keys.map((key: { kid: string }) => key.kid)).toEqual(expect.arrayContaining([kid, before[0]]))
  })
})
