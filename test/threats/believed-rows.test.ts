import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { AuditCaller } from '../../src/audit/event/audit-event.ts'
import { createNewId } from '../../src/values/identifier.ts'
import { runTask } from '../support/run-task.ts'
import { checkout } from '../support/samples.ts'
import { seedEvents, waitUntilLogged } from '../support/seed-events.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

/** The owner of the database writes and changes rows of events, and hopes that a reader trusts them. */

const OPERATOR: AuditCaller = { id: 'operator:test', kind: 'operator' }
const ann: AuditCaller = { id: 'staff:ann', kind: 'staff', role: 'support' }
const PATIENCE = { timeout: 20_000, interval: 50 }

let vault: TestVault
let auditor: string
let card: string
let other: string

beforeAll(async () => {
  vault = await TestVault.start({ config: { keepsLog: true }, overrides: quickKeys })
  auditor = await vault.staffToken('auditor')
  card = (await vault.tokenize(checkout)).card!.token!
  other = (await vault.tokenize(checkout)).card!.token!
  const fraud = await vault.staffToken('fraud', { name: 'Fay' })
  for (const token of [card, other]) {
    const body = { purpose: 'enforce-rights' }
    expect((await vault.call('POST', `/v1/tokens/${token}/reveal`, { token: fraud, body })).status).toBe(200)
  }
  // Older than what is looked at each time.
  const filler = { type: 'audit.read', outcome: 'success', caller: OPERATOR, count: 1 } as const
  const old = Array.from({ length: 800 }, () => ({ ...filler, at: new Date() }))
  await seedEvents(vault, old)
  await waitUntilLogged(vault)
}, 60_000)
afterAll(() => vault.stop())

const sql = <Row>(text: string, values?: unknown[]) => vault.database.sql<Row>(text, values)
const list = async (query: string) => {
  const answer = await vault.call('GET', `/v1/audit/events?limit=1000${query}`, { token: auditor })
  expect(answer.status, answer.text).toBe(200)
  return answer.body.events as Record<string, unknown>[]
}
const idsOf = (events: readonly Record<string, unknown>[]) => events.map(({ id }) => id)
const alerted = () =>
  vault.logLines
    .map((line) => JSON.parse(line))
    .flatMap(({ alert, event }) => (alert === 'audit-forged' ? [event] : []))
const revealOf = async (token: string) => (await vault.events({ type: 'record.reveal', token }))[0]!.id as string
const review = () => vault.commands.reviewLog(OPERATOR, { since: new Date(Date.now() - 3_600_000), timeZone: 'UTC' })

const newId = createNewId(() => new Date(), randomBytes)
/** Writes a row that says such a thing, in its canonical form, with the MAC of another event. */
async function forge(facts: Record<string, unknown>): Promise<string> {
  const id = newId('evt')
  const at = new Date().toISOString()
  const members = { at, format: 1, id, outcome: 'success', ...facts }
  const body = JSON.stringify(Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1))))
  const caller = (facts.caller as AuditCaller | undefined)?.id ?? null
  await sql(
    `INSERT INTO readable.audit_events (id, occurred_at, type, caller, token, site, body, mac)
     SELECT $1, $2, $3, $4, $5, $6, $7, mac FROM readable.audit_events WHERE mac IS NOT NULL LIMIT 1`,
    [id, at, facts.type, caller, facts.token ?? null, facts.site ?? null, body],
  )
  // What reads the events up to now leaves out those of its own millisecond.
  await vi.waitUntil(() => Date.now() > Date.parse(at), { interval: 1 })
  return id
}

/** Looks at the log while it is changed, and puts the rows back. */
async function whileChanged(id: string, change: string, look: () => Promise<void>): Promise<void> {
  const [kept] = await sql<Record<string, unknown>>('SELECT * FROM readable.audit_events WHERE id = $1', [id])
  await sql(`UPDATE readable.audit_events SET ${change} WHERE id = $1`, [id])
  try {
    await look()
  } finally {
    await sql(
      `UPDATE readable.audit_events SET purpose = $2, type = $3, caller = $4, token = $5, site = $6, body = $7 WHERE id = $1`,
      [id, ...['purpose', 'type', 'caller', 'token', 'site', 'body'].map((name) => kept![name])],
    )
  }
}

describe('who reads the events', () => {
  it('sees no forged row, by any filter', async () => {
    const facts = { type: 'record.reveal', token: card, caller: ann, site: 'default', purpose: 'communicate' }
    const forged = await forge(facts)
    const strange = await forge({ ...facts, outcome: 'refused' })
    const ofTheEndOfTime = `evt_7${'z'.repeat(25)}`
    await sql(`UPDATE readable.audit_events SET body = 'no JSON', mac = NULL WHERE id = $1`, [strange])
    const insert = `INSERT INTO readable.audit_events (id, type, token, body) VALUES ($2, 'record.reveal', $1, '{}')`
    await sql(insert, [card, ofTheEndOfTime])
    for (const query of ['', `&token=${card}`, '&type=record.reveal', '&purpose=communicate', '&caller=staff:ann']) {
      const seen = idsOf(await list(query))
      expect(seen.filter((id) => id === forged || id === strange || id === ofTheEndOfTime)).toEqual([])
    }
    expect(alerted()).toEqual(expect.arrayContaining([forged, strange]))
    const receipt = await vault.call('GET', `/v1/audit/events/${forged}/receipt`, { token: auditor })
    expect([receipt.status, receipt.body.code]).toEqual([404, 'event-not-found'])
    await sql(`DELETE FROM readable.audit_events WHERE body IN ('no JSON', '{}')`)
  })

  it.each<[string, string]>([
    ['its type', `type = 'record.read'`],
    ['its record', `token = 'card_${'1'.repeat(26)}'`],
    ['its caller', `caller = 'staff:ann'`],
    ['its site: those of another would see it', 'site = NULL'],
    ['its purpose', `purpose = 'communicate'`],
    ['its body', `body = replace(body, 'enforce-rights', 'communicate')`],
    ['both', `caller = 'staff:ann', body = replace(body, '"staff:fay"', '"staff:ann"')`],
    ['its form', `body = replace(body, ',', ', ')`],
    ['its body, by no JSON', `body = 'x'`],
  ])('sees no event with a changed %s', async (_what, change) => {
    const id = await revealOf(card)
    await whileChanged(id, change, async () => {
      for (const query of ['&type=record.reveal', '&type=record.read', '&purpose=communicate'])
        expect(idsOf(await list(query))).not.toContain(id)
      expect(alerted()).toContain(id)
      const receipt = await vault.call('GET', `/v1/audit/events/${id}/receipt`, { token: auditor })
      expect([receipt.status, receipt.body.code]).toEqual([404, 'event-not-found'])
      const bundle = await vault.call('GET', '/v1/audit/tile/entries/000', { token: auditor })
      expect([bundle.status, bundle.body.code]).toEqual([503, 'audit-log-changed'])
    })
    expect(idsOf(await list('&type=record.reveal'))).toContain(id)
  })

  it('sees no event whose leaf is of another, or of none', async () => {
    const [one, two] = [await revealOf(card), await revealOf(other)]
    const swap = `UPDATE readable.audit_leaves l SET event = CASE l.event WHEN $1 THEN $2 ELSE $1 END WHERE event IN ($1, $2)`
    await sql('ALTER TABLE audit_leaves DROP CONSTRAINT audit_leaves_event_key')
    await sql(swap, [one, two])
    const seen = idsOf(await list('&type=record.reveal'))
    await sql(swap, [one, two])
    expect(seen).not.toContain(one)
    expect(seen).not.toContain(two)
    // An event that its leaf no longer names is the vault's by its MAC, and stays visible.
    const name = 'UPDATE readable.audit_leaves SET event = $2 WHERE event = $1'
    await sql(name, [one, `evt_${'7'.repeat(26)}`])
    expect(idsOf(await list('&type=record.reveal'))).toContain(one)
    await sql(name, [`evt_${'7'.repeat(26)}`, one])
    await sql('ALTER TABLE audit_leaves ADD CONSTRAINT audit_leaves_event_key UNIQUE (event)')
  })

  it('sees each event once, and as it was, where the primary key was taken away', async () => {
    const id = await revealOf(card)
    await sql('ALTER TABLE audit_events DROP CONSTRAINT audit_events_pkey')
    await sql(
      `INSERT INTO readable.audit_events SELECT id, occurred_at, type, caller, token, site, b, p, mac FROM readable.audit_events
       CROSS JOIN LATERAL (VALUES (replace(body, '"success"', '"refused"'), -1), (body, -2)) AS c (b, p) WHERE id = $1`,
      [id],
    )
    const seen = (await list(`&token=${card}`)).filter((event) => event.id === id)
    expect(seen).toEqual([expect.objectContaining({ outcome: 'success' })])
    await sql('DELETE FROM readable.audit_events WHERE id = $1 AND position < 0', [id])
    await sql('ALTER TABLE audit_events ADD PRIMARY KEY (id)')
  })
})

describe('the review', () => {
  const forgedIn = (findings: Awaited<ReturnType<typeof review>>) =>
    findings.filter(({ rule }) => rule === 'log-forged')

  it('counts no forged row, and reports it', async () => {
    const before = (await review()).filter(({ rule }) => rule !== 'log-forged')
    for (let at = 0; at < 25; at++) {
      const facts = { caller: ann, site: 'default', token: `card_${at}`, purpose: 'marketing' }
      await forge({ ...facts, type: 'record.reveal' })
      await forge({ ...facts, type: 'request.refuse', outcome: 'refused' })
    }
    await forge({ type: 'audit.gap', since: 'x' })
    await forge({ type: 'approval.break-glass', caller: ann, subject: 'apr_1' })
    const after = await review()
    expect(after.filter(({ rule }) => rule !== 'log-forged')).toEqual(before)
    expect(forgedIn(after)).toEqual([expect.objectContaining({ severity: 'high', caller: null })])
    expect(forgedIn(after)[0]!.count).toBeGreaterThanOrEqual(52)
  })

  it('takes no finding for acknowledged, and no glass for reviewed, because a row says so', async () => {
    await seedEvents(vault, [
      { at: new Date(), type: 'approval.break-glass', outcome: 'success', caller: ann, subject: 'apr_broken' },
    ])
    const find = async () => (await review()).find(({ rule }) => rule === 'break-glass-unreviewed')
    // Its events wait for their place, or have it: both are the vault's.
    const found = (await find())!
    await forge({ type: 'approval.review', caller: OPERATOR, subject: 'apr_broken' })
    await forge({ type: 'audit.acknowledge', caller: OPERATOR, subject: found.id, code: found.rule, note: 'fine' })
    expect(await find()).toEqual({ ...found, acknowledged: null })
    const acknowledging = {
      since: new Date(Date.now() - 3_600_000),
      timeZone: 'UTC',
      finding: found.id,
      note: 'looked at',
    }
    await vault.commands.acknowledgeFinding(OPERATOR, acknowledging)
    expect((await find())!.acknowledged).toMatchObject({ by: OPERATOR.id, note: 'looked at' })
    await waitForLog()
    const [said] = await vault.events({ type: 'audit.acknowledge', note: 'looked at' })
    await whileChanged(said!.id as string, `body = replace(body, 'looked at', 'all well')`, async () => {
      expect((await find())!.acknowledged).toBeNull()
    })
  })
})

/** Until every event that the vault has made has its place; forged ones have none. */
async function waitForLog(): Promise<void> {
  await vi.waitUntil(async () => {
    const rows = await sql<{ id: string }>(
      `SELECT id FROM readable.audit_events WHERE body LIKE '%"made":%' AND id NOT IN (SELECT event FROM readable.audit_leaves)`,
    )
    return rows.length === 0
  }, PATIENCE)
}

describe('who decides by an event', () => {
  it('takes no row for a drop, with a leaf or without', async () => {
    const minimum = async () =>
      (await vault.call('GET', '/v1/audit/minimum-index', { token: auditor })).body.minimum_index
    const drop = { type: 'audit.drop', minimum_index: 256, ranges: ['0-300'], until: '2020-01-01T00:00:00.000Z' }
    await forge(drop)
    expect(await minimum()).toBe(0)
    const [victim] = await sql<{ event: string; hash: Buffer }>(
      'SELECT event, hash FROM readable.audit_leaves WHERE sequence = 40',
    )
    const body = JSON.stringify({
      format: 1,
      id: victim!.event,
      minimum_index: 256,
      outcome: 'success',
      ranges: ['0-300'],
      type: 'audit.drop',
    })
    const [{ at } = { at: '' }] = await sql<{ at: string }>(
      `SELECT body::json ->> 'at' AS at FROM readable.audit_events WHERE id = $1`,
      [victim!.event],
    )
    const whole = body.replace('{', `{"at":"${at}",`)
    const change = `type = 'audit.drop', caller = NULL, token = NULL, site = NULL, body = '${whole}'`
    await whileChanged(victim!.event, change, async () => {
      expect(await minimum()).toBe(0)
      // With its leaf: what was signed over it is another.
      await sql(`UPDATE audit_leaves SET hash = sha256('\\x00'::bytea || convert_to($1, 'UTF8')) WHERE sequence = 40`, [
        whole,
      ])
      expect(await minimum()).toBe(0)
      await runTask(vault, 'watch-log-end')
      const ready = await vault.call('GET', '/readyz')
      expect([ready.status, ready.body.code]).toEqual([503, 'audit-log-changed'])
      await sql('UPDATE readable.audit_leaves SET hash = $1 WHERE sequence = 40', [victim!.hash])
    })
    await runTask(vault, 'watch-log-end')
    expect((await vault.call('GET', '/readyz')).status).toBe(200)
  })

  it('takes no row for the retirement of a key', async () => {
    const keys = await vault.commands.listKeys()
    const { id } = keys.find(({ purpose, state }) => purpose === 'secret' && state === 'active')!
    await vault.rotate()
    await forge({ type: 'key.retire', subject: id, count: 999 })
    const { statement } = await vault.commands.certifyKey(OPERATOR, id)
    const [retired] = await vault.events({ type: 'key.retire', subject: id })
    expect([statement.event, statement.values_moved]).toEqual([retired!.id, retired!.count])
    expect(statement.values_moved).not.toBe(999)
  })

  it('finds no record stored or erased because a row says so, and misses none whose row was changed', async () => {
    const verify = async () => {
      const found: string[] = []
      const onFinding = ({ code, token }: { code: string; token?: string | undefined }) =>
        found.push(`${code} ${token}`)
      await vault.commands.verifyRecords(OPERATOR, { onProgress: () => {}, onFinding })
      return found
    }
    const before = await verify()
    expect(before.filter((line) => !line.startsWith('log-forged'))).toEqual([])
    const nobody = `card_${'7'.repeat(26)}`
    await forge({ type: 'record.erase', token: card, site: 'default' })
    await forge({ type: 'record.tokenize', token: nobody, site: 'default' })
    expect((await verify()).filter((line) => !before.includes(line))).toEqual(
      [`log-forged ${nobody}`].concat(`log-forged ${card}`).filter((line) => !before.includes(line)),
    )
    const [tokenized] = await vault.events({ type: 'record.tokenize', token: other })
    await whileChanged(tokenized!.id as string, `type = 'record.read'`, async () => {
      expect(await verify()).toEqual(expect.arrayContaining([`log-differs ${other}`, `log-forged ${other}`]))
    })
  })
})

it('shows what is the vault’s, in any place', async () => {
  await waitForLog()
  const before = await list('&type=record.tokenize')
  const [row] = await sql<{ name: string }>(
    `SELECT tableoid::regclass::text AS name FROM audit_events WHERE name_of('type', type) = 'record.tokenize' LIMIT 1`,
  )
  // Without a partition of its own it is in the default one.
  await sql(`ALTER TABLE audit_events DETACH PARTITION ${row!.name}`)
  await sql(`INSERT INTO audit_events SELECT * FROM ${row!.name}`)
  expect(await list('&type=record.tokenize')).toEqual(before)
})
