import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { expectProblem } from '../support/problems.ts'
import { conditionalRole, roleFile } from '../support/role-files.ts'
import { card, cards } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'
import { withoutIds } from '../support/without-ids.ts'

/** An approval is for the version of the record that the approver saw. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const purpose = 'enforce-rights'
const reason = 'Chargeback, as the bank asks'

let vault: TestVault
let token: string
let asker: string
let approver: string

beforeAll(async () => {
  vault = await TestVault.start()
  await vault.commands.applyRoles(OPERATOR, roleFile({ careful: conditionalRole({ approval: true }) }))
  asker = await vault.staffToken('careful', { name: 'Ann' })
  approver = await vault.staffToken('privacy-officer', { name: 'Olga' })
})
beforeEach(async () => {
  token = (await vault.tokenize({ card })).card!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const reveal = (body: object = {}) =>
  vault.call('POST', `/v1/tokens/${token}/reveal`, {
    token: asker,
    body: { purpose, fields: ['number'], reason, ...body },
  })
async function request(body?: object): Promise<string> {
  const refused = await reveal(body)
  expectProblem(refused, 403, 'approval-required')
  return refused.body.approval
}
const decide = (id: string, verdict: string) =>
  vault.call('POST', `/v1/approvals/${id}/${verdict}`, { token: approver })
const look = (path: string) => vault.call('GET', `/v1/approvals${path}`, { token: approver })
const correct = (body: object) => vault.call('PATCH', `/v1/tokens/${token}`, { token: approver, body })
const renew = () => correct({ exp_year: 2035 })

it('after a correction it is asked for again, whether it was decided or not', async () => {
  const first = await request()
  expect((await look(`/${first}`)).body).toMatchObject({ record_version: 1, record: { version: 1 } })
  expect((await renew()).status).toBe(200)
  expectProblem(await decide(first, 'approve'), 409, 'approval-decided')
  expect((await look(`?token=${token}`)).body.approvals).toEqual([])

  const second = await request()
  expect(second).not.toBe(first)
  expect((await look(`/${second}`)).body).toMatchObject({ record_version: 2, record: { version: 2, exp_year: 2035 } })
  expect((await decide(second, 'approve')).status).toBe(200)
  expect((await correct({ exp_year: 2036 })).status).toBe(200)
  const third = await request()
  expect(third).not.toBe(second)
  await decide(third, 'approve')
  expect((await reveal()).body.data).toEqual({ number: cards.visa })
  const [released] = await vault.events({ type: 'record.reveal', token })
  expect(released).toMatchObject({ approval: third, record_version: 3 })
  const asked = await vault.events({ type: 'approval.request', token })
  expect(asked.map(({ record_version }) => record_version)).toEqual([1, 2, 3])
})

it('what waits ends with an erasure', async () => {
  const id = await request()
  await vault.call('DELETE', `/v1/tokens/${token}`, { token: approver })
  expectProblem(await decide(id, 'approve'), 409, 'approval-decided')
  expectProblem(await reveal(), 410, 'record-gone')
})

it('one that is brought back in the database is for another version, or is an alert', async () => {
  const id = await request()
  await decide(id, 'approve')
  const [row] = await vault.database.sql<{ expires_at: Date }>('SELECT expires_at FROM approvals WHERE id = $1', [id])
  await renew()
  await vault.database.sql('UPDATE approvals SET expires_at = $2 WHERE id = $1', [id, row!.expires_at])
  expect(await request()).not.toBe(id)
  await vault.database.sql('UPDATE approvals SET record_version = 2 WHERE id = $1', [id])
  expectProblem(await reveal(), 403, 'approval-required')
  await vi.waitUntil(() => vault.logLines.some((line) => line.includes('approval-changed') && line.includes(id)))
  expect(await vault.events({ type: 'record.reveal', token })).toEqual([])
})

it('a correction at the same moment never leaves under it', async () => {
  for (let round = 0; round < 8; round++) {
    token = (await vault.tokenize({ card })).card!.token!
    await decide(await request({ fields: ['exp_year'] }), 'approve')
    const [answer] = await Promise.all([reveal({ fields: ['exp_year'] }), renew()])
    if (answer.status === 200) {
      expect(answer.body.data).toEqual({ exp_year: card.exp_year })
    } else {
      expect([403, 409], answer.text).toContain(answer.status)
      expect(withoutIds(answer.text)).not.toContain('2035')
    }
  }
})

it('one that was given before versions were kept lets nothing out, and is not an alarm', async () => {
  const id = await request()
  await decide(id, 'approve')
  await vault.database.sql('UPDATE approvals SET record_version = NULL WHERE id = $1', [id])
  const lines = vault.logLines.length
  expect(await request()).not.toBe(id)
  expect(vault.logLines.slice(lines).join('')).not.toContain('approval-changed')
})
