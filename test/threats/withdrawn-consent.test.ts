import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { publishPolicy } from '../support/policies.ts'
import { expectProblem } from '../support/problems.ts'
import { expectNoneLater, race, served } from '../support/race.ts'
import { contact, person } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** Attacks 36 and 63: an attacker keeps using data whose shopper no longer agrees to it. */
const ROUNDS = 3
const purpose = 'marketing'

let vault: TestVault
let second: TestVault
let marketing: string
let shop: string
let nth = 0

beforeAll(async () => {
  vault = await TestVault.start()
  second = await TestVault.start({ sharedDatabase: vault.database })
  marketing = await vault.staffToken('marketing')
  shop = await vault.clientToken(['consent:write'])
  await publishPolicy(vault, { version: 'v1' })
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await second.stop()
  await vault.stop()
})

const reveal = (token: string, on = vault) =>
  on.call('POST', `/v1/tokens/${token}/reveal`, { token: marketing, body: { purpose } })
const change = (body: object, on = vault) => on.call('POST', '/v1/customers/consents', { token: shop, body })

const alertsOf = (token: string) =>
  vault.logLines
    .map((line) => JSON.parse(line))
    .filter((line) => line.alert === 'record-integrity' && line.token === token)

async function store() {
  const customer = `cus_${++nth}_withdraws`
  const parts = await vault.tokenize({ contact, customer, consents: [purpose], policy_version: 'v1' })
  return { customer, token: parts.contact!.token! }
}

it('no reveal that begins after a withdrawal was acknowledged is served, and each that was is on record', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const { customer, token } = await store()
    const { before, after } = await race(
      [vault, second],
      async (on) => {
        const response = await reveal(token, on)
        if (response.status !== 200) expect(response.text).not.toContain(person.email)
        return response
      },
      async () => {
        const withdrawn = await change({ customer, withdraw: [purpose] }, round % 2 ? vault : second)
        expect(withdrawn.body.changed).toBe(1)
      },
    )
    expect(new Set(after)).toEqual(new Set([403]))
    expect(before.filter((status) => status !== 200 && status !== 403)).toEqual([])
    expect(served(before)).toBeGreaterThan(0)
    await expectNoneLater(vault, token, { end: 'consent.withdraw', release: 'record.reveal', count: served(before) })
  }
})

it('a row of before the withdrawal, put back with all that belongs to it, releases nothing, and is an alert', async () => {
  const { customer, token } = await store()
  const uuid = '(SELECT id_uuid($1))'
  const rowsOf = async (table: string) =>
    await vault.database.sql<{ row: string }>(`SELECT to_jsonb(t)::text AS row FROM ${table} t WHERE token = ${uuid}`, [
      token,
    ])
  const former = { records: await rowsOf('records'), search_terms: await rowsOf('search_terms') }
  expect((await reveal(token)).status).toBe(200)
  await change({ customer, withdraw: [purpose] })
  expectProblem(await reveal(token), 403, 'consent-missing')
  for (const [table, rows] of Object.entries(former)) {
    await vault.database.sql(`DELETE FROM ${table} WHERE token = ${uuid}`, [token])
    for (const { row } of rows) {
      await vault.database.sql(`INSERT INTO ${table} SELECT (jsonb_populate_record(NULL::${table}, $1::jsonb)).*`, [
        row,
      ])
    }
  }
  for (const on of [vault, second]) expectProblem(await reveal(token, on), 500, 'record-integrity')
  expect(alertsOf(token)).toHaveLength(1)
})

it('a consent that is written into the row opens nothing', async () => {
  const { customer, token } = await store()
  await change({ customer, withdraw: [purpose] })
  await vault.database.sql(
    `UPDATE records SET consents = (SELECT id FROM dictionary WHERE sort = 'consents' AND name = '${purpose}')
     WHERE token = id_uuid($1)`,
    [token],
  )
  expectProblem(await reveal(token), 500, 'record-integrity')
  expect(alertsOf(token)).toHaveLength(1)
})

it('a set of consents that is given another name opens nothing, on a server that starts', async () => {
  const stored = await vault.tokenize({ contact, consents: ['research'], policy_version: 'v1' })
  const token = stored.contact!.token!
  const rename = (from: string, to: string) =>
    vault.database.sql(`UPDATE dictionary SET name = $2 WHERE sort = 'consents' AND name = $1`, [from, to])
  await rename('research', 'marketing research')
  const started = await TestVault.start({ sharedDatabase: vault.database })
  try {
    expectProblem(await reveal(token, started), 500, 'record-integrity')
    expectProblem(await reveal(token), 403, 'consent-missing')
  } finally {
    await started.stop()
    await rename('marketing research', 'research')
  }
})
