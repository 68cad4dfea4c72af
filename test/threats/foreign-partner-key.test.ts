import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createPartnerKeys, type PartnerKeys } from '../support/partner-keys.ts'
import { expectProblem } from '../support/problems.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/**
 * Attacks 53 and 67: an attacker who can write to the database has a release encrypted to a key of their own, or sends what was
 * approved for one partner to another.
 */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const purpose = 'provide-goods'

let vault: TestVault
let address: string
let packer: string
let rightful: PartnerKeys
let attackers: PartnerKeys

beforeAll(async () => {
  vault = await TestVault.start()
  address = (await vault.tokenize(checkout)).shipping_address!.token!
  packer = await vault.staffToken('fulfilment')
  rightful = await createPartnerKeys('rightful')
  attackers = await createPartnerKeys('attackers')
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const sql = <Row>(text: string, values: unknown[] = []) => vault.database.sql<Row>(text, values)
const add = async (keys: PartnerKeys | undefined) => {
  const contract = { name: 'Carrier', country: 'MY', contact: 'Ann', purposes: [purpose] as const }
  const ends_at = new Date(Date.now() + 86_400_000)
  const fields = ['address.line1']
  return (await vault.commands.addPartner(OPERATOR, { ...contract, fields, ends_at, keys: keys?.set })).id
}
const release = (partner: string, { as = packer, on = vault }: { as?: string; on?: TestVault } = {}) =>
  on.call('POST', `/v1/tokens/${address}/release`, { token: as, body: { partner, purpose, fields: ['line1'] } })
const alertsFor = (subject: string) =>
  vault.logLines.filter((line) => line.includes('"alert":"access-changed"') && line.includes(subject))

describe('a key that the vault did not write', () => {
  it.each<[string, (partner: string) => Promise<unknown>]>([
    [
      'in the place of another',
      (partner) => sql('UPDATE partners SET keys = $2 WHERE id = $1', [partner, JSON.stringify(attackers.set)]),
    ],
    [
      'before another',
      (partner) =>
        sql('UPDATE partners SET keys = $2 WHERE id = $1', [
          partner,
          JSON.stringify({ keys: [...attackers.set.keys, ...rightful.set.keys] }),
        ]),
    ],
    [
      'with the contract of another partner',
      async (partner) => {
        const other = await add(attackers)
        await sql('UPDATE partners SET (keys, mac) = (SELECT keys, mac FROM partners WHERE id = $2) WHERE id = $1', [
          partner,
          other,
        ])
      },
    ],
  ])('%s gets nothing, on a running server and on one that starts, and is an alert', async (_what, write) => {
    const partner = await add(rightful)
    expect((await release(partner)).status).toBe(200)
    await write(partner)
    expectProblem(await release(partner), 403, 'contract-ended')
    expect(alertsFor(partner)).toHaveLength(1)
    const second = await TestVault.start({ sharedDatabase: vault.database })
    try {
      expectProblem(await release(partner, { on: second }), 403, 'contract-ended')
    } finally {
      await second.stop()
    }
    // Not even the vault repairs it.
    await expect(vault.commands.replacePartnerKeys(OPERATOR, partner, rightful.set)).rejects.toThrow(
      /changed outside the vault/,
    )
  })

  it('gets nothing of a partner that has none', async () => {
    const partner = await add(undefined)
    await sql('UPDATE partners SET keys = $2 WHERE id = $1', [partner, JSON.stringify(attackers.set)])
    expectProblem(await release(partner), 403, 'contract-ended')
    expect(alertsFor(partner)).toHaveLength(1)
  })
})

it('a former key, with its own MAC, does not come back when its partner has lost it', async () => {
  const partner = await add(attackers)
  const [former] = await sql<{ keys: unknown; mac: Buffer }>('SELECT keys, mac FROM partners WHERE id = $1', [partner])
  await vault.commands.replacePartnerKeys(OPERATOR, partner, rightful.set)
  expect((await rightful.open((await release(partner)).body.jwe)).header.kid).toBe('rightful')
  await sql('UPDATE partners SET keys = $2, mac = $3 WHERE id = $1', [
    partner,
    JSON.stringify(former!.keys),
    former!.mac,
  ])
  expectProblem(await release(partner), 403, 'contract-ended')
  expect(alertsFor(partner)).toHaveLength(1)
})

it('an approval for one partner does not become one for another, or for the caller', async () => {
  const careful = conditionalRole({ approval: true }, { purposes: [purpose] })
  await vault.commands.applyRoles(OPERATOR, roleFile({ careful }))
  const asker = await vault.staffToken('careful', { name: 'Ann' })
  const approver = await vault.staffToken('privacy-officer', { name: 'Olga' })
  const [one, other] = [await add(rightful), await add(attackers)]
  const refused = await release(one, { as: asker })
  const id = refused.body.approval
  expect((await vault.call('POST', `/v1/approvals/${id}/approve`, { token: approver })).status).toBe(200)

  await sql('UPDATE approvals SET partner = $2 WHERE id = $1', [id, other])
  expectProblem(await release(other, { as: asker }), 403, 'approval-required')
  await sql('UPDATE approvals SET partner = NULL WHERE id = $1', [id])
  const body = { purpose, fields: ['line1'] }
  const revealed = await vault.call('POST', `/v1/tokens/${address}/reveal`, { token: asker, body })
  expectProblem(revealed, 403, 'approval-required')
  expect(vault.logLines.filter((line) => line.includes('"alert":"approval-changed"'))).toHaveLength(2)

  await sql('UPDATE approvals SET partner = $2 WHERE id = $1', [id, one])
  const { content } = await rightful.open((await release(one, { as: asker })).body.jwe)
  expect(content.data).toHaveProperty('line1')
})
