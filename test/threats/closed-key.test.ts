import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { keyedHash } from '../../src/keys/key/keyed-hash.ts'
import { termMac } from '../../src/records/record/term-mac.ts'
import type { Token } from '../../src/records/record/token.ts'
import { forgetMarks } from '../support/forget-marks.ts'
import { expectRefusal } from '../support/refusal.ts'
import { contact, person } from '../support/samples.ts'
import { type Tampering, tamperWith } from '../support/tamper.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'
import { readVaultKeys } from '../support/vault-keys.ts'

vi.setConfig({ testTimeout: 60_000 })

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const REASON = 'one contact of the backup of Monday, CASE-7'

let vault: TestVault
let tampering: Tampering
let staff: string
let token: string

beforeAll(async () => {
  vault = await TestVault.start({ overrides: quickKeys })
  tampering = tamperWith(vault.database)
  staff = await vault.staffToken('legal')
  token = (await vault.tokenize({ contact })).contact!.token!
})
afterAll(() => vault.stop())

const expected = { status: 500, code: 'record-integrity', input: Object.values(person) } as const
const reveal = () =>
  vault.call('POST', `/v1/tokens/${token}/reveal`, { token: staff, body: { purpose: 'enforce-rights' } })

async function find(email: string): Promise<string[]> {
  const support = await vault.staffToken('support')
  const answer = await vault.call('POST', '/v1/search', { token: support, body: { by: 'email', value: email } })
  expect(answer.status, answer.text).toBe(200)
  return answer.body.results.map((record: { token: string }) => record.token)
}

async function activeKey(purpose: string): Promise<string> {
  const keys = await vault.commands.listKeys()
  return keys.find((key) => key.purpose === purpose && key.state === 'active')!.id
}

async function isClosed(id: string): Promise<boolean> {
  const status = (await vault.commands.keyStatus()).find((key) => key.id === id)!
  const line = (await vault.commands.takeInventory()).find((key) => key.id === id)!
  expect(status.closed).toBe(line.closed)
  return line.closed
}

const reopen = (id: string) => vault.commands.reopenKey(OPERATOR, id, REASON)

describe('a leaked key that was emptied', () => {
  it('opens nothing that is planted under it, until an operator lets it, and is closed again', async () => {
    const id = await activeKey('secret')
    const stolen = await tampering.read(token)
    await vault.commands.compromiseKey(OPERATOR, id)
    expect((await reveal()).status).toBe(200)
    expect(await isClosed(id)).toBe(false)
    await vault.rotate()
    expect(await isClosed(id)).toBe(true)
    expect((await reveal()).status).toBe(200)

    await tampering.write(token, 'secret', stolen.secret_sealed, id)
    await expectRefusal(vault, reveal, expected)
    // What a rotation cannot open it does not launder either.
    expect(await vault.rotate('data')).toMatchObject({ done: false, damaged: [{ column: 'records.secret', token }] })

    await reopen(id)
    expect(await isClosed(id)).toBe(false)
    expect((await reveal()).status).toBe(200)
    expect(await vault.rotate('data')).toMatchObject({ done: true, retired: expect.arrayContaining([id]) })
    expect((await reveal()).status).toBe(200)
    expect(await isClosed(id)).toBe(true)
    expect(await vault.events({ type: 'key.close', subject: id })).toHaveLength(2)
    expect(await vault.events({ type: 'key.reopen', subject: id })).toEqual([
      expect.objectContaining({ caller: OPERATOR, outcome: 'success', reason: REASON }),
    ])
  })

  it('is closed in spite of planted values that do not open, and opens no intact value that is planted afterwards', async () => {
    const stolen = await tampering.read(token)
    const id = stolen.secret_key_id
    const planted = (await vault.tokenize({ contact })).contact!.token!
    await vault.commands.compromiseKey(OPERATOR, id)
    await tampering.flip(planted, 'secret', -1)
    const damaged = [{ column: 'records.secret', token: planted }]
    expect(await vault.rotate('data')).toMatchObject({ done: false, remaining: 1, damaged })
    expect(await isClosed(id)).toBe(true)
    // It is closed, and not said to be empty.
    expect(await vault.events({ type: 'key.retire', subject: id })).toEqual([])
    expect(await vault.events({ type: 'key.close', subject: id })).toHaveLength(1)
    const moved = await tampering.read(token)
    await tampering.write(token, 'secret', stolen.secret_sealed, id)
    await expectRefusal(vault, reveal, expected)
    // It stays a finding, and is not closed twice.
    expect(await vault.rotate('data')).toMatchObject({ done: false, remaining: 2 })
    expect(await vault.events({ type: 'key.close', subject: id })).toHaveLength(1)
    await tampering.write(token, 'secret', moved.secret_sealed, moved.secret_key_id)
    const officer = await vault.staffToken('privacy-officer')
    expect((await vault.call('DELETE', `/v1/tokens/${planted}`, { token: officer })).status).toBe(204)
  })

  it('finds nothing by a term that is planted under it', async () => {
    const id = await activeKey('index')
    const key = (await readVaultKeys(vault)).find(id)!
    await vault.commands.compromiseKey(OPERATOR, id)
    await vault.rotate('index')
    expect(await isClosed(id)).toBe(true)
    const email = 'mallory@evil.example'
    const hash = keyedHash(key, 'search', ['default', 'email', email])
    const mac = termMac(key, { hash, type: 'email' }, { site: 'default', token: token as Token, version: 1 })
    const plant = 'INSERT INTO readable.search_terms (term, token, key_id, mac) VALUES ($1, $2, $3, $4)'
    await vault.database.sql('SELECT readable.make_room_for_terms($1)', [id])
    await vault.database.sql(plant, [hash, token, id, mac])
    expect(await find(email)).toEqual([])
    await reopen(id)
    expect(await find(email)).toEqual([token])
    // The record does not remember it, so the next rotation removes it.
    expect(await vault.rotate('index')).toMatchObject({ done: true, orphans: 1 })
    expect(await find(email)).toEqual([])
    expect(await find(contact.email)).toEqual([token])
  })

  it('is closed with its certificate, when a version before has emptied it', async () => {
    const id = await activeKey('secret')
    await vault.rotate()
    await forgetMarks(vault)
    expect(await isClosed(id)).toBe(false)
    await vault.commands.certifyKey(OPERATOR, id)
    expect(await isClosed(id)).toBe(true)
  })

  it('is not reopened when it is not closed, not there or destroyed', async () => {
    await expect(reopen(await activeKey('secret'))).rejects.toThrow(/is not closed/)
    await expect(reopen('key_none')).rejects.toThrow(/no key/)
    const id = await activeKey('display')
    await vault.rotate()
    await vault.commands.destroyKey(OPERATOR, id)
    await expect(reopen(id)).rejects.toThrow(/is destroyed/)
  })
})
