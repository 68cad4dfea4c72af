import pg from 'pg'
import type { Response } from 'supertest'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { createDatabaseWithKeys, type TestDatabase } from '../support/postgres.ts'
import { expectProblem } from '../support/problems.ts'
import { contact } from '../support/samples.ts'
import { mountSmallDisk, type SmallDisk } from '../support/small-disk.ts'
import { stopSchemaWatch } from '../support/stop-schema-watch.ts'
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { TestVault } from '../support/test-vault.ts'

/** An attacker makes the log unwritable, so that what they do next is not recorded. PCI DSS 10.7. */

let database: TestDatabase
let proxy: TcpProxy
let vault: TestVault
let token: string
let support: string
let gaps = 0

/** After so long without one answer a log that hangs is away (`watchOutage`). */
const HANGS_AFTER_MS = 10_000

beforeAll(async () => {
  database = await createDatabaseWithKeys()
  proxy = await startTcpProxy(database.serverUrl)
  vault = await TestVault.start({
    sharedDatabase: { ...database, serverUrl: proxy.url },
    config: { database: { lockTimeoutMs: 500 } },
  })
  await stopSchemaWatch(vault)
  support = await vault.staffToken('support')
  token = (await vault.tokenize({ contact })).contact!.token!
})
afterEach(() => vault.checkInvariants())
afterAll(async () => {
  await vault.stop()
  await proxy.close()
  await database.drop()
})

const reveal = () =>
  vault.call('POST', `/v1/tokens/${token}/reveal`, { token: support, body: { purpose: 'communicate' } })

const alarms = () => vault.logLines.filter((line) => line.includes('"alert":"audit-unavailable"')).length

/** Everything that left the vault has its event. */
let released = 0
async function expectEveryReleaseRecorded(): Promise<void> {
  expect((await vault.events({ type: 'record.reveal' })).length).toBeGreaterThanOrEqual(released)
}

function expectRefused(answer: Response, codes: readonly string[]): void {
  expect(codes).toContain(answer.body.code)
  expectProblem(answer, 503, answer.body.code)
  expect(answer.headers['retry-after']).toMatch(/^[1-9]\d*$/)
  expect(answer.text).not.toContain(contact.email)
}

async function worksAgain(): Promise<void> {
  await vi.waitUntil(
    async () => {
      const { status } = await reveal()
      if (status === 200) released++
      return status === 200
    },
    { timeout: 15_000, interval: 100 },
  )
}

/** The record of the outage that is over: when it was, and all calls that were refused in it. */
async function expectGap(refused: number, startedAt: Date, codes: readonly string[], more = 0): Promise<void> {
  const recorded = async () => (await vault.events({ type: 'audit.gap' })).slice(gaps)
  const total = async () => (await recorded()).reduce((sum, { count }) => sum + Number(count), 0)
  await vi.waitUntil(async () => (await total()) >= refused, { timeout: 15_000, interval: 100 })
  expect(await total()).toBeLessThanOrEqual(refused + more)
  const events = await recorded()
  gaps += events.length
  for (const event of events) expect(event).toMatchObject({ outcome: 'failed', caller: { kind: 'vault' } })
  const [{ since, until, code, at }] = events as [Record<string, string>]
  expect(codes).toContain(code)
  expect(Date.parse(since!)).toBeGreaterThanOrEqual(startedAt.getTime())
  expect(Date.parse(until!)).toBeGreaterThanOrEqual(Date.parse(since!))
  expect(Date.parse(at!)).toBeGreaterThanOrEqual(Date.parse(until!))
}

describe('a log that cannot be reached', () => {
  it('releases nothing, raises one alert, and records the gap when it is back', async () => {
    const startedAt = new Date()
    proxy.cut()
    const codes = ['database-unavailable', 'sealed']
    for (let call = 0; call < 4; call++) expectRefused(await reveal(), codes)
    expect(alarms()).toBe(1)
    expect((await vault.call('GET', '/healthz')).status).toBe(200)
    proxy.mend()
    await expectGap(4, startedAt, ['database-unavailable'])
    await worksAgain()
    await expectEveryReleaseRecorded()
    expect(alarms()).toBe(1)
  })
})

describe('a log that takes no entries', () => {
  it('lets nothing out either; so soon after the last outage it raises no alert', async () => {
    const startedAt = new Date()
    await database.sql('REVOKE INSERT ON audit_events FROM strongroom_runtime')
    for (let call = 0; call < 3; call++) expectRefused(await reveal(), ['audit-unavailable'])
    // Even the refusal could not be recorded.
    expectRefused(await vault.call('GET', `/v1/tokens/${token}`), ['audit-unavailable'])
    await database.sql('GRANT INSERT ON audit_events TO strongroom_runtime')
    await expectGap(4, startedAt, ['audit-unavailable'])
    expect(alarms()).toBe(1)
    await worksAgain()
    await expectEveryReleaseRecorded()
  })
})

describe('a log that hangs', () => {
  it('releases nothing, and no request waits without end', async () => {
    const startedAt = new Date()
    const open = await database.hold('LOCK TABLE audit_events IN EXCLUSIVE MODE')
    // The server ends what waits, and the answer says to come again; in the end that is an outage like any other.
    let calls = 0
    for (const asked = performance.now(); performance.now() - asked < HANGS_AFTER_MS + 1_000; calls += 2) {
      for (const answer of await Promise.all([reveal(), reveal()])) expectRefused(answer, ['busy'])
    }
    await open()
    // Events of the first refusals, written after their answers, may be missed beside those.
    await expectGap(calls, startedAt, ['busy'], calls)
    await worksAgain()
    await expectEveryReleaseRecorded()
  }, 60_000)
})

describe('a log whose disk is full', () => {
  let disk: SmallDisk | string = 'not mounted'
  const space = `small_${process.pid}_${Date.now()}`

  async function asSuperuser(statement: string): Promise<void> {
    const url = Object.assign(new URL(inject('cluster').superuserUrl), { pathname: '/postgres' })
    const client = new pg.Client({ connectionString: url.href })
    await client.connect()
    await client.query(statement).finally(() => client.end())
  }

  async function moveLog(tablespace: string): Promise<void> {
    await database.sql(`DO $$ DECLARE part regclass; BEGIN
      FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent IN (
        SELECT 'audit_events'::regclass UNION ALL
        SELECT indexrelid FROM pg_index WHERE indrelid = 'audit_events'::regclass)
      LOOP
        IF (SELECT relkind FROM pg_class WHERE oid = part) = 'r'
        THEN EXECUTE format('ALTER TABLE %s SET TABLESPACE ${tablespace}', part);
        ELSE EXECUTE format('ALTER INDEX %s SET TABLESPACE ${tablespace}', part);
        END IF;
      END LOOP; END $$`)
  }

  beforeAll(async () => {
    const [row] = await database.sql<{ directory: string }>(`SELECT current_setting('data_directory') AS directory`)
    disk = mountSmallDisk(row!.directory)
    if (typeof disk === 'string') return
    await asSuperuser(`CREATE TABLESPACE ${space} LOCATION '${disk.directory}'`)
    await moveLog(space)
  })
  afterAll(async () => {
    if (typeof disk === 'string') return
    disk.free()
    await moveLog('pg_default')
    await asSuperuser(`DROP TABLESPACE ${space}`)
    disk.unmount()
  })

  it('releases nothing, says so clearly, and continues when there is room', async (context) => {
    context.skip(typeof disk === 'string', String(disk))
    const { fill, free } = disk as SmallDisk
    await worksAgain()
    const startedAt = new Date()
    fill()
    const before = await vault.count('records')
    let refused = 0
    // What PostgreSQL has of the disk already takes some more.
    for (let call = 0; call < 500 && refused < 5; call++) {
      const answer = await reveal()
      if (answer.status === 200) released++
      else {
        refused++
        expectRefused(answer, ['audit-unavailable'])
      }
    }
    expect(refused).toBe(5)
    await expectEveryReleaseRecorded()
    expect(await vault.count('records')).toBe(before)
    free()
    await expectGap(5, startedAt, ['audit-unavailable'])
    await worksAgain()
    await expectEveryReleaseRecorded()
  }, 60_000)
})
