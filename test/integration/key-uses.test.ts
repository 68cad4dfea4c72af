import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { KeyPurpose } from '../../src/keys/key/key.ts'
import { contact } from '../support/samples.ts'
import { steadyKeys, TestVault } from '../support/test-vault.ts'

/** What each process holds of each key. */
const RESERVE = 65_536

let vault: TestVault
let checkout: string
const others: TestVault[] = []

beforeEach(async () => {
  vault = await TestVault.start({ overrides: steadyKeys })
  checkout = await vault.clientToken(['tokenize'])
})
afterEach(async () => {
  for (const other of others.splice(0)) await other.stop()
  await vault.checkInvariants()
  await vault.stop()
})

async function another(): Promise<TestVault> {
  const other = await TestVault.start({ sharedDatabase: vault.database, overrides: steadyKeys })
  others.push(other)
  return other
}

async function tokenizeContacts(count: number, on = vault): Promise<void> {
  const body = { items: Array.from({ length: count }, () => ({ contact })) }
  expect((await on.call('POST', '/v1/tokenize/batch', { token: checkout, body })).status).toBe(200)
}

async function usesOf(purpose: KeyPurpose): Promise<{ uses: number; atMost: number }> {
  const [row] = await vault.database.sql<{ uses: string; reserved: string }>(
    'SELECT uses, reserved FROM key_uses JOIN keys ON id = key_id WHERE purpose = $1',
    [purpose],
  )
  return { uses: Number(row!.uses), atMost: Number(row!.uses) + Number(row!.reserved) }
}

const reported = (purpose: KeyPurpose, uses: number) => vi.waitUntil(async () => (await usesOf(purpose)).uses === uses)

it('counts every value that a key seals, signs or hashes, exactly, over several servers and restarts', async () => {
  const second = await another()
  await tokenizeContacts(40)
  await tokenizeContacts(25, second)
  await reported('secret', 65)
  await reported('display', 65)
  // A contact is found by its email address and its phone number.
  await reported('index', 130)
  await reported('token-signing', 1)
  await (await another()).stop()
  others.pop()
  const third = await another()
  await tokenizeContacts(1, third)
  await reported('secret', 66)
  // Asked, the servers report at once.
  await tokenizeContacts(1)
  const line = (await vault.commands.takeInventory()).find(({ purpose }) => purpose === 'secret')
  expect(line).toMatchObject({ uses: 67, references: 67, uses_limit: 2 ** 31 })
})

it('a count that is put back or removed raises an alert that names it, and continues from its former value', async () => {
  await tokenizeContacts(3)
  await reported('secret', 3)
  // The server must have seen that count; the first look may be one that began before.
  for (let look = 0; look < 2; look++) await vault.checkReady()
  const [{ id } = { id: '' }] = await vault.database.sql<{ id: string }>("SELECT id FROM keys WHERE purpose = 'secret'")
  await vault.database.sql("UPDATE key_uses SET uses = 0 FROM keys WHERE id = key_id AND purpose = 'secret'")
  const alerts = () => vault.logLines.filter((line) => line.includes('"alert":"key-registry-changed"'))
  await expect.poll(alerts).toEqual([expect.stringContaining(`${id} in \\"key_uses\\" was put back from 3`)])
  await tokenizeContacts(1)
  await reported('secret', 4)

  await vault.database.sql('DELETE FROM key_uses WHERE key_id = $1', [id])
  const second = await another()
  const body = { contact }
  // A machine that is busy may be sealed for a moment before.
  const code = async () => (await second.call('POST', '/v1/tokenize', { token: checkout, body })).body.code
  await expect.poll(code).toBe('key-expired')
  expect(second.logLines.join('')).toContain(`${id} in \\"key_uses\\" is missing`)
  await vault.database.sql('INSERT INTO key_uses (key_id) VALUES ($1)', [id])
  expect(alerts().length).toBeLessThanOrEqual(3)
})

it('looking up costs no use', async () => {
  await tokenizeContacts(1)
  await reported('index', 2)
  const support = await vault.staffToken('support')
  const body = { by: 'email', value: contact.email }
  for (let at = 0; at < 3; at++) await vault.call('POST', '/v1/search', { token: support, body })
  await reported('token-signing', 2)
  expect((await usesOf('index')).uses).toBe(2)
})

it('counts what a server may have used without reporting it, and gives it back when the server stops', async () => {
  const second = await another()
  expect((await usesOf('secret')).atMost).toBe(2 * RESERVE)
  await tokenizeContacts(10, second)
  expect((await usesOf('secret')).atMost).toBeGreaterThanOrEqual(2 * RESERVE)
  await others.pop()!.stop()
  expect(await usesOf('secret')).toEqual({ uses: 10, atMost: 10 + RESERVE })
})
