import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { readPartitionState } from '../../src/audit/retention/partition-store.ts'
import { takeInAllAstray } from '../../src/audit/retention/take-in-astray.ts'
import { readConfig } from '../../src/config/config.ts'
import { openDatabase } from '../../src/database/database.ts'
import { findSchema } from '../../src/schema/accept-schema.ts'
import { examinePartitions } from '../../src/start/doctor/examine-partitions.ts'
import { examineVault, migrateVault } from '../../src/start/open-vault.ts'
import { createDatabaseWithKeys, type TestDatabase, withDatabase } from '../support/postgres.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const DAY = 24 * 60 * 60 * 1_000
const PATIENCE = { timeout: 30_000, interval: 50 }

let vault: TestVault
/** A server that keeps the log of the same vault. */
let keeper: TestVault
/** Another one, which keeps no log, and whose clock goes wrong. */
let ahead: TestVault

beforeAll(async () => {
  vault = await TestVault.start()
  keeper = await TestVault.start({ sharedDatabase: vault.database, config: { keepsLog: true } })
  ahead = await TestVault.start({ sharedDatabase: vault.database })
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await ahead.stop()
  await keeper.stop()
  await vault.stop()
})

async function partitionsOf(database: TestDatabase): Promise<string[]> {
  const rows = await database.sql<{ name: string }>(
    "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit_events'::regclass ORDER BY 1",
  )
  return rows.map(({ name }) => name)
}
/** The months to come, in their order; that of today has a table too where the database is from the month before. */
const months = async () =>
  (await partitionsOf(vault.database)).filter((name) => /^audit_events_\d{4}_\d{2}$/.test(name) && name > tableOf(0))
const tableOf = (ahead: number) => `audit_events_${monthAhead(ahead).toISOString().slice(0, 7).replace('-', '_')}`
const monthAhead = (count: number) => {
  const now = new Date()
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + count, 2))
}

const prepare = (server = keeper) => server.background.tasks.get('prepare-audit-partitions')!.run()

interface Line {
  alert?: string
}
const alertsOf = ({ logLines }: TestVault) =>
  logLines
    .map((line) => JSON.parse(line) as Line)
    .filter(
      ({ alert }) =>
        alert !== undefined && ['audit-months-missing', 'audit-events-astray', 'clock-differs'].includes(alert),
    )

function asServer<T>(use: (database: ReturnType<typeof openDatabase>) => Promise<T>): Promise<T> {
  const database = openDatabase({ url: vault.database.serverUrl, maxConnections: 1 })
  return use(database).finally(() => database.close())
}
const state = (at = new Date()) => asServer((database) => readPartitionState(database, at))

const config = () =>
  readConfig({
    DATABASE_URL: vault.database.serverUrl,
    DATABASE_OWNER_URL: withDatabase(inject('cluster').superuserUrl, vault.database.name),
    STRONGROOM_DATA_DIR: path.dirname(inject('cluster').rootKeyFile),
    STRONGROOM_ROOT_KEY_FILE: inject('cluster').rootKeyFile,
  })
/** What the doctor says of the partitions. */
const findings = () => asServer(examinePartitions)
async function migrateAgain(): Promise<string[]> {
  const told: string[] = []
  await migrateVault(config(), { role: 'command', command: 'migrate', log: (line) => told.push(line) })
  return told
}

/** The server whose clock is that many months ahead writes an event. */
async function writeAhead(count: number): Promise<void> {
  ahead.clockOffsetMs = monthAhead(count).getTime() - Date.now()
  await ahead.commands.recordVerification(OPERATOR, { ok: true, size: 1 })
  ahead.clockOffsetMs = 0
}

describe('the months to come', () => {
  it('get their partitions from a server, without a right to anything else of the schema', async () => {
    const before = await partitionsOf(vault.database)
    const ahead = await months()
    expect(ahead).toHaveLength(3)
    // As after a long stop: the last two months were never prepared.
    for (const name of ahead.slice(1)) await vault.database.sql(`DROP TABLE ${name}`)
    const server = await TestVault.start({ sharedDatabase: vault.database, config: { keepsLog: true } })
    await server.stop()
    expect(await partitionsOf(vault.database)).toEqual(before)
    expect(server.logLines.join('')).not.toContain('background task failed')
  })

  it('are like any other: same indexes, no check that only attaching needed, no difference of the schema', async () => {
    const [name] = await months()
    await vault.database.sql(`DROP TABLE ${name}`)
    await prepare()
    const [made] = await vault.database.sql(
      `SELECT (SELECT count(*)::integer FROM pg_index i JOIN pg_inherits ON inhrelid = i.indexrelid WHERE indrelid = $1::regclass) AS attached,
              (SELECT count(*)::integer FROM pg_index WHERE indrelid = $1::regclass) AS indexes,
              (SELECT count(*)::integer FROM pg_index WHERE indrelid = 'audit_events'::regclass) AS wanted,
              (SELECT array_agg(conname::text) FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'c') AS checks,
              (SELECT relacl IS NULL FROM pg_class WHERE oid = $1::regclass) AS is_closed`,
      [name],
    )
    expect(made).toEqual({
      attached: made!.wanted,
      indexes: made!.wanted,
      wanted: expect.any(Number),
      checks: ['audit_events_mac_check'],
      is_closed: true,
    })
    expect(await asServer(findSchema)).toMatchObject({ differences: [], others: [] })
  })

  it('do not wait for writers or readers of events of other months', async () => {
    const [, , last] = await months()
    await vault.database.sql(`DROP TABLE ${last}`)
    const finish = await vault.database.hold(
      'LOCK TABLE ONLY audit_events IN ROW EXCLUSIVE MODE; LOCK TABLE audit_events_early IN ROW EXCLUSIVE MODE',
    )
    try {
      await prepare()
      expect(await months()).toContain(last)
    } finally {
      await finish()
    }
  })

  it('are tried again a moment later where a reader of everything holds the log', async () => {
    const [, , last] = await months()
    await vault.database.sql(`DROP TABLE ${last}`)
    const finish = await vault.database.hold('LOCK TABLE audit_events IN ACCESS SHARE MODE')
    const prepared = prepare()
    // Each try waits for a fifth of a second, and what reads the log waits behind it.
    const waiting = `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
      AND query LIKE '%audit_prepare_partitions%'`
    await vi.waitFor(async () => expect(await vault.database.sql(waiting)).toHaveLength(1), {
      ...PATIENCE,
      interval: 5,
    })
    await finish()
    await prepared
    expect(await months()).toContain(last)
    expect(alertsOf(keeper)).toEqual([])
    expect(await findings()).toEqual([])
  })

  it('are an alert and a finding while a reader holds the log for longer', async () => {
    const [, second, last] = await months()
    await vault.database.sql(`DROP TABLE ${second}, ${last}`)
    const finish = await vault.database.hold('LOCK TABLE audit_events IN ACCESS SHARE MODE')
    try {
      await prepare()
      expect(alertsOf(keeper)).toMatchObject([{ alert: 'audit-months-missing', months_ahead: 1 }])
      expect(await findings()).toMatchObject([
        {
          code: 'audit-months-missing',
          severity: 'warning',
          detail: expect.stringMatching(/^1 of the months to come/),
        },
      ])
    } finally {
      await finish()
    }
    await prepare()
    expect(await months()).toHaveLength(3)
    expect(await findings()).toEqual([])
    expect(alertsOf(keeper)).toHaveLength(1)
  })
})

describe('an event of a month without a partition', () => {
  it('is an alert and a finding until migrate gives the month its partition, with the event as it was', async () => {
    const alerted = alertsOf(keeper).length
    const [next] = await months()
    await vault.database.sql(`DROP TABLE ${next}`)
    await writeAhead(1)
    const select = `SELECT tableoid::regclass::text AS place, uuid_id('evt', id) AS id, body, position, encode(mac, 'hex') AS mac
                    FROM audit_events e WHERE e.id >= audit_event_id_at($1) ORDER BY e.id`
    const written = await vault.database.sql(select, [monthAhead(1)])
    expect(written.length).toBeGreaterThan(0)
    expect(new Set(written.map(({ place }) => place))).toEqual(new Set(['audit_events_other']))

    // It is in the way of its month. An alert comes once.
    await prepare()
    await prepare()
    expect(await months()).not.toContain(next)
    expect(await state()).toMatchObject({ monthsAhead: 0, astray: written.length, firstAstray: written[0]!.id })
    expect(alertsOf(keeper).slice(alerted)).toMatchObject([
      { alert: 'audit-months-missing', months_ahead: 0 },
      { alert: 'audit-events-astray', events: written.length },
    ])
    const month = monthAhead(1).toISOString().slice(0, 7)
    const found = await examineVault(config(), { role: 'command', command: 'doctor', log: () => {} })
    expect(found.filter(({ code }) => /^audit-(months|events)/.test(code))).toMatchObject([
      { code: 'audit-months-missing', severity: 'warning' },
      { code: 'audit-events-astray', severity: 'warning', detail: expect.stringContaining(month) },
    ])

    expect(await migrateAgain()).toEqual([`the events of ${month} have a partition of their own now`])
    expect(await vault.database.sql(select, [monthAhead(1)])).toEqual(written.map((row) => ({ ...row, place: next })))
    expect(await findings()).toEqual([])
    expect(await asServer(findSchema)).toMatchObject({ differences: [], others: [] })
    await prepare()
    expect(alertsOf(keeper)).toHaveLength(alerted + 2)
  })

  it('is found beyond the months that are made ahead, too', async () => {
    await writeAhead(14)
    expect(await state()).toMatchObject({ monthsAhead: 3, astray: expect.any(Number) })
    expect(await findings()).toMatchObject([{ code: 'audit-events-astray' }])
    await migrateAgain()
    expect(await findings()).toEqual([])
  })

  it('stays where it is while the log is read, and migrate says so', async () => {
    await writeAhead(20)
    const finish = await vault.database.hold('LOCK TABLE audit_events_other IN ACCESS SHARE MODE')
    try {
      const owner = openDatabase({ url: config().database!.ownerUrl, maxConnections: 1 })
      const told: string[] = []
      await takeInAllAstray(owner, (line) => told.push(line), 2).finally(() => owner.close())
      expect(told).toEqual([expect.stringMatching(/^the audit log is being read/)])
    } finally {
      await finish()
    }
    expect((await state()).astray).toBeGreaterThan(0)
    await migrateAgain()
    expect((await state()).astray).toBe(0)
  })

  it('that a drop has kept is not one of them', async () => {
    const database = await createDatabaseWithKeys()
    try {
      await database.sql('DROP TABLE audit_events_early; SELECT audit_prepare_partitions()')
      await database.sql(
        `INSERT INTO readable.audit_events (id, occurred_at, type, body)
         SELECT uuid_id('evt', audit_event_id_at(at)), at, 't', '{}' FROM (VALUES (now() - interval '2 years')) AS v (at)`,
      )
      const server = openDatabase({ url: database.serverUrl, maxConnections: 1 })
      const found = await readPartitionState(server, new Date()).finally(() => server.close())
      expect(found).toEqual({ monthsAhead: 3, astray: 0, firstAstray: null })
      const [row] = await database.sql('SELECT count(*)::integer AS count FROM audit_events_other')
      expect(row).toEqual({ count: 1 })
    } finally {
      await database.drop()
    }
  })
})

it('a server whose clock names other months than the database says so', async () => {
  const server = await TestVault.start({
    sharedDatabase: vault.database,
    config: { keepsLog: true },
    clockOffsetMs: monthAhead(2).getTime() - Date.now(),
  })
  try {
    await vi.waitFor(() => expect(alertsOf(server)).toHaveLength(2), PATIENCE)
    expect(alertsOf(server)).toMatchObject([
      { alert: 'audit-months-missing', months_ahead: 1 },
      { alert: 'clock-differs', seconds: expect.any(Number) },
    ])
    // Half a minute is what clocks may differ by; the months of the database stay.
    server.clockOffsetMs = 30_000
    await prepare(server)
    server.clockOffsetMs = -2 * DAY
    await prepare(server)
    expect(alertsOf(server).slice(2)).toMatchObject([
      { alert: 'clock-differs', seconds: expect.toSatisfy((s) => s < -60) },
    ])
  } finally {
    await server.stop()
  }
})
