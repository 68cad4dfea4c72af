import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { card } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** An attacker who can write to the database writes times that no Date has, so that readers fail. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const KEY = { 'Idempotency-Key': 'order-1' }

let vault: TestVault
let token: string
let shop: string
let officer: string
let suspended: string

beforeAll(async () => {
  vault = await TestVault.start()
  const { commands } = vault
  await commands.applyRoles(OPERATOR, roleFile({ careful: conditionalRole({ approval: true }) }))
  shop = await vault.clientToken(['tokenize'], { role: 'checkout' })
  token = (await tokenize()).body.card.token
  officer = await vault.staffToken('privacy-officer')
  suspended = await vault.staffToken('support', { name: 'Sue' })
  await vault.database.sql(`INSERT INTO suspended_callers (caller, role, purpose, suspended_at)
                            VALUES ('staff:sue', 'support', '', now())`)
  await commands.disableStaff(OPERATOR, 'staff:dan')
  await commands.addPartner(OPERATOR, {
    name: 'Carrier',
    country: 'MY',
    contact: 'despatch@carrier.example',
    purposes: ['provide-goods'],
    fields: ['address.country'],
    ends_at: new Date(Date.now() + 86_400_000),
  })
  await vault.call('POST', `/v1/tokens/${token}/reveal`, {
    token: await vault.staffToken('careful'),
    body: { purpose: 'enforce-rights', reason: 'Chargeback' },
  })
  await vault.rotate('data')
})
afterAll(() => vault.stop())

const tokenize = () => vault.call('POST', '/v1/tokenize', { token: shop, body: { card }, headers: KEY })
const statusOf = async (method: 'GET' | 'POST', path: string, as = officer, body?: object) =>
  (await vault.call(method, path, { token: as, body })).status

const codeOfRecord = async () => (await vault.call('GET', `/v1/tokens/${token}`, { token: officer })).body.code

describe.each(["'infinity'", "'-infinity'", "'290000-01-01'", "'4700-01-01 BC'"])('the time %s', (time) => {
  it.each<[string, string[], () => Promise<unknown>, unknown]>([
    // A record is bound to its times: it does not open beside others.
    ['records', ['created_at', 'updated_at'], codeOfRecord, 'record-integrity'],
    ['approvals', ['requested_at'], () => statusOf('GET', '/v1/approvals?state=pending'), 200],
    ['suspended_callers', ['suspended_at'], () => statusOf('GET', `/v1/tokens/${token}`, suspended), 403],
    ['idempotency_keys', ['expires_at'], async () => (await tokenize()).status, 201],
  ])('in %s is read as a time', async (table, columns, ask, expected) => {
    for (const column of columns) await vault.database.sql(`UPDATE ${table} SET ${column} = ${time}`)
    expect(await ask()).toBe(expected)
  })

  it('in what operators look at stops no command', async () => {
    for (const [table, columns] of Object.entries({
      suspended_callers: ['suspended_at'],
      disabled_staff: ['disabled_at'],
      clients: ['created_at'],
      partners: ['created_at', 'ended_at'],
      rotations: ['requested_at', 'begun_at', 'runner_since'],
    })) {
      for (const column of columns) await vault.database.sql(`UPDATE ${table} SET ${column} = ${time}`)
    }
    await vault.database.sql('UPDATE rotations SET finished_at = NULL')
    const { commands } = vault
    const shown = [
      await commands.listSuspended(),
      await commands.listClients(),
      await commands.listPartners(),
      await commands.reviewAccess(OPERATOR),
      await commands.keyStatus(),
    ]
    // As JSON shows them: an invalid time would be null, or throw.
    for (const list of shown) expect(JSON.stringify(list)).toMatch(/275760|-271821|-004699/)
  })
})
