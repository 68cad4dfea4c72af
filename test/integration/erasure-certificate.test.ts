import { createPublicKey } from 'node:crypto'
import { compactVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hashOfToken } from '../../src/privacy/erasure/ledger-line.ts'
import { contact } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAYS = 30
const DAY = 24 * 60 * 60 * 1000

let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start({ overrides: quickKeys, config: { erasures: { backupDays: DAYS } } })
}, 60_000)
afterAll(() => vault.stop())

const store = async () => (await vault.tokenize({ contact })).contact!.token!

async function erased(): Promise<string> {
  const token = await store()
  const officer = await vault.staffToken('privacy-officer')
  expect((await vault.call('DELETE', `/v1/tokens/${token}`, { token: officer })).status).toBe(204)
  return token
}

const certify = (token: string) => vault.commands.certifyErasure(OPERATOR, token)

describe('the certificate of an erasure', () => {
  it('names no day while a data key of the time still protects, and then the day when backups are gone', async () => {
    const token = await erased()
    const early = await certify(token)
    expect(early.statement).toMatchObject({ token, kind: 'contact', reason: 'request', unreadable_after: null })
    const inUse = early.statement.keys.map(({ purpose, retired_at }) => [purpose, retired_at])
    expect(inUse.toSorted()).toEqual([
      ['display', null],
      ['secret', null],
    ])

    await vault.rotate('data')
    const { statement, certificate, public_key } = await certify(token)
    const retired = statement.keys.map(({ retired_at }) => Date.parse(retired_at!))
    expect(statement.unreadable_after).toBe(new Date(Math.max(...retired) + DAYS * DAY).toISOString())
    expect(statement.token_sha256).toBe(hashOfToken(token).toString('hex'))
    const [event] = await vault.events({ type: 'record.erase', token })
    expect(statement.event).toBe(event!.id)

    // A stranger verifies it with the key alone.
    const { payload, protectedHeader } = await compactVerify(certificate, createPublicKey(public_key))
    expect(protectedHeader).toMatchObject({ alg: 'EdDSA', typ: 'strongroom-erasure-certificate' })
    expect(JSON.parse(new TextDecoder().decode(payload))).toEqual(statement)
    expect(await vault.events({ type: 'erasure.certify', token })).toHaveLength(2)
  })

  it('leaves out keys that were made after the erasure, or retired before the record was stored', async () => {
    const token = await erased()
    const { statement } = await certify(token)
    const before = statement.keys.map(({ id }) => id)
    await vault.rotate('data')
    expect((await certify(token)).statement.keys.map(({ id }) => id)).toEqual(before)
    expect((await certify(await erased())).statement.keys.map(({ id }) => id)).not.toEqual(before)
  })

  it('is made for nothing that is not erased', async () => {
    await expect(certify('no token')).rejects.toThrow('this is not a token')
    await expect(certify(`card_0${'a'.repeat(25)}`)).rejects.toThrow('there is no such record')
    await expect(certify(await store())).rejects.toThrow('the record is not erased')
    const held = await store()
    const reviewAt = new Date(Date.now() + DAY)
    await vault.commands.addHold(OPERATOR, { token: held, purpose: undefined, reason: 'Case 7', reviewAt })
    const officer = await vault.staffToken('privacy-officer')
    expect((await vault.call('DELETE', `/v1/tokens/${held}`, { token: officer })).status).toBe(409)
    await expect(certify(held)).rejects.toThrow('postponed or under way')
  })

  it('names the day by the event, whatever day the row of the record says', async () => {
    const token = await erased()
    await vault.rotate('data')
    const { statement } = await certify(token)
    await vault.database.sql(
      `UPDATE records SET erased_at = erased_at - interval '1 year', created_at = created_at + interval '1 year'
       WHERE token = id_uuid($1)`,
      [token],
    )
    expect((await certify(token)).statement).toEqual(statement)
    await vault.database.sql(
      `UPDATE records SET erased_at = erased_at + interval '1 year', created_at = created_at - interval '1 year'
       WHERE token = id_uuid($1)`,
      [token],
    )
  })

  it('is refused where something of the record was put back, or its line was changed', async () => {
    const token = await erased()
    await vault.database.sql("UPDATE records SET terms = '\\x00' WHERE token = id_uuid($1)", [token])
    await expect(certify(token)).rejects.toThrow('something of the record is left')
    await vault.database.sql("UPDATE records SET terms = '' WHERE token = id_uuid($1)", [token])
    await vault.database.sql(
      `UPDATE erasures SET line = replace(line, 'request', 'retention') WHERE token = id_uuid($1)`,
      [token],
    )
    await expect(certify(token)).rejects.toThrow('is not what the vault wrote')
  })
})
