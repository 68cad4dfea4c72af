import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openEmbeddedDatabase } from '../../src/embedded-postgres/embedded.ts'
import { card } from '../support/samples.ts'
import { VaultProcess } from '../support/vault-process.ts'

let vault: VaultProcess
beforeAll(async () => {
  vault = await VaultProcess.start()
})
afterAll(() => vault.remove())

const linesOf = (stdout: string) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

it('beside a server ends with 0, and with 1 and the findings after a row was changed', async () => {
  const { urls } = await openEmbeddedDatabase({ dataDir: vault.dataDir, role: 'command', log: () => {} })
  const database = new pg.Client({ connectionString: urls.superuser })
  await database.connect()
  try {
    const answer = await vault.call('POST', '/v1/tokenize', { token: await vault.token('checkout'), body: { card } })
    const { token } = (answer.body as { card: { token: string } }).card
    const sound = await vault.cli(['records', 'verify', '--json'])
    expect(sound.code, sound.stderr).toBe(0)
    const progress = { done: false, moved: expect.any(Number), total: expect.any(Number) }
    expect(linesOf(sound.stdout)[0]).toMatchObject(progress)
    expect(linesOf(sound.stdout).at(-1)).toMatchObject({ done: true, ok: true, findings: 0, unbound: 0 })

    await database.query(
      `WITH given AS (
         INSERT INTO dictionary (sort, id, name) SELECT 'consents', max(id) + 1, 'marketing' FROM dictionary WHERE sort = 'consents'
         RETURNING id)
       UPDATE records SET consents = given.id FROM given WHERE token = id_uuid($1)`,
      [token],
    )
    const changed = await vault.cli(['records', 'verify', '--json'])
    expect(changed.code, changed.stderr).toBe(1)
    const found = linesOf(changed.stdout).filter(({ code }) => code !== undefined)
    expect(found).toEqual(
      ['display', 'secret'].map((part) => ({ code: 'not-opened', token, detail: expect.stringContaining(part) })),
    )
    expect(linesOf(changed.stdout).at(-1)).toMatchObject({ done: true, ok: false, findings: 2 })

    const shown = await vault.cli(['records', 'verify'])
    expect(shown.code).toBe(1)
    expect(shown.stdout).toContain(`not-opened (${token}): the display part does not open`)
    expect(shown.stderr).toMatch(/verified \d+ of \d+/)
  } finally {
    await database.end()
  }
})
