import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDatabase } from '../../src/database/database.ts'
import { prepareSessions } from '../../src/records/prepare-sessions.ts'
import { TestVault } from '../support/test-vault.ts'

let vault: TestVault
beforeAll(async () => {
  vault = await TestVault.start()
})
afterAll(() => vault.stop())

/** Every row of every table, as text. */
async function everyRow(): Promise<Record<string, string[]>> {
  const tables = await vault.database.sql<{ name: string }>(
    `SELECT quote_ident(relname) AS name FROM pg_class
      WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY relname`,
  )
  const rows: Record<string, string[]> = {}
  for (const { name } of tables) {
    const found = await vault.database.sql<{ row: string }>(`SELECT t::text AS row FROM ${name} t ORDER BY 1`)
    rows[name] = found.map(({ row }) => row)
  }
  return rows
}

it('the calls that a start rehearses run to their end, and leave nothing behind', async () => {
  const checkout = await vault.clientToken(['tokenize'], { role: 'checkout' })
  const store = () =>
    vault.call('POST', '/v1/tokenize', { token: checkout, body: { customer: 'one', contact: { name: 'A B' } } })
  expect((await store()).status).toBe(201)
  // What this process says every few seconds of its own calls is up to date from here on.
  for (const task of ['report-event-numbers', 'report-key-uses'] as const) await vault.background.tasks.get(task)?.run()
  const rows = await everyRow()
  expect(Object.keys(rows).length).toBeGreaterThan(20)
  const lines = vault.logLines.length
  const numbers = vault.book.state
  const metrics = (await vault.metrics.text()).body
    .split('\n')
    .filter((line) => /^strongroom_\w*(request|event|release)/.test(line))

  // It rejects when one of its calls has another answer than a shop would get.
  await vault.warm()

  expect(await everyRow()).toEqual(rows)
  expect(vault.logLines.slice(lines)).toEqual([])
  expect(vault.book.state).toEqual(numbers)
  const after = (await vault.metrics.text()).body
    .split('\n')
    .filter((line) => /^strongroom_\w*(request|event|release)/.test(line))
  expect(after).toEqual(metrics)
  expect((await store()).status).toBe(201)
})

it('a session that is prepared keeps the plans of its statements', async () => {
  const database = openDatabase({ url: vault.database.serverUrl, maxConnections: 4 })
  try {
    await prepareSessions(database)
    const plans = await database.query<{ name: string; custom: number; kept: number }>({
      name: 'plans',
      text: `SELECT name, custom_plans::integer AS custom, generic_plans::integer AS kept FROM pg_prepared_statements
             WHERE name ~ '^(look-up|insert|commit|find)-' ORDER BY name`,
    })
    expect(plans).toEqual(
      [
        'commit-matches',
        'commit-matches-with-proofs',
        'find-differing-audit-events',
        'insert-records',
        'insert-records-with-proofs',
        'look-up-records',
      ].map((name) => ({ name, custom: 5, kept: 1 })),
    )
  } finally {
    await database.close()
  }
})
