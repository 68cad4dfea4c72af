import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { seal } from '../../src/keys/sealing/seal.ts'
import { expectRefusal } from '../support/refusal.ts'
import { contact, person } from '../support/samples.ts'
import { type Tampering, tamperWith } from '../support/tamper.ts'
import { TestVault } from '../support/test-vault.ts'
import { readVaultKeys } from '../support/vault-keys.ts'

let vault: TestVault
let tampering: Tampering
let staff: string
let foreign: string
let token: string
let other: string

beforeAll(async () => {
  vault = await TestVault.start()
  tampering = tamperWith(vault.database)
  staff = await vault.staffToken('legal')
  foreign = await vault.staffToken('legal', { site: 'other-shop' })
})
beforeEach(async () => {
  token = (await vault.tokenize({ contact })).contact!.token!
  other = (await vault.tokenize({ contact: { name: 'Mallory', email: 'mallory@evil.example' } })).contact!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const expected = { status: 500, code: 'record-integrity', input: [...Object.values(person), 'mallory'] } as const
const read =
  (of = token, by = staff) =>
  () =>
    vault.call('GET', `/v1/tokens/${of}`, { token: by })
const reveal =
  (of = token, by = staff) =>
  () =>
    vault.call('POST', `/v1/tokens/${of}/reveal`, { token: by, body: { purpose: 'enforce-rights' } })

async function keyIdOf(purpose: string): Promise<string> {
  const [key] = await vault.database.sql<{ id: string }>('SELECT id FROM keys WHERE purpose = $1', [purpose])
  return key!.id
}

describe('between rows', () => {
  it('neither record opens when their parts are exchanged', async () => {
    const [ours, theirs] = await Promise.all([tampering.read(token), tampering.read(other)])
    for (const part of ['display', 'secret'] as const) {
      await tampering.write(token, part, theirs[`${part}_sealed`], theirs[`${part}_key_id`])
      await tampering.write(other, part, ours[`${part}_sealed`], ours[`${part}_key_id`])
    }
    for (const of of [token, other]) {
      await expectRefusal(vault, read(of), expected)
      await expectRefusal(vault, reveal(of), expected)
    }
  })

  it('a copy of a record does not open under another token', async () => {
    const copy = `cont_${'7'.repeat(26)}`
    await vault.database.sql(
      `INSERT INTO readable.records SELECT (jsonb_populate_record(r, jsonb_build_object('token', $2::text))).*
       FROM readable.records r WHERE r.token = $1`,
      [token, copy],
    )
    await expectRefusal(vault, read(copy), expected)
    await expectRefusal(vault, reveal(copy), expected)
  })

  it('a record does not open after its token was changed', async () => {
    const renamed = `cont_${'6'.repeat(26)}`
    await tampering.set(token, 'token', renamed)
    await expectRefusal(vault, read(renamed), expected)
    await expectRefusal(vault, reveal(renamed), expected)
  })
})

describe('between parts', () => {
  it('the secret part does not open as what a masked view shows', async () => {
    const { secret_sealed, secret_key_id } = await tampering.read(token)
    await tampering.write(token, 'display', secret_sealed, secret_key_id)
    await expectRefusal(vault, read(), expected)
  })

  it('the display part does not open as the secret one', async () => {
    const { display_sealed, display_key_id } = await tampering.read(token)
    await tampering.write(token, 'secret', display_sealed, display_key_id)
    await expectRefusal(vault, reveal(), expected)
  })
})

describe('between sites, kinds and versions', () => {
  it('a record that was moved to another site opens for no one', async () => {
    await tampering.set(token, 'site', 'other-shop')
    await expectRefusal(vault, read(token, foreign), expected)
    await expectRefusal(vault, reveal(token, foreign), expected)
    await expectRefusal(vault, read(), { status: 404, code: 'record-not-found' })
  })

  it.each(['card', 'address'])('a contact does not open as %s', async (kind) => {
    await tampering.set(token, 'kind', kind)
    await expectRefusal(vault, read(), expected)
    await expectRefusal(vault, reveal(), expected)
  })

  it('a record does not open as another version', async () => {
    await tampering.set(token, 'version', 2)
    await expectRefusal(vault, read(), expected)
    await expectRefusal(vault, reveal(), expected)
  })
})

describe('between keys', () => {
  it.each(['display', 'index', 'token-signing'])('the secret part does not open under the %s key', async (purpose) => {
    await tampering.set(token, 'secret_key_id', await keyIdOf(purpose))
    await expectRefusal(vault, reveal(), expected)
  })

  it.each([
    ['display', 'secret', () => reveal()],
    ['secret', 'display', () => read()],
  ] as const)('what was sealed with the %s key as the %s part does not open', async (purpose, part, ask) => {
    const key = (await readVaultKeys(vault)).active(purpose)
    const context = { site: 'default', kind: 'contact', token, part, version: 1 }
    const planted = { name: 'Mallory', email: 'mallory@evil.example', shown: {} }
    const bytes = seal(key, context, Buffer.from(JSON.stringify(planted)), 128, randomBytes)
    await tampering.write(token, part, bytes, key.id)
    await expectRefusal(vault, ask(), expected)
  })

  it.each([`key_${'0'.repeat(26)}`, 'nonsense'])('a part does not open under the invalid key %j', async (id) => {
    await tampering.set(token, 'display_key_id', id)
    await expectRefusal(vault, read(), expected)
  })
})

describe('between stored answers', () => {
  it('a replay never shows the answer to another caller’s request', async () => {
    const checkout = await vault.clientToken(['tokenize'])
    const post = (key: string) => () =>
      vault.call('POST', '/v1/tokenize', {
        token: checkout,
        body: { contact: { name: `Name ${key}` } },
        headers: { 'Idempotency-Key': key },
      })
    const first = await post('one')()
    const second = await post('two')()
    const rows = await vault.database.sql<{ key_hash: Buffer; response_sealed: Buffer }>(
      'SELECT * FROM readable.idempotency_keys',
    )
    expect(rows.length).toBe(2)
    for (const [at, { key_hash }] of rows.entries()) {
      const { response_sealed } = rows[1 - at]!
      await vault.database.sql('UPDATE readable.idempotency_keys SET response_sealed = $2 WHERE key_hash = $1', [
        key_hash,
        response_sealed,
      ])
    }
    // What does not open counts as not kept: the request is done again, and the alert says what happened.
    for (const key of ['one', 'two']) {
      const again = await post(key)()
      expect([again.status, again.headers['idempotent-replayed']]).toEqual([201, undefined])
      expect([first, second].map(({ body }) => body.contact.token)).not.toContain(again.body.contact.token)
    }
    expect(vault.logLines.filter((line) => line.includes('"record-integrity"')).length).toBeGreaterThanOrEqual(2)
  })
})
