import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { examineErasures } from '../../src/start/doctor/examine-erasures.ts'
import { contact } from '../support/samples.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

const DAY = 24 * 60 * 60 * 1000

let vault: TestVault

beforeAll(async () => {
  vault = await TestVault.start({ overrides: quickKeys, config: { keepsLog: true } })
}, 60_000)
afterEach(() => vault.checkInvariants())
afterAll(() => vault.stop())

const store = async () => (await vault.tokenize({ contact })).contact!.token!

async function erase(token: string): Promise<number> {
  const officer = await vault.staffToken('privacy-officer')
  return (await vault.call('DELETE', `/v1/tokens/${token}`, { token: officer })).status
}

async function statusOf(token: string): Promise<number> {
  const reader = await vault.clientToken(['token:read'])
  return (await vault.call('GET', `/v1/tokens/${token}`, { token: reader })).status
}

const run = (task: 'finish-erasures' | 'run-retention') => vault.background.tasks.get(task)!.run()
const alerts = (code: string) => vault.logLines.map((line) => JSON.parse(line)).filter(({ alert }) => alert === code)

/** Orders the erasure of a record by a row that the vault did not write. */
const order = (token: string, line: string) =>
  vault.database.sql(
    `INSERT INTO erasures (ordered_at, token, kind, site, token_hash, line)
     SELECT now() - interval '1 hour', r.token, r.kind, r.site, sha256(convert_to($1, 'UTF8')), $2
     FROM records r WHERE r.token = id_uuid($1)`,
    [token, line],
  )

describe('a row of the ledger of erasures that was written outside the vault', () => {
  it('erases nothing, with a line of its own or with one of another record, and is an alert', async () => {
    const [victim, other, erased] = [await store(), await store(), await store()]
    expect(await erase(erased)).toBe(204)
    const [{ line }] = (await vault.database.sql<{ line: string }>(
      'SELECT line FROM erasures WHERE token = id_uuid($1)',
      [erased],
    )) as [{ line: string }]
    const [{ hash }] = (await vault.database.sql<{ hash: string }>(
      `SELECT encode(sha256(convert_to($1, 'UTF8')), 'hex') AS hash`,
      [other],
    )) as [{ hash: string }]
    await order(victim, line)
    await order(other, `${hash}${line.slice(64)}`)
    await run('finish-erasures')
    expect([await statusOf(victim), await statusOf(other)]).toEqual([200, 200])
    expect(alerts('erasure-forged')).toMatchObject([{ count: 2 }])
    await vault.database.sql('DELETE FROM erasures WHERE done_at IS NULL')
  })
})

describe('a record that was erased and put back into its row', () => {
  it('is named by retention verify, the doctor and an alert, and can be erased again', async () => {
    const token = await store()
    const columns = 'display_key, display_sealed, secret_key, secret_sealed, terms'
    await vault.database.sql(`CREATE TABLE kept AS SELECT token, ${columns} FROM records WHERE token = id_uuid($1)`, [
      token,
    ])
    expect(await erase(token)).toBe(204)
    await vault.database.sql(
      `UPDATE records r SET (erased_at, updated_at, ${columns}) = (SELECT NULL::timestamptz, NULL::timestamptz, ${columns} FROM kept) WHERE token = id_uuid($1)`,
      [token],
    )
    expect(await vault.commands.verifyRetention()).toMatchObject({ ok: false, revived: [token] })
    await run('run-retention')
    expect(alerts('erased-record-back')).toMatchObject([{ token }])
    const database = openDatabase({ url: vault.database.serverUrl })
    const config = {
      audit: { origin: undefined, witnessesFile: undefined },
      erasures: { file: undefined, backupDays: undefined },
    }
    const found = await examineErasures(config, database, new Date(Date.now() + DAY)).finally(() => database.close())
    expect(found.map(({ code }) => code)).toEqual(['erased-record-back', 'erasures-unshipped'])
    expect(await erase(token)).toBe(204)
    expect(await vault.commands.verifyRetention()).toMatchObject({ ok: true, revived: [] })
    await vault.database.sql('DROP TABLE kept')
  })
})
