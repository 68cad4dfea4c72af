import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import canonicalize from 'canonicalize'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { digestOf } from '../../src/audit/witness/settlements.ts'
import { createNewId } from '../../src/values/identifier.ts'
import { copyTestDatabase, createDatabaseWithKeys, type TestDatabase } from '../support/postgres.ts'
import { applyLog, becomesReady, exportTo, readyCode, settled, stateOf } from '../support/restore-drill.ts'
import { runTask } from '../support/run-task.ts'
import { contact } from '../support/samples.ts'
import { TestVault } from '../support/test-vault.ts'

const OPERATOR = { id: 'operator:test', kind: 'operator' } as const
const LONG = 120_000

let directory: string
let original: TestDatabase
let backup: TestDatabase
/** The backup, put back: what the attacker works on. */
let database: TestDatabase
let vault: TestVault
let erased: string
let client: string

const file = (name: string) => path.join(directory, name)
const start = async (on: TestDatabase) => {
  vault = await TestVault.start({
    sharedDatabase: on,
    config: { keepsLog: true, audit: { witnessesFile: file('witnesses.json') } },
  })
}

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'strongroom-settled-'))
  writeFileSync(file('witnesses.json'), JSON.stringify({ ship: [{ file: 'checkpoints' }], every_seconds: 1 }))
  original = await createDatabaseWithKeys()
  await start(original)
  erased = (await vault.tokenize({ contact })).contact!.token!
  client = (await vault.client(['token:read'])).id
  await settled(vault)
  await vault.stop()
  backup = await copyTestDatabase(original)
  await start(original)
  const officer = await vault.staffToken('privacy-officer')
  expect((await vault.call('DELETE', `/v1/tokens/${erased}`, { token: officer })).status).toBe(204)
  await vault.commands.revokeClient(OPERATOR, client)
  await vault.commands.disableStaff(OPERATOR, 'staff:ann')
  await exportTo(vault, file('newer.jsonl'))
  await vault.stop()
  database = await copyTestDatabase(backup)
  await start(database)
}, LONG)
afterAll(async () => {
  await vault.checkInvariants()
  await vault.stop()
  for (const one of [original, backup, database]) await one.drop()
  rmSync(directory, { recursive: true })
})

/** What every process does every two seconds. */
const look = () => runTask(vault, 'watch-outside-checkpoints')
const sql = <Row>(text: string, values: unknown[] = []) => database.sql<Row>(text, values)
const open = () => sql<{ size: string; root: Buffer }>('SELECT size, root FROM outside_checkpoints ORDER BY size, root')
const forgeries = () => vault.logLines.filter((line) => line.includes('"alert":"restore-forged"')).length

/** An event of the vault that is not an operator's answer. */
async function anotherEvent(): Promise<{ id: string; mac: Buffer }> {
  const [row] = await sql<{ id: string; mac: Buffer }>(
    `SELECT id, mac FROM readable.audit_events WHERE type = 'audit.start' AND mac IS NOT NULL LIMIT 1`,
  )
  return row!
}

const newId = createNewId(() => new Date(), randomBytes)

/** Puts an event into the table that the vault has not made, in the form of its own. */
async function invent(type: string, facts: object, mac: Buffer | null): Promise<string> {
  const id = newId('evt')
  const at = new Date()
  const body = canonicalize({ at, caller: OPERATOR, format: 1, id, outcome: 'success', type, ...facts })
  await sql(
    'INSERT INTO readable.audit_events (id, occurred_at, type, caller, body, mac) VALUES ($1, $2, $3, $4, $5, $6)',
    [id, at, type, OPERATOR.id, body, mac],
  )
  return id
}

/** What a waiver would say of all that is open. */
async function inventWaiver(mac: Buffer | null): Promise<string> {
  const found = (await open()).map(({ size, root }) => ({ size: Number(size), root }))
  return invent('restore.waive', { checkpoints: digestOf(found) }, mac)
}

describe('who owns the database does not open the reads of a restored backup', () => {
  it.each([
    ['by an event that there is not', async () => 'evt_none'],
    ['by an event about something else', async () => (await anotherEvent()).id],
    ['by an event that they invent', () => inventWaiver(null)],
    ['by an event that they invent, with the MAC of another', async () => inventWaiver((await anotherEvent()).mac)],
  ])('%s', async (_by, event) => {
    const before = forgeries()
    await sql('UPDATE outside_checkpoints SET settled_by = $1', [await event()])
    await look()
    expect(await readyCode(vault)).toBe('restored-backup')
    expect(forgeries()).toBe(before + 1)
  })

  it(
    'by removing what was found, before or after a start',
    async () => {
      const found = await open()
      await sql('DELETE FROM outside_checkpoints')
      await look()
      expect(await readyCode(vault)).toBe('restored-backup')
      expect((await open()).length).toBeGreaterThan(0)
      await vault.stop()
      await sql('DELETE FROM outside_checkpoints')
      await start(database)
      expect(await readyCode(vault)).toBe('restored-backup')
      expect(await open()).toEqual(found)
    },
    LONG,
  )

  it(
    'by checkpoints of the present log that an operator would answer for without knowing',
    async () => {
      const planted = `SELECT size, decode(split_part(note, E'\\n', 3), 'base64') FROM audit_checkpoints ORDER BY size LIMIT 2`
      await sql(`INSERT INTO outside_checkpoints SELECT c.*, NULL, 'planted', now() FROM (${planted}) AS c`)
      await vault.commands.waiveRestore(OPERATOR, 'The newer log is lost.')
      const settledBy =
        'SELECT DISTINCT source, settled_by IS NOT NULL AS done FROM outside_checkpoints ORDER BY source'
      expect(
        (await sql<{ source: string; done: boolean }>(settledBy)).map(({ source, done }) => [source, done]),
      ).toEqual([
        [file('checkpoints'), true],
        [file('checkpoints.erasures'), true],
        ['planted', false],
      ])
      await becomesReady(vault)
    },
    LONG,
  )

  it('by an event that answered for others', async () => {
    const settling = `SELECT DISTINCT settled_by AS id FROM outside_checkpoints WHERE settled_by IS NOT NULL`
    const [{ id } = { id: '' }] = await sql<{ id: string }>(settling)
    await sql(`INSERT INTO outside_checkpoints VALUES (999999, sha256('lost'), NULL, 'another', now(), $1)`, [id])
    await look()
    expect(await readyCode(vault)).toBe('restored-backup')
    await sql(`DELETE FROM outside_checkpoints WHERE source = 'another'`)
  })
})

describe('SQL by the owner of the database does not replace `restore apply`', () => {
  it(
    'by events that say that it was done, or by rows that say so for a moment',
    async () => {
      await vault.stop()
      await database.drop()
      database = await copyTestDatabase(backup)
      await start(database)
      const { plan } = await applyLog(vault, file('newer.jsonl'), true)
      for (const { event } of [...plan.disable, ...plan.revoke]) {
        await invent('staff.disable', { replay_of: event }, null)
        await invent('staff.disable', { replay_of: event }, (await anotherEvent()).mac)
      }
      await sql('UPDATE clients SET revoked_at = now() WHERE id = $1', [client])
      await sql(
        `UPDATE readable.records SET erased_at = now(), display_key_id = NULL, display_sealed = NULL, secret_key_id = NULL,
         secret_sealed = NULL WHERE token = $1`,
        [erased],
      )
      const applied = await applyLog(vault, file('newer.jsonl'))
      expect(applied.plan.disable).toMatchObject([{ id: 'staff:ann' }])
      expect(applied.plan.revoke).toMatchObject([{ id: client }])
      expect(applied.plan.erase).toMatchObject([{ token: erased }])
      expect(await vault.events({ type: 'record.erase', token: erased })).toHaveLength(1)
      await becomesReady(vault)
      expect(await stateOf(vault, erased)).toBe(410)
      expect((await applyLog(vault, file('newer.jsonl'))).event).toBeNull()
    },
    LONG,
  )
})
