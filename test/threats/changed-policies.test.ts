import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { adoptPolicy, policyFile, publishPolicy, purposesWithout } from '../support/policies.ts'
import { expectProblem } from '../support/problems.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attack 36: an attacker who can write to the database has a policy say more than the shoppers were told. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const purpose = 'enforce-rights'
const more = policyFile({ version: 'silent' })

let vault: TestVault
let shop: string
let fraud: string
/** Under a version that does not notify the purpose, under one that does, and under none. */
let silent: string
let told: string
let unversioned: string

beforeAll(async () => {
  vault = await TestVault.start()
  shop = await vault.clientToken(['tokenize'])
  fraud = await vault.staffToken('fraud')
  unversioned = (await vault.tokenize({ contact })).contact!.token!
  await publishPolicy(vault, { version: 'silent', purposes: purposesWithout(purpose) })
  await publishPolicy(vault, { version: 'told' })
  await adoptPolicy(vault, 'silent')
  silent = (await vault.tokenize({ contact, policy_version: 'silent' })).contact!.token!
  told = (await vault.tokenize({ contact, policy_version: 'told' })).contact!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const sql = (text: string, values: unknown[] = []) => vault.database.sql(text, values)
const reveal = (token: string, on = vault) =>
  on.call('POST', `/v1/tokens/${token}/reveal`, { token: fraud, body: { purpose } })
const alerts = (on: TestVault) =>
  on.logLines.map((line) => JSON.parse(line)).filter(({ alert }) => alert === 'policies-changed')

/** Remembers all rows; what is answered puts them back. */
async function keepRows(): Promise<() => Promise<void>> {
  const rows = await vault.database.sql<{ row: string }>('SELECT to_jsonb(p)::text AS row FROM privacy_policies p')
  return async () => {
    await sql('DELETE FROM privacy_policies')
    for (const { row } of rows) {
      await sql('INSERT INTO privacy_policies SELECT (jsonb_populate_record(NULL::privacy_policies, $1::jsonb)).*', [
        row,
      ])
    }
  }
}

async function expectNothingNotified(on: TestVault): Promise<void> {
  for (const token of [silent, told, unversioned]) expectProblem(await reveal(token, on), 403, 'purpose-not-notified')
  expectProblem(await on.call('GET', '/v1/privacy-policy'), 404, 'policy-not-found')
  // A checkout continues: it releases nothing.
  const stored = await on.call('POST', '/v1/tokenize', { token: shop, body: { contact, policy_version: 'told' } })
  expect(stored.status).toBe(201)
  await vi.waitUntil(() => alerts(on).length > 0)
}

async function expectAsPublished(on: TestVault): Promise<void> {
  expect((await reveal(told, on)).status).toBe(200)
  for (const token of [silent, unversioned]) expectProblem(await reveal(token, on), 403, 'purpose-not-notified')
}

describe.each<[string, string, unknown[]]>([
  ['whose text was changed', `UPDATE privacy_policies SET document = $1 WHERE version = 'silent'`, [more]],
  ['whose time was changed', `UPDATE privacy_policies SET published_at = now() WHERE version = 'told'`, []],
  ['that was removed', `DELETE FROM privacy_policies WHERE version = 'silent'`, []],
  [
    'that was added',
    `INSERT INTO privacy_policies VALUES ('added', $1, now(), now())`,
    [policyFile({ version: 'added' })],
  ],
  ['that was given another name', `UPDATE privacy_policies SET version = 'other' WHERE version = 'told'`, []],
  ['that was adopted', `UPDATE privacy_policies SET adopted_at = now() WHERE version = 'told'`, []],
  ['that is no longer adopted', `UPDATE privacy_policies SET adopted_at = NULL`, []],
  ['of which none is left', 'DELETE FROM privacy_policies', []],
  ['of which none is left after TRUNCATE', 'TRUNCATE privacy_policies', []],
])('a version %s outside the vault', (_what, tamper, values) => {
  it('notifies nothing, on a running server and on one that starts, until its row is put back', async () => {
    await expectAsPublished(vault)
    const putBack = await keepRows()
    const before = alerts(vault).length
    await sql(tamper, values)
    await expectNothingNotified(vault)
    expect(alerts(vault)).toHaveLength(before + 1)
    const started = await TestVault.start({ sharedDatabase: vault.database })
    await expectNothingNotified(started)
    await started.stop()
    await expect(publishPolicy(vault, { version: 'v9' })).rejects.toThrow(/changed outside the vault/)
    await expect(adoptPolicy(vault, 'told')).rejects.toThrow(/changed outside the vault/)
    expect((await vault.commands.readPolicies()).distrusted).toBe(true)
    await putBack()
    await expectAsPublished(vault)
  })
})

it('the rows of before an adoption, put back, are not the present ones', async () => {
  const former = await keepRows()
  await adoptPolicy(vault, 'told')
  expect((await reveal(unversioned)).status).toBe(200)
  const present = await keepRows()
  await former()
  await expectNothingNotified(vault)
  await present()
  await adoptPolicy(vault, 'silent')
  await expectAsPublished(vault)
})

it('a record that is moved to another version does not open', async () => {
  const [{ policy }] = (await sql('SELECT policy FROM records WHERE token = id_uuid($1)', [told])) as [
    { policy: number },
  ]
  await sql('UPDATE records SET policy = $2 WHERE token = id_uuid($1)', [silent, policy])
  expectProblem(await reveal(silent), 500, 'record-integrity')
  await sql(
    'UPDATE records SET policy = (SELECT policy FROM records WHERE token <> id_uuid($1) AND policy <> $2 LIMIT 1) WHERE token = id_uuid($1)',
    [silent, policy],
  )
  await expectAsPublished(vault)
})

it('a ledger that is rebuilt keeps the versions that are there', async () => {
  await sql('DELETE FROM access_ledger WHERE generation = 1')
  const started = await TestVault.start({ sharedDatabase: vault.database })
  await started.commands.rebuildLedger(OPERATOR)
  await expectAsPublished(started)
  await started.stop()
})
