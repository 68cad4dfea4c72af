import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { parseDestinationsFile } from '../../src/destinations/destination-file.ts'
import { BACKGROUND_TASKS, type TaskName } from '../../src/observability/background.ts'
import { erasureTaskProofs } from '../support/erasure-task-proofs.ts'
import { eventTaskProofs } from '../support/event-task-proofs.ts'
import { expectTakenIn } from '../support/expect-taken-in.ts'
import { seeCertificatesFollowed } from '../support/followed-certificates.ts'
import { holdLog } from '../support/hold-log.ts'
import { expectIndexKeyDestroyed } from '../support/index-key-destroyed.ts'
import { createDatabaseWithKeys, type TestDatabase } from '../support/postgres.ts'
import { privacyTaskProofs } from '../support/privacy-task-proofs.ts'
import { Processor } from '../support/processor.ts'
import { runTask } from '../support/run-task.ts'
import { contact } from '../support/samples.ts'
import { sweepProofs } from '../support/sweep-proofs.ts'
import { quickKeys, TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const PATIENCE = { timeout: 20_000, interval: 50 }

let directory: string
let database: TestDatabase
/** A server that does everything that a server does, as the role that a server has. */
let vault: TestVault
/** Takes alerts. */
let receiver: Processor

async function open(): Promise<void> {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-tasks-'))
  database = await createDatabaseWithKeys()
  const witnessesFile = path.join(directory, 'witnesses.json')
  writeFileSync(witnessesFile, JSON.stringify({ every_seconds: 1, ship: [{ file: 'checkpoints' }] }))
  receiver = await Processor.start()
  vault = await TestVault.start({
    sharedDatabase: database,
    config: {
      ...{ keepsLog: true, runsRotations: true, audit: { witnessesFile } },
      checkout: { countsVisits: true },
    },
    overrides: quickKeys,
  })
  const alerts = { url: `${receiver.origin}/alerts`, ca: receiver.ca, private_addresses: true }
  const file = parseDestinationsFile({ format: 1, destinations: {}, receivers: { alerts } })
  await vault.commands.applyDestinations(OPERATOR, file)
}

async function close(): Promise<void> {
  await vault.stop()
  await receiver.stop()
  await database.drop()
  rmSync(directory, { recursive: true })
}

interface Line {
  alert?: string
  task?: string
  key?: string
  msg: string
}
const lines = () => vault.logLines.map((line) => JSON.parse(line) as Line)
const failuresOf = (task: TaskName) =>
  lines().filter((line) => line.alert === 'background-task-failed' && line.task === task)

const run = (name: TaskName) => runTask(vault, name)

async function one<T>(text: string, values: unknown[] = []): Promise<T> {
  const [row] = await database.sql<{ value: T }>(text, values)
  return row!.value
}

/** At that age a key gets a successor beside it. */
async function expectNewKey(task: TaskName, purpose: string, days: number): Promise<void> {
  vault.clockOffsetMs = days * DAY
  await run(task)
  const made = () => one<number>('SELECT count(*)::integer AS value FROM keys WHERE purpose = $1', [purpose])
  await vi.waitFor(async () => expect(await made()).toBe(2), PATIENCE)
}

/** What each task is there for, seen in the database or on the disk. A task that is not here fails below. */
const proofs: Record<TaskName, () => Promise<void>> = {
  'destroy-index-keys': () => expectIndexKeyDestroyed(vault, () => run('destroy-index-keys')),
  ...eventTaskProofs(() => vault, run),
  ...erasureTaskProofs(
    () => vault,
    run,
    () => directory,
  ),

  async 'end-checkout-sessions'() {
    const token = await vault.clientToken(['tokenize'], { role: 'checkout' })
    const body = { origins: ['https://shop.example'], minutes: 1 }
    const { id } = (await vault.call('POST', '/v1/checkout-sessions', { token, body })).body
    const state = () =>
      database.sql('SELECT closed_at IS NOT NULL AS is_closed FROM checkout_sessions WHERE id = $1', [id])
    vault.clockOffsetMs = 2 * MINUTE
    await run('end-checkout-sessions')
    expect(await state()).toEqual([{ is_closed: true }])
    vault.clockOffsetMs = DAY + 2 * MINUTE
    await run('end-checkout-sessions')
    expect(await state()).toEqual([])
  },

  'keep-mac-keys': () => expectNewKey('keep-mac-keys', 'access-mac', 300),
  'keep-signing-keys': () => expectNewKey('keep-signing-keys', 'token-signing', 80),

  async 'read-key-registry'() {
    // By SQL, so that no notification is sent.
    const states = `UPDATE keys SET deactivated_at = now() WHERE purpose = 'display'`
    await database.sql(states)
    await run('read-key-registry')
    await vi.waitFor(() => expect(vault.sealedBecause()).toBeDefined(), PATIENCE)
    await database.sql(states.replace('now()', 'NULL'))
    await vi.waitFor(() => expect(vault.sealedBecause()).toBeUndefined(), PATIENCE)
  },

  'renew-certificates': () => seeCertificatesFollowed(vault, directory, () => failuresOf('renew-certificates').length),

  async 'report-key-uses'() {
    const uses = () =>
      one<number>(`SELECT uses::integer AS value FROM key_uses JOIN keys ON id = key_id WHERE purpose = 'secret'`)
    // What other tests used of the key is reported before.
    await run('report-key-uses')
    const before = await uses()
    await vault.tokenize({ contact })
    await run('report-key-uses')
    expect(await uses()).toBe(before + 1)
  },

  async 'run-rotations'() {
    await vault.tokenize({ contact })
    await vault.commands.requestRotation(OPERATOR, { purposes: ['index'] })
    const active = `SELECT id AS value FROM keys WHERE purpose = 'index' AND state = 'active'`
    const before = await one<string>(active)
    await vi.waitFor(
      async () => expect(await one('SELECT count(finished_at)::integer AS value FROM rotations')).toBe(1),
      PATIENCE,
    )
    const after = await one<string>(active)
    expect(after).not.toBe(before)
    expect(await one('SELECT array_agg(DISTINCT key_id) AS value FROM readable.search_terms')).toEqual([after])
  },

  async 'sequence-audit-log'() {
    await vault.tokenize({ contact })
    const waiting = `SELECT count(*)::integer AS value FROM readable.audit_events WHERE id NOT IN (SELECT event FROM readable.audit_leaves)`
    await vi.waitFor(async () => expect(await one(waiting)).toBe(0), PATIENCE)
    expect(await one('SELECT size::integer AS value FROM audit_head')).toBeGreaterThan(2)
  },

  async 'ship-checkpoints'() {
    await vi.waitFor(
      () => expect(readFileSync(path.join(directory, 'checkpoints'), 'utf8')).toMatch(/^localhost:8443\/audit\n\d+\n/),
      PATIENCE,
    )
  },

  ...sweepProofs(() => vault, run),
  ...privacyTaskProofs(
    () => vault,
    () => receiver,
    run,
  ),

  'take-in-access': () => expectTakenIn(database),

  async 'watch-audit-log'() {
    const release = await holdLog(database)
    try {
      await vault.tokenize({ contact })
      vault.clockOffsetMs = 5 * MINUTE
      await vi.waitFor(async () => {
        await run('watch-audit-log')
        expect(lines().some(({ alert }) => alert === 'audit-unsequenced')).toBe(true)
      }, PATIENCE)
    } finally {
      await release()
    }
  },

  async 'watch-database-schema'() {
    expect(await vault.events({ type: 'migrate' })).toHaveLength(1)
    await database.sql('CREATE RULE swallow AS ON INSERT TO audit_events DO INSTEAD NOTHING')
    await run('watch-database-schema')
    expect(lines()).toContainEqual(expect.objectContaining({ alert: 'schema-changed' }))
    expect((await vault.call('GET', '/readyz')).body.code).toBe('schema-changed')
    await database.sql('DROP RULE swallow ON audit_events')
    await run('watch-database-schema')
    expect((await vault.call('GET', '/readyz')).status).toBe(200)
  },

  async 'watch-keys'() {
    vault.clockOffsetMs = 300 * DAY
    await run('watch-keys')
    const display = await one<string>(`SELECT id AS value FROM keys WHERE purpose = 'display'`)
    await vi.waitFor(
      () => expect(lines()).toContainEqual(expect.objectContaining({ alert: 'key-expiring', key: display })),
      PATIENCE,
    )
  },

  async 'watch-log-end'() {
    await vi.waitFor(async () => {
      await database.sql(`UPDATE audit_head SET root = sha256('')`)
      await run('watch-log-end')
      expect(lines().some(({ alert }) => alert === 'audit-log-changed')).toBe(true)
    }, PATIENCE)
  },

  async 'watch-outside-checkpoints'() {
    await database.sql("INSERT INTO outside_checkpoints VALUES (1000000, '', null, 'a witness', now())")
    await run('watch-outside-checkpoints')
    expect(lines()).toContainEqual(expect.objectContaining({ alert: 'restored-backup', source: 'a witness' }))
  },

  async 'write-refusal-counts'() {
    const strict = await TestVault.start({
      sharedDatabase: database,
      config: { limits: { strangers: { perSource: 1, inAll: 100 } } },
    })
    try {
      for (let calls = 0; calls < 3; calls++) await strict.call('GET', '/v1/audit/events', { token: 'none' })
      await strict.background.tasks.get('write-refusal-counts')!.run()
      expect(await strict.events({ code: 'too-many-requests' })).toMatchObject([{ type: 'request.refuse', count: 2 }])
    } finally {
      await strict.stop()
    }
  },
}

/** They leave the clock, the log and the keys as they are, so that one vault is enough for them. */
const SHARING: readonly TaskName[] = [
  'report-event-numbers',
  'prepare-audit-partitions',
  'renew-certificates',
  'report-key-uses',
  'sequence-audit-log',
  'ship-checkpoints',
  'sweep-budgets',
  'take-in-access',
  'watch-database-schema',
  'write-refusal-counts',
]
const others = (Object.keys(BACKGROUND_TASKS) as TaskName[]).filter((name) => !SHARING.includes(name))

async function expectWork(name: TaskName): Promise<void> {
  await proofs[name]()
  // A certificate that cannot be used is how that one is seen to look.
  if (name !== 'renew-certificates') expect(failuresOf(name)).toEqual([])
}

describe('one after the other', () => {
  beforeAll(open)
  afterEach(() => vault.checkInvariants())
  afterAll(close)

  it.each(SHARING)('%s does its work as the role of the server', expectWork)

  it('a server begins every task that there is, but for what follows its certificate', () => {
    const begun = [...vault.background.tasks.keys(), 'renew-certificates']
    expect(begun.toSorted()).toEqual(Object.keys(BACKGROUND_TASKS).toSorted())
  })
})

describe('in a vault of its own', () => {
  beforeEach(open)
  afterEach(async () => {
    await vault.checkInvariants()
    await close()
  })

  it.each(others)('%s does its work as the role of the server', expectWork)
})
