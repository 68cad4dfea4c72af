import { generateKeyPairSync } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { formatCheckpoint, parseCheckpoint } from '../../src/audit/formats/checkpoint.ts'
import { signNote } from '../../src/audit/formats/signed-note.ts'
import { holdLog } from '../support/hold-log.ts'
import { createDatabaseWithKeys } from '../support/postgres.ts'
import { runTask } from '../support/run-task.ts'
import { checkout } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

/** The owner of the database rewrites the log, while a server keeps it or before one starts. */
let vault: TestVault

beforeEach(async () => {
  vault = await TestVault.start({ config: { keepsLog: true } })
  await vault.tokenize(checkout)
  await inTheLog()
})
afterEach(() => vault.stop())

const BEHIND =
  'SELECT FROM readable.audit_events e WHERE NOT EXISTS (SELECT FROM readable.audit_leaves WHERE event = e.id)'
const sql = <Row>(text: string) => vault.database.sql<Row>(text)
const behind = async () => (await vault.count('audit_events')) - (await vault.count('audit_leaves'))
const inTheLog = () => vi.waitUntil(async () => (await behind()) === 0, { timeout: 20_000 })

function alerts(of: TestVault, code: string): Record<string, unknown>[] {
  return of.logLines.map((line) => JSON.parse(line)).filter(({ alert }) => alert === code)
}

/** A server that finds the log like that; it must say so, and sign nothing. */
async function meets(change: () => Promise<unknown>, reason: RegExp): Promise<void> {
  // No process keeps it in the meantime.
  const release = await holdLog(vault.database)
  await change()
  await vault.tokenize(checkout)
  const [before] = await sql<{ note: string }>('SELECT note FROM audit_head')
  const next = await TestVault.start({ config: { keepsLog: true }, sharedDatabase: vault.database })
  try {
    await release()
    const alert = await vi.waitUntil(
      () => alerts(next, 'audit-log-changed')[0] ?? alerts(vault, 'audit-log-changed')[0],
      {
        timeout: 20_000,
      },
    )
    expect(alert!.reason).toMatch(reason)
    expect(await sql('SELECT note FROM audit_head')).toEqual([before])
    expect(await behind()).toBeGreaterThan(0)
    expect(alerts(next, 'background-task-failed')).toEqual([])
    // It is no reason to stop a sale.
    await next.tokenize(checkout)
  } finally {
    await next.stop()
  }
}

describe('nothing is signed on top of a log', () => {
  it('whose last leaf was changed', () =>
    meets(
      () =>
        sql(
          "UPDATE readable.audit_leaves SET hash = sha256('x') WHERE sequence = (SELECT max(sequence) FROM readable.audit_leaves)",
        ),
      /do not give the root/,
    ))

  it('whose tail was cut', () =>
    meets(
      () => sql('DELETE FROM readable.audit_leaves WHERE sequence = (SELECT max(sequence) FROM readable.audit_leaves)'),
      /do not give the root/,
    ))

  it('whose head was signed by another key', () =>
    meets(async () => {
      const [head] = await sql<{ note: string }>('SELECT note FROM audit_head')
      const { note: _, ...checkpoint } = parseCheckpoint(head!.note)
      const forged = signNote(
        formatCheckpoint(checkpoint),
        checkpoint.origin,
        generateKeyPairSync('ed25519').privateKey,
      )
      await sql(`UPDATE audit_head SET note = '${forged}'`)
    }, /signed by no key of this vault/))

  it('whose head says something else than its checkpoint', () =>
    meets(() => sql('UPDATE audit_head SET size = size - 1'), /not what its checkpoint says/))
})

it('a head that was put back while no server ran is found by the next start, and no statement fails', async () => {
  const database = await createDatabaseWithKeys()
  const start = () => TestVault.start({ config: { keepsLog: true }, sharedDatabase: database })
  const headOf = async () =>
    (
      await database.sql<{ size: string; note: string; next: string }>(
        'SELECT size, note, next_position AS next FROM audit_head',
      )
    )[0]
  const settled = () => vi.waitUntil(async () => (await database.sql(BEHIND)).length === 0, { timeout: 20_000 })
  const first = await start()
  await first.tokenize(checkout)
  await settled()
  const before = (await headOf())!
  const { size, root } = parseCheckpoint(before.note)
  await first.tokenize(checkout)
  await first.stop()
  await settled()
  const putBack = `UPDATE audit_head SET size = ${size}, root = '\\x${root.toString('hex')}', note = '${before.note}'`
  const changes: [string, RegExp][] = [
    // With its place among the positions: the same events would be given leaves once more.
    [`${putBack}, next_position = ${before.next}`, /put back to \d+ leaves: there were \d+/],
    // A checkpoint of later was kept.
    [
      `INSERT INTO audit_checkpoints SELECT max(sequence) + 1, note, now() FROM readable.audit_leaves, audit_head GROUP BY note;
       DELETE FROM readable.audit_leaves WHERE sequence >= ${size}`,
      /put back to \d+ leaves: there were \d+/,
    ],
    ['DELETE FROM audit_head', /the head of the log is gone/],
  ]
  for (const [change, reason] of changes) {
    await database.sql(change)
    const next = await start()
    try {
      const sequence = () => next.background.tasks.get('sequence-audit-log')!.run()
      await next.tokenize(checkout)
      for (let round = 0; round < 2; round++) await sequence()
      expect(alerts(next, 'audit-log-changed').map((alert) => alert.reason)).toEqual([expect.stringMatching(reason)])
      expect((await next.call('GET', '/readyz')).body.code).toBe('audit-log-changed')
      expect(alerts(next, 'background-task-failed')).toEqual([])
      // Nothing was signed on top.
      expect((await headOf())?.note).toBe(change.includes('DELETE FROM audit_head') ? undefined : before.note)
    } finally {
      await next.stop()
    }
  }
  await database.drop()
}, 90_000)

describe('a server to which nothing comes', () => {
  const copies = ['audit_head', 'audit_leaves', 'audit_checkpoints', 'audit_events']
  /** Now, and not when its time comes. */
  const look = () => runTask(vault, 'watch-log-end')
  const noticed = async (): Promise<string> => {
    const { body } = await vi.waitUntil(
      async () => {
        const answer = await vault.call('GET', '/readyz')
        return answer.status === 503 && answer
      },
      { timeout: 20_000, interval: 200 },
    )
    expect(body.code).toBe('audit-log-changed')
    return String(alerts(vault, 'audit-log-changed').at(-1)!.reason)
  }
  const ready = () =>
    vi.waitUntil(async () => (await vault.call('GET', '/readyz')).status === 200, { timeout: 20_000, interval: 200 })

  it('notices each change, says so on /readyz, and is ready again when the log is', async () => {
    await ready()
    const [before] = await sql<{ note: string }>('SELECT note FROM audit_head')
    const older = parseCheckpoint(before!.note)
    await vault.tokenize(checkout)
    await inTheLog()
    for (const table of copies) await sql(`CREATE TABLE kept_${table} AS TABLE ${table}`)
    const last = '(SELECT max(sequence) FROM readable.audit_leaves)'
    const changes: [string, RegExp][] = [
      [
        `UPDATE audit_head SET size = ${older.size}, root = '\\x${older.root.toString('hex')}', note = '${before!.note}'`,
        /put back from/,
      ],
      ['DELETE FROM audit_head', /head of the log is gone/],
      [`UPDATE readable.audit_leaves SET hash = sha256('') WHERE sequence = ${last}`, /do not give the root/],
      [`DELETE FROM readable.audit_leaves WHERE sequence = ${last}`, /do not give the root/],
      [
        `INSERT INTO readable.audit_leaves SELECT sequence + 1, 'evt_77777777777777777777777777', hash FROM readable.audit_leaves WHERE sequence = ${last}`,
        /put back to/,
      ],
      [
        `UPDATE readable.audit_events SET body = replace(body, 'success', 'refused') WHERE type = 'record.tokenize'`,
        /was edited/,
      ],
      [`DELETE FROM readable.audit_events WHERE type = 'record.tokenize'`, /is gone/],
      // The columns of the body decide what is found, and who finds it.
      [`UPDATE readable.audit_events SET type = 'record.read' WHERE type = 'record.tokenize'`, /was edited/],
      [
        `UPDATE readable.audit_events SET token = 'card_${'1'.repeat(26)}', site = NULL WHERE type = 'record.tokenize'`,
        /was edited/,
      ],
      [
        `UPDATE readable.audit_events SET caller = 'staff:ann', purpose = 'communicate' WHERE type = 'audit.start'`,
        /was edited/,
      ],
      // A leaf may say that its event is old, but no drop says so.
      [
        `WITH gone AS (DELETE FROM readable.audit_events WHERE type = 'audit.start' RETURNING id)
         UPDATE readable.audit_leaves SET event = 'evt_00000000000000000000000001' WHERE event = (SELECT id FROM gone)`,
        /is gone/,
      ],
    ]
    for (const [at, [change, reason]] of changes.entries()) {
      await sql(change)
      // The first time it is the server itself that looks.
      if (at > 0) await look()
      expect(await noticed(), change).toMatch(reason)
      await sql(
        copies.map((table) => `DELETE FROM ${table}; INSERT INTO ${table} SELECT * FROM kept_${table}`).join('; '),
      )
      await look()
      await ready()
    }
    expect(alerts(vault, 'background-task-failed')).toEqual([])
  }, 90_000)
})

it('a running server notices that the head was put back under it', async () => {
  const [before] = await sql<{ note: string }>('SELECT note FROM audit_head')
  const { size, root } = parseCheckpoint(before!.note)
  await vault.tokenize(checkout)
  await inTheLog()
  await sql(`UPDATE audit_head SET size = ${size}, root = '\\x${root.toString('hex')}', note = '${before!.note}';
             DELETE FROM readable.audit_leaves WHERE sequence >= ${size}`)
  await vault.tokenize(checkout)
  await vi.waitUntil(() => alerts(vault, 'audit-log-changed').length > 0, { timeout: 20_000 })
  // What sequences and what watches the log each say what they find: which of them comes first differs.
  const isSaid = (what: RegExp) => alerts(vault, 'audit-log-changed').some(({ reason }) => what.test(String(reason)))
  await vi.waitUntil(() => isSaid(/put back from \d+ leaves/), { timeout: 20_000 })
  await vi.waitUntil(() => isSaid(/changed outside the vault/), { timeout: 20_000 })
  expect(await behind()).toBeGreaterThan(0)
})

it('events that do not come into the log are an alarm within a minute, but not at once after a long stop', async () => {
  const release = await holdLog(vault.database)
  await vault.tokenize(checkout)
  const options = { config: { keepsLog: true }, sharedDatabase: vault.database }
  const inTime = await TestVault.start(options)
  const started = await TestVault.start({ ...options, clockOffsetMs: 61_000 })
  const late = await TestVault.start(options)
  late.clockOffsetMs = 61_000
  try {
    const [alert] = await vi.waitUntil(
      () => {
        const raised = alerts(late, 'audit-unsequenced')
        return raised.length > 0 && raised
      },
      { timeout: 20_000 },
    )
    expect(alert!.seconds).toBeGreaterThanOrEqual(61)
    expect(alerts(inTime, 'audit-unsequenced')).toEqual([])
    expect(alerts(started, 'audit-unsequenced')).toEqual([])
    expect((await late.metrics.text()).body).toMatch(/strongroom_audit_waiting_seconds (6\d|[7-9]\d|\d{3})/)
  } finally {
    await release()
    for (const server of [late, started, inTime]) await server.stop()
  }
})
