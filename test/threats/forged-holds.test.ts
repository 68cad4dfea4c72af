import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { contact } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

/** Attacks 36 and 63: an attacker who can write to the database makes, changes, moves and removes holds. */
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY = 24 * 60 * 60 * 1000

let vault: TestVault
let officer: string
let support: string
let legal: string
/** Held for `enforce-rights`, and its erasure is postponed. */
let held: string
/** Without a hold. */
let free: string

beforeAll(async () => {
  vault = await TestVault.start({ overrides: quickKeys, config: { keepsLog: true } })
  officer = await vault.staffToken('privacy-officer')
  support = await vault.staffToken('support')
  legal = await vault.staffToken('legal')
}, 60_000)
beforeEach(async () => {
  held = (await vault.tokenize({ contact })).contact!.token!
  free = (await vault.tokenize({ contact })).contact!.token!
  await vault.commands.addHold(OPERATOR, {
    token: held,
    purpose: 'enforce-rights',
    reason: 'Case 7',
    reviewAt: new Date(Date.now() + DAY),
  })
  expect(await erase(held)).toBe('erasure-postponed')
})
afterEach(async () => {
  for (const { token } of await vault.commands.listHolds()) {
    await vault.database.sql('DELETE FROM holds WHERE token = id_uuid($1)', [token])
    await vault.commands.releaseHold(OPERATOR, token).catch(() => {})
  }
  await vault.checkInvariants()
})
afterAll(() => vault.stop())

async function erase(token: string) {
  const answer = await vault.call('DELETE', `/v1/tokens/${token}`, { token: officer })
  return answer.status === 204 ? 204 : answer.body.code
}

async function reveal(on: TestVault, token: string, bearer: string, purpose: string) {
  const body = { purpose, fields: ['email'] }
  const answer = await on.call('POST', `/v1/tokens/${token}/reveal`, { token: bearer, body })
  return answer.status === 200 ? 200 : answer.body.code
}

const alertsOf = (tokens: readonly string[]) =>
  vault.logLines
    .map((line) => JSON.parse(line))
    .filter(({ alert, token }) => alert === 'holds-changed' && tokens.includes(token))

/** The record stays kept, for the purpose that the vault has written down and for no other. */
async function expectHeldAsWritten(on: TestVault): Promise<void> {
  expect(await reveal(on, held, support, 'respond-to-query')).toBe('erasure-postponed')
  expect(await reveal(on, held, legal, 'enforce-rights')).toBe(200)
}

const THE_HOLD = 'WHERE token = id_uuid($1)'
const COPY = `INSERT INTO holds SELECT
  (jsonb_populate_record(h, jsonb_build_object('id', 'hold_copy', 'token', id_uuid($2)))).* FROM holds h ${THE_HOLD}`

/** What is done to the hold of one record, with a second record at hand, and which of the two are found. */
type Tampering = [what: string, sql: string, valuesOf: (held: string, free: string) => string[], found: string[]]

describe.each<Tampering>([
  ['whose purpose was changed', `UPDATE holds SET purpose = 'respond-to-query' ${THE_HOLD}`, (one) => [one], ['held']],
  ['that was widened to every purpose', `UPDATE holds SET purpose = NULL ${THE_HOLD}`, (one) => [one], ['held']],
  ['that was removed', `DELETE FROM holds ${THE_HOLD}`, (one) => [one], ['held']],
  ['that was removed with all others', 'TRUNCATE holds', () => [], ['held']],
  [
    'that was moved to another record',
    `UPDATE holds SET token = id_uuid($2) ${THE_HOLD}`,
    (...both) => both,
    ['held', 'free'],
  ],
  ['that was copied to another record', COPY, (...both) => both, ['free']],
])('a hold %s outside the vault', (_what, tamper, valuesOf, found) => {
  it('keeps its record as the vault has written it, and no other, on every server, and is found', async () => {
    await vault.database.sql(tamper, valuesOf(held, free))
    await expectHeldAsWritten(vault)
    const started = await TestVault.start({ sharedDatabase: vault.database, overrides: quickKeys })
    await expectHeldAsWritten(started).finally(() => started.stop())
    expect(await erase(held)).toBe('erasure-postponed')
    const tokens = found.map((name) => (name === 'held' ? held : free)).toSorted()
    expect((await vault.commands.verifyRetention()).changed.toSorted()).toEqual(tokens)
    await vault.background.tasks.get('run-retention')!.run()
    expect(alertsOf(tokens)).toHaveLength(tokens.length)
    expect(await reveal(vault, free, support, 'respond-to-query')).toBe(200)
    expect(await erase(free)).toBe(204)
  })
})

it('a hold that was released and put back into its row keeps nothing', async () => {
  const [row] = await vault.database.sql<{ row: string }>(`SELECT to_jsonb(h)::text AS row FROM holds h ${THE_HOLD}`, [
    held,
  ])
  expect(await vault.commands.releaseHold(OPERATOR, held)).toMatchObject({ isErased: true })
  await vault.database.sql('INSERT INTO holds SELECT (jsonb_populate_record(NULL::holds, $1::jsonb)).*', [row!.row])
  expect((await vault.commands.verifyRetention()).changed).toEqual([held])
  expect(await reveal(vault, held, legal, 'enforce-rights')).toBe('record-gone')
})
