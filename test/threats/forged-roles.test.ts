import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { encodeRoleFile } from '../../src/access/policy/role-set.ts'
import { expectProblem } from '../support/problems.ts'
import { roleFile } from '../support/role-files.ts'
import { checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attack 53: an attacker who can write to the database gives their role more than it has. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const seesCards = roleFile({
  support: {
    scopes: ['token:read', 'card:reveal', 'address:reveal'],
    grants: [{ kind: 'card', view: 'full', purposes: ['respond-to-query'] }],
    changes: [],
  },
})
const purpose = 'respond-to-query'

let vault: TestVault
let parts: Record<string, Record<string, string>>
let support: string
let checkoutToken: string

beforeEach(async () => {
  vault = await TestVault.start()
  parts = await vault.tokenize(checkout)
  support = await vault.staffToken('support')
  checkoutToken = await vault.clientToken(['tokenize'])
})
afterEach(async () => {
  await vault.checkInvariants()
  await vault.stop()
})

const reveal = (on: TestVault, part = 'card') =>
  on.call('POST', `/v1/tokens/${parts[part]!.token}/reveal`, { token: support, body: { purpose } })
const forge = (revision: number, mac = "decode(repeat('00', 32), 'hex')") =>
  vault.database.sql(`INSERT INTO role_sets VALUES ($1, $2, ${mac}, now())`, [revision, encodeRoleFile(seesCards)])
const alerts = (on: TestVault) =>
  on.logLines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ alert }) => alert === 'roles-changed')

/** No role grants anything, on this server; callers without a role continue. */
async function expectNothingGranted(on: TestVault): Promise<void> {
  for (const part of ['card', 'shipping_address'])
    expectProblem(await reveal(on, part), 403, part === 'card' ? 'scope-missing' : 'purpose-not-permitted')
  const read = await on.call('GET', `/v1/tokens/${parts.card!.token}`, { token: support })
  expectProblem(read, 403, 'scope-missing')
  const stored = await on.call('POST', '/v1/tokenize', { token: checkoutToken, body: checkout })
  expect(stored.status).toBe(201)
  await vi.waitUntil(() => alerts(on).length > 0)
  expect(alerts(on)).toHaveLength(1)
}

it('a row without the right MAC grants nothing, on a running server and on one that starts, and is one alert', async () => {
  expect((await reveal(vault, 'shipping_address')).status).toBe(200)
  await forge(1)
  await expectNothingGranted(vault)
  const started = await TestVault.start({ sharedDatabase: vault.database })
  await expectNothingGranted(started)
  expect(await started.metrics.text()).toMatchObject({
    body: expect.stringContaining('strongroom_alerts_total{alert="roles-changed"} 1'),
  })
  await started.stop()
})

describe.each([
  ['the roles were edited', 'UPDATE role_sets SET roles = $1 WHERE revision = 1'],
  [
    'the MAC was edited',
    "UPDATE role_sets SET mac = set_byte(mac, 0, get_byte(mac, 0) # 1) WHERE revision = 1 AND $1 <> ''",
  ],
  ['the MAC is shorter', "UPDATE role_sets SET mac = '\\x00' WHERE revision = 1 AND $1 <> ''"],
  ['it was given another number', "UPDATE role_sets SET revision = 2 WHERE revision = 1 AND $1 <> ''"],
  [
    'it was copied to another number',
    "INSERT INTO role_sets SELECT 2, roles, mac, now() FROM role_sets WHERE $1 <> ''",
  ],
])('a row of the vault of which %s', (_name, sql) => {
  it('grants nothing after a restart', async () => {
    await vault.commands.applyRoles(OPERATOR, roleFile({ marketing: undefined }))
    await vault.database.sql(sql, [encodeRoleFile(seesCards)])
    const started = await TestVault.start({ sharedDatabase: vault.database })
    await expectNothingGranted(started)
    await started.stop()
  })
})

it('a set under a removed one grants nothing on a running server', async () => {
  await vault.commands.applyRoles(OPERATOR, seesCards)
  await vault.commands.applyRoles(OPERATOR, roleFile({ marketing: undefined }))
  expect((await reveal(vault, 'shipping_address')).status).toBe(200)
  await vault.database.sql('DELETE FROM role_sets WHERE revision = 2')
  await expectNothingGranted(vault)
})

it('ends when an operator applies a set of their own; export refuses to show a forged one', async () => {
  await forge(1)
  await expectNothingGranted(vault)
  expect((await vault.commands.readRoles()).distrusted).toBe(true)
  await expect(vault.staffToken('support')).rejects.toThrow(/changed outside the vault/)
  await vault.commands.applyRoles(OPERATOR, roleFile({}))
  expect((await reveal(vault, 'shipping_address')).status).toBe(200)
  expectProblem(await reveal(vault), 403, 'scope-missing')
})
