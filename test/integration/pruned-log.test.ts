import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { parseVerifierKey } from '../../src/audit/formats/signed-note.ts'
import { tileAt, tilePath } from '../../src/audit/formats/tile.ts'
import { type Database, openDatabase } from '../../src/database/database.ts'
import { fsck, type ReadResource } from '../support/fsck.ts'
import { buildGoVerifier } from '../support/go-verifier.ts'
import { leaveOldLog } from '../support/old-log.ts'
import { createDatabaseWithKeys, type TestDatabase, withDatabase } from '../support/postgres.ts'
import { checkout } from '../support/samples.ts'
import { waitUntilLogged } from '../support/seed-events.ts'
import { TestVault } from '../support/test-vault.ts'
import { exportLines, verifyBoth, verifyLines } from '../support/verify-both.ts'

/** A log of fifteen months, of which one month after the other is dropped while the vault's clock runs. */
const MONTHS = 15
const EVENTS_A_MONTH = 200
const OPERATOR = { id: 'operator:test', kind: 'operator' } as const

const verifier = buildGoVerifier()
let database: TestDatabase
let owner: Database
let vault: TestVault
const today = { year: new Date().getUTCFullYear(), month: new Date().getUTCMonth() }

beforeAll(async () => {
  database = await createDatabaseWithKeys()
  owner = openDatabase({ url: withDatabase(inject('cluster').superuserUrl, database.name), maxConnections: 2 })
  const events = Array.from({ length: MONTHS * EVENTS_A_MONTH }, (_, at) => {
    const month = today.month - MONTHS + Math.floor(at / EVENTS_A_MONTH)
    const time = new Date(Date.UTC(today.year, month, 10) + (at % EVENTS_A_MONTH) * 60_000)
    return { at: time, type: 'audit.read', outcome: 'success', count: at } as const
  })
  await leaveOldLog(database, events)
  // The months of the past have no partitions of their own: they are in that for everything else.
  await database.sql(`DO $$ BEGIN
    ALTER TABLE audit_events DETACH PARTITION audit_events_early;
    INSERT INTO audit_events SELECT * FROM audit_events_early;
    DROP TABLE audit_events_early; END $$`)
  vault = await TestVault.start({ sharedDatabase: database, config: { keepsLog: true } })
  await waitUntilLogged(vault)
}, 60_000)
afterAll(async () => {
  await vault.stop()
  await owner.close()
  await database.drop()
  if (typeof verifier !== 'string') verifier.remove()
})

async function reader(): Promise<ReadResource> {
  const token = await vault.staffToken('auditor')
  return async (resource) => {
    const { status, body, text } = await vault.call('GET', `/v1/audit/${resource}`, { token })
    return { status, body: Buffer.isBuffer(body) ? body : Buffer.from(text ?? '') }
  }
}

it('is what its checkpoint says after each drop, to other people and to the vault, in the database and exported', async () => {
  const [key] = await vault.commands.listLogKeys()
  const keys = [parseVerifierKey(key!.verifier_key)]
  const read = await reader()
  const whole = await fsck(read, key!.verifier_key)
  expect(whole).toMatchObject({ minimumIndex: 0, entries: { length: whole.size } })
  const [oldest] = await database.sql<{ id: string }>(
    'SELECT event AS id FROM readable.audit_leaves WHERE sequence = 900',
  )
  const receipt = (await read(`events/${oldest!.id}/receipt`)).body.toString()
  const older = (await read('checkpoint')).body.toString()
  for (let drop = 1; drop <= 3; drop++) {
    const request = { olderThanMonths: 12, isDryRun: false }
    const { minimum_index } = await vault.commands.dropEvents(owner, OPERATOR, request)
    await vault.tokenize(checkout)
    await waitUntilLogged(vault)
    const firstKept = (2 + drop) * EVENTS_A_MONTH
    expect(minimum_index).toBe(Math.ceil(firstKept / 256) * 256)
    const checked = await fsck(await reader(), key!.verifier_key)
    expect(checked).toMatchObject({ minimumIndex: minimum_index, entries: { length: checked.size - minimum_index } })
    await waitUntilLogged(vault)
    const receipts = [{ place: 'receipt.json', json: receipt }]
    const { ofDatabase, ofExport } = await verifyBoth(vault, {
      keys,
      receipts,
      checkpoints: [{ place: 'older', note: older }],
    })
    for (const found of [ofDatabase, ofExport])
      expect(found).toMatchObject({ findings: [], dropped: firstKept, minimum_index })
    // The middle of the next month: 31 days from the end of a month may pass over a whole one.
    const { year, month } = today
    vault.clockOffsetMs = Date.UTC(year, month + drop, 15) - Date.now()
  }
}, 90_000)

it.skipIf(typeof verifier === 'string')('verifies with Go’s verifier, from its minimum index on', async () => {
  const read = await reader()
  const [key] = await vault.commands.listLogKeys()
  const older = (await read('checkpoint')).body.toString()
  await vault.tokenize(checkout)
  await waitUntilLogged(vault)
  const newer = (await read('checkpoint')).body.toString()
  const size = Number(newer.split('\n')[1])
  const { minimumIndex: first, entries } = await fsck(read, key!.verifier_key)
  const tiles: Record<string, string> = {}
  for (let level = 0; tileAt(level, 0, size) !== undefined; level++) {
    for (let index = 0; ; index++) {
      const tile = tileAt(level, index, size)
      if (tile === undefined) break
      tiles[tilePath(tile)] = (await read(`tile/${tilePath(tile)}`)).body.toString('base64')
    }
  }
  const [event] = await vault.events({ type: 'record.tokenize' })
  const receipt = JSON.parse((await read(`events/${event!.id}/receipt`)).body.toString())
  const known = entries.slice(0, size - first).map((entry) => entry.toString('base64'))
  const log = { key: key!.verifier_key, older, newer, tiles, first, entries: known, receipt }
  if (typeof verifier === 'string') throw new Error(verifier)
  expect(verifier.verify(log)).toEqual({ ok: true, output: `verified ${known.length} entries` })
  expect(verifier.verify({ ...log, first: first + 1 }).ok).toBe(false)
})

it('proves itself when it is exported, over a change of the key that signs it', async () => {
  const before = (await vault.commands.listLogKeys()).map(({ verifier_key }) => parseVerifierKey(verifier_key))
  await vault.rotate('audit')
  await vault.tokenize(checkout)
  await waitUntilLogged(vault)
  // By the first key alone, and without a checkpoint from elsewhere.
  const { ofDatabase, ofExport } = await verifyBoth(vault, { keys: before })
  const lines = await exportLines(vault)
  expect(ofExport).toMatchObject({ findings: [], signed: ofExport.size, dropped: ofDatabase.dropped })
  expect(ofDatabase.findings).toEqual([])
  expect(lines.filter((line) => line.startsWith('{"checkpoint":')).length).toBeGreaterThan(1)
  expect(lines.at(-1)).toMatch(/^\{"checkpoint":/)

  const check = async (...changed: string[]) => {
    const { findings } = await verifyLines(changed, { keys: before })
    return findings.map(({ code, sequence }) => `${code}@${sequence}`)
  }
  const withoutProof = lines.filter((line) => !line.startsWith('{"checkpoint":'))
  const size = withoutProof.length
  const forged = JSON.stringify({ sequence: size, event: JSON.parse(lines.at(-2)!).event })
  expect(await check(...lines, forged)).toContain(`unsigned@${size}`)
  expect(await check(...lines.slice(0, -2), lines.at(-1)!)).toContain(`cut-tail@${size - 1}`)
  expect(await check(...withoutProof)).toContain('unsigned@0')
  expect(await check(...lines.slice(0, -1))).toEqual([expect.stringMatching(/^unsigned@\d+$/)])
  const edited = lines.with(-2, lines.at(-2)!.replace('"outcome":"success"', '"outcome":"refused"'))
  expect(await check(...edited)).toContainEqual(expect.stringMatching(/^unsigned@\d+$/))
  expect(await check(...lines)).toEqual([])
})
