import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { holdLog } from '../support/hold-log.ts'
import { runTask } from '../support/run-task.ts'
import { card } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** The owner of the database changes events that are committed and wait for their place in the log. */
let vault: TestVault
let staff: string
let token: string

beforeAll(async () => {
  vault = await TestVault.start({ config: { keepsLog: true } })
  staff = await vault.staffToken('fraud')
  token = (await vault.tokenize({ card })).card!.token!
})
afterAll(() => vault.stop())

const sql = <Row>(text: string, values?: unknown[]) => vault.database.sql<Row>(text, values)
const reveal = () =>
  vault.call('POST', `/v1/tokens/${token}/reveal`, { token: staff, body: { purpose: 'enforce-rights' } })
const alerts = (code: string) => vault.logLines.map((line) => JSON.parse(line)).filter(({ alert }) => alert === code)
const isLogged = async (event: string) =>
  (await sql('SELECT FROM readable.audit_leaves WHERE event = $1', [event])).length > 0
const PATIENCE = { timeout: 20_000, interval: 50 }

/** What becomes of a release whose event is changed before the log takes it. */
async function meddle(change: (event: string) => Promise<unknown>): Promise<string> {
  const release = await holdLog(vault.database)
  const { event } = (await reveal()).body
  await change(event)
  await release()
  return event
}

describe('the vault signs no event that it did not make:', () => {
  it('one that names another caller', async () => {
    const event = await meddle((id) =>
      sql(`UPDATE readable.audit_events SET body = replace(body, '"kind":"staff"', '"kind":"vault"') WHERE id = $1`, [
        id,
      ]),
    )
    await vi.waitUntil(() => alerts('audit-forged').some((alert) => alert.event === event), PATIENCE)
    // Its number is missing too: a release has left that the log does not have.
    await vi.waitUntil(() => alerts('audit-missing').length > 0, PATIENCE)
    expect(await isLogged(event)).toBe(false)
    await vault.commands.resumeReleases({ id: 'operator:test', kind: 'operator' })
  })

  it('a forged one, with and without a MAC', async () => {
    const written = ['evt_00000000000000000000000001', 'evt_00000000000000000000000002']
    for (const [at, id] of written.entries()) {
      await sql(
        `INSERT INTO readable.audit_events (id, occurred_at, type, body, mac) VALUES ($1, now(), 'client.revoke', $2, $3)`,
        [id, `{"id":"${id}","outcome":"success","type":"client.revoke"}`, at === 0 ? null : Buffer.alloc(48)],
      )
    }
    await vi.waitUntil(() => written.every((id) => alerts('audit-forged').some(({ event }) => event === id)), PATIENCE)
    for (const id of written) expect(await isLogged(id)).toBe(false)
  })

  it('one that was copied', async () => {
    const { event } = (await reveal()).body
    const copy = `${String(event).slice(0, -1)}${String(event).endsWith('0') ? '1' : '0'}`
    await sql(
      `INSERT INTO readable.audit_events (id, occurred_at, type, caller, token, site, body, mac)
       SELECT $2, occurred_at, type, caller, token, site, body, mac FROM readable.audit_events WHERE id = $1`,
      [event, copy],
    )
    await vi.waitUntil(() => alerts('audit-forged').some((alert) => alert.event === copy), PATIENCE)
    await vi.waitUntil(() => isLogged(event), PATIENCE)
    expect(await isLogged(copy)).toBe(false)
  })
})

it('an event that was removed before it came into the log stops releases on every server, until an operator has looked', async () => {
  const other = await TestVault.start({ sharedDatabase: vault.database })
  try {
    const before = alerts('audit-missing').length
    await meddle((id) => sql('DELETE FROM readable.audit_events WHERE id = $1', [id]))
    await vi.waitUntil(() => alerts('audit-missing').length > before, PATIENCE)
    const ask = (server: TestVault) =>
      server.call('POST', `/v1/tokens/${token}/reveal`, { token: staff, body: { purpose: 'enforce-rights' } })
    const refused = await ask(vault)
    expect([refused.status, refused.body.code]).toEqual([503, 'audit-unavailable'])
    await vi.waitFor(async () => expect((await ask(other)).status).toBe(503), PATIENCE)
    // It is no reason to stop a sale.
    await vault.tokenize({ card })
    // Nor does it help to take back what was found, or to say that an operator has looked.
    await sql('UPDATE audit_missing SET resumed_by = (SELECT id FROM readable.audit_events ORDER BY id DESC LIMIT 1)')
    await runTask(vault, 'watch-audit-missing')
    expect((await ask(vault)).status).toBe(503)
    await sql('DELETE FROM audit_missing')
    await runTask(vault, 'watch-audit-missing')
    expect((await ask(vault)).status).toBe(503)
    const resumed = await vault.commands.resumeReleases({ id: 'operator:test', kind: 'operator' })
    expect((await ask(vault)).status).toBe(200)
    await vi.waitFor(async () => expect((await ask(other)).status).toBe(200), PATIENCE)
    const [event] = (await vault.events({ type: 'audit.resume' })).slice(-1)
    const missing = resumed.map(({ process, from }) => `${process}/${from}`)
    expect(event).toMatchObject({ caller: { id: 'operator:test' }, count: missing.length, missing })
  } finally {
    await other.stop()
  }
})
